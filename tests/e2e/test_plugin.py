"""`kubectl thinksafe` on a real cluster, as a user types it: logs of real workers, a report out of the real store, and
a failed run that is done again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster.binaries import binary
from e2e.namespace import Namespace
from e2e.undisturbed import ENDED, NAME, Undisturbed, many

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]
FAILED = "impatient"


@dataclass(frozen=True)
class Shell:
    """A user's shell, whose PATH has kubectl and the plugin, and which has the store's credentials as AWS has them."""

    namespace: Namespace
    folder: Path

    def do(self, *arguments: str, code: int = 0) -> str:
        """`kubectl thinksafe ...` in the namespace: what it prints."""
        cluster = self.namespace.cluster
        folders = [str(Path(sys.executable).parent), str(binary("kubectl").parent), os.environ["PATH"]]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        keys = {"AWS_ACCESS_KEY_ID": cluster.access_key, "AWS_SECRET_ACCESS_KEY": cluster.secret_key}
        environment = {
            **kept, **keys, "PATH": ":".join(folders), "KUBECONFIG": str(cluster.kubeconfig), "COLUMNS": "120",
        }  # fmt: skip
        done = subprocess.run(
            ["kubectl", "thinksafe", *arguments, "-n", self.namespace.name], env=environment, cwd=self.folder,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout

    def words(self, *arguments: str) -> str:
        return " ".join(self.do(*arguments).split())


@pytest.fixture(scope="module")
def shell(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Beside the finished run, one of the same content that failed: no node was good enough for it."""
    namespace, label = undisturbed.namespace, f"thinksafe.dev/plugin-{os.urandom(4).hex()}"
    prepare = {"nodeSelector": {label: "yes"}, "pendingDeadlineSeconds": 20}  # enough for a slow node, later
    namespace.apply(many(namespace, FAILED, stages={"prepare": prepare}))
    namespace.wait_for_phase(FAILED, "Failed", seconds=90)
    node = namespace.cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    namespace.cluster.kubectl("label", "node", node, f"{label}=yes")
    yield Shell(namespace, tmp_path_factory.mktemp("shell"))
    namespace.cluster.kubectl("label", "node", node, f"{label}-")
    namespace.kubectl("delete", "thinksaferun", FAILED, "--wait=false", "--ignore-not-found")


def test_status_shows_what_came_of_a_run(shell: Shell, undisturbed: Undisturbed) -> None:
    said = shell.words("status", NAME)
    for word in (undisturbed.status["phase"], "✓ generate", "tokens", "tiny-harmful", undisturbed.status["report"]):
        assert word in said, word


def test_status_says_why_a_run_failed_and_what_to_do(shell: Shell) -> None:
    said = shell.words("status", FAILED)
    assert "✗ prepare" in said and "PendingDeadlineExceeded: prepare" in said
    assert f"kubectl thinksafe retry {FAILED}" in said


def test_logs_of_a_stage_are_its_workers_last_words(shell: Shell) -> None:
    written = shell.do("logs", NAME, "generate")
    assert "thinksafe-progress" in written
    last = shell.do("logs", NAME, "generate", "--tail", "1").splitlines()
    assert [json.loads(line[line.index("{") :])["stage"] for line in last] == ["generate"]
    assert '"stage": "report"' in shell.do("logs", NAME).replace('":"', '": "'), "the last stage if none is named"


def test_the_report_comes_from_the_store_with_the_users_credentials(shell: Shell, undisturbed: Undisturbed) -> None:
    shell.do("report", NAME)
    page = (shell.folder / f"{NAME}-report.html").read_text()
    assert NAME in page and "</html>" in page
    assert shell.do("report", NAME, "--output", "-") == page


def test_a_failed_run_is_done_again_from_the_store_and_compared(shell: Shell) -> None:
    """Nothing is computed twice: all it asks for another run has committed."""
    shell.do("retry", FAILED)
    assert shell.namespace.status(FAILED).get("phase") != "Failed"
    status = shell.namespace.wait_for_phase(FAILED, *ENDED, seconds=120)
    states = {s["name"]: s["state"] for s in status["stages"]}
    assert states == dict.fromkeys(states, "Cached") | {"prepare": "Succeeded", "report": "Succeeded"}
    said = shell.words("compare", NAME, FAILED, "--full")
    assert "stages.prepare" in said and "in the store already" in said
    assert "adapter A (95%)" in said and "kept, harmful" in said
    differences = [line.split()[-1] for line in shell.do("compare", NAME, FAILED).splitlines() if "tiny-" in line]
    assert differences and set(differences) == {"0.0"}
