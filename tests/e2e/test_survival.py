"""A run takes no harm: whatever is killed, deleted, restarted or doubled while it goes on, and whenever.

Always: it ends as an undisturbed run does, no Job was made twice, no two Jobs of a stage were alive at once, every row
is there exactly once, nothing committed ever changed, and the data is that of the undisturbed run, byte by byte.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest
from cluster.helm import packaged
from e2e.committed import Committed, wrong_rows
from e2e.ledger import JobWatch, Ledger
from e2e.mishaps import Fate, Killed, no_operator, operator_pods, scale_operator, upgrade_operator
from e2e.namespace import Namespace
from e2e.undisturbed import ENDED, STAGES, Undisturbed, data, many

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]
KILLS = 50
ENOUGH_SECONDS = 1800.0


@pytest.fixture
def dice() -> Random:
    """Shown where a test fails; THINKSAFE_SEED repeats it, as far as a cluster can be repeated."""
    seed = int(os.environ.get("THINKSAFE_SEED") or int.from_bytes(os.urandom(3)))
    print(f"THINKSAFE_SEED={seed}")
    return Random(seed)


@contextmanager
def unharmed(namespace: Namespace, name: str, undisturbed: Undisturbed) -> Iterator[Ledger]:
    """Apply a run; what is done to it inside must leave no trace. Gives the Jobs that were made so far."""
    storage = {**namespace.storage_spec(), "uri": place_of(namespace, name)}
    with JobWatch(namespace) as ledger, Committed(namespace, storage["uri"]) as committed:
        namespace.apply(many(namespace, name, storage=storage))
        yield ledger
        status = wait_for_end(namespace, name)
    committed.look()
    expected = undisturbed.status
    assert status["phase"] == expected["phase"], status.get("message")
    assert status["results"] == expected["results"]
    assert [(s["name"], s["state"]) for s in status["stages"]] == [(s, "Succeeded") for s in STAGES]
    assert (ledger.made_twice(), ledger.clashes) == ([], [])
    assert committed.looks > 10 and committed.changed == []
    assert wrong_rows(committed.rows()) == []
    assert data(committed) == undisturbed.data()


def place_of(namespace: Namespace, name: str) -> str:
    """A store of the run's own, which holds nothing yet."""
    return f"{namespace.storage}/{name}"


def wait_for_end(namespace: Namespace, name: str) -> dict:
    return namespace.wait_for_phase(name, *ENDED, seconds=ENOUGH_SECONDS)


def one_job_a_stage(ledger: Ledger) -> None:
    assert {stage: len(ledger.made_of(stage)) for stage in STAGES} == dict.fromkeys(STAGES, 1)


def test_the_reference_is_whole(undisturbed):
    assert undisturbed.status["phase"] in ("Succeeded", "GateFailed"), undisturbed.status.get("message")
    assert undisturbed.committed.changed == []
    assert wrong_rows(undisturbed.committed.rows()) == []
    one_job_a_stage(undisturbed.ledger)


@pytest.mark.soak
def test_the_operator_killed_at_fifty_random_moments(undisturbed, namespace, dice, tmp_path):
    """Outside of the cluster, for it starts faster there. A fast machine may need a second run for so many kills."""
    cluster, runs = namespace.cluster, 0
    with no_operator(cluster):
        killed = Killed(cluster, tmp_path, dice)
        # Long enough to get on now and then, and short enough for 50 of them in one run.
        killed.longest = max(2.5 * killed.measure_start(), 1.5 * undisturbed.whole() / KILLS)
        while killed.kills < KILLS:
            runs += 1
            with unharmed(namespace, f"killed-{runs}", undisturbed) as ledger:
                while killed.kills < KILLS and not _ended(namespace, f"killed-{runs}"):
                    killed.live_and_die()
                last = killed.new()
                try:
                    wait_for_end(namespace, f"killed-{runs}")
                finally:
                    last.__exit__()
            assert len(ledger.uids) == runs * len(STAGES)
    print(f"{killed.kills} kills, {killed.ready} of them at work, in {runs} runs, lives up to {killed.longest:.1f} s")
    assert killed.ready >= KILLS // 5


def _ended(namespace: Namespace, name: str) -> bool:
    return namespace.status(name).get("phase") in ENDED


@pytest.mark.soak
def test_workers_deleted_the_kubelet_away_api_server_and_etcd_restarted(undisturbed, namespace, dice):
    if namespace.cluster.own is None:
        pytest.skip("the parts of a cluster that is not ours cannot be stopped")
    fate = Fate(namespace, "battered", place_of(namespace, "battered"), dice, undisturbed.seconds)
    with unharmed(namespace, "battered", undisturbed) as ledger:
        fate.delete_pod("prepare")
        # A stage that loses its pod begins another one: so there is time for the second fault.
        fate.delete_pod("generate", by_force=True)
        fate.restart_apiserver("generate")
        fate.delete_pod("filter")
        fate.restart_etcd("filter")
        fate.delete_pod("train", by_force=dice.random() < 0.5)
        fate.kubelet_away("train")
        fate.delete_pod("evaluate")
        fate.delete_pod("report")
        wait_for_end(namespace, "battered")
        print(*fate.told, sep="\n")
        one_job_a_stage(ledger)


def test_two_operators_at_once_and_an_upgrade_in_the_middle(undisturbed, namespace, dice, tmp_path):
    cluster = namespace.cluster
    fate = Fate(namespace, "doubled", place_of(namespace, "doubled"), dice, undisturbed.seconds)
    try:
        scale_operator(cluster, 2)
        with unharmed(namespace, "doubled", undisturbed) as ledger:
            fate.moment_of("filter")
            assert len(operator_pods(cluster)) == 2
            scale_operator(cluster, 1)
            fate.moment_of("train")
            before, pods = _alive(namespace)
            upgrade_operator(cluster, packaged("1000.0.0", tmp_path))
            jobs_after, pods_after = _alive(namespace)
            assert before <= jobs_after and pods <= pods_after, "the upgrade touched what was running"
            scale_operator(cluster, 2)
            wait_for_end(namespace, "doubled")
            print(*fate.told, sep="\n")
            one_job_a_stage(ledger)
    finally:
        scale_operator(cluster, 1)


def _alive(namespace: Namespace) -> tuple[set[str], set[str]]:
    """Uids of the Jobs and of the pods there are."""
    jobs, pods = ({one["metadata"]["uid"] for one in found} for found in (namespace.jobs(), namespace.pods()))
    return jobs, pods
