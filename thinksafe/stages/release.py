"""Publishing an adapter: its files, then the statement about them, then, once all of it holds, the pointer.

`released/<name>/<digest of the report>/` is written once: everything in it is a function of artifacts that never
change, so two that publish the same write the same. What is killed before the statement has no statement, and
`thinksafe verify` refuses it; what is killed before the pointer is not named by it. The same run goes on from there.
"""

import hashlib
import json
import tempfile
from pathlib import Path

from thinksafe.artifacts.artifact import Artifact
from thinksafe.attestation import contents, statement
from thinksafe.attestation.place import Place
from thinksafe.attestation.verify import Expected, verify
from thinksafe.errors import DataError
from thinksafe.stages.run import Run

CARD = "README.md"


def publish(run: Run) -> None:
    """Write the adapter, its card and its statement to `run.released`, and then point to it.

    Raises DataError for a file of the adapter that is not what was trained, or is of a kind that could run code,
    and for a folder that holds something else already.
    """
    adapter, report, folder = run.artifact("adapter"), run.artifact("report"), run.released
    files = {
        entry["name"].removeprefix("files/"): entry["sha256"]
        for entry in adapter.manifest()["objects"]
        if entry["name"].startswith("files/")
    }
    for name, sha256 in files.items():
        _copy(adapter, name, sha256, f"{folder}/{name}")
    card = report.get_file("model-card.md")
    run.store.put_if_absent(f"{folder}/{CARD}", card)
    said = _statement(run, {**files, CARD: hashlib.sha256(card).hexdigest()})
    run.store.put_if_absent(f"{folder}/{statement.NAME}", statement.to_bytes(said))
    found = verify(Place(run.store, folder), Expected())
    if found.statement.files != said.files:
        raise DataError(
            f"{folder}: holds another adapter than this run's", reason="OtherStatement",
            hint="Somebody changed it; remove that folder and run the report stage again",
        )  # fmt: skip
    pointer = {
        "adapter": run.plan.node("adapter").digest,
        "report": run.plan.node("report").digest,
        "folder": folder,
        "statement": found.sha256,
    }
    run.store.put(f"released/{run.name}/current.json", json.dumps(pointer, indent=1, sort_keys=True).encode())


def _copy(artifact: Artifact, name: str, sha256: str, key: str) -> None:
    """Copy a file of the adapter if it is what its manifest says, and of a kind that may be published."""
    with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
        path = Path(folder) / "file"
        artifact.store.download(f"{artifact.prefix}/files/{name}", path)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise DataError(
                f"{artifact.prefix}/files/{name}: is not what was trained (sha256 {found})", reason="Damaged",
                hint="Remove the artifact's whole folder and run the manifest again",
            )  # fmt: skip
        contents.check(name, path)
        artifact.store.upload_if_absent(key, path)


def _statement(run: Run, files: dict[str, str]) -> statement.Statement:
    """The statement, out of the report's summary and the manifests of all artifacts."""
    made, versions = dict[str, dict[str, str]](), dict[str, dict[str, str]]()
    for node in run.plan.nodes:
        artifact = run.artifact(node.name)
        content = run.store.get(f"{artifact.prefix}/manifest.json")
        made[node.name] = {"digest": node.digest, "manifest": hashlib.sha256(content).hexdigest()}
        versions[node.name] = json.loads(content)["versions"]
    document = json.loads(run.artifact("report").get_file("summary.json"))
    return statement.build(files, document, made, versions)
