"""What stands under the tree: why, what came out, and what to do next."""

import pytest
from unit.plugin import samples
from unit.plugin.samples import NOW, RESULTS
from unit.plugin.screen import shown, words

from thinksafe.plugin.remarks import remarks


def text(run: dict, width: int = 80, flags: str = "") -> str:
    return shown(*remarks(run, NOW, flags), width=width)


def flat(run: dict, flags: str = "") -> str:
    return words(*remarks(run, NOW, flags))


def test_all_is_well_and_nothing_is_said() -> None:
    assert text(samples.running()).strip() == ""


def test_what_it_waits_for_and_what_to_do() -> None:
    said = flat(samples.waiting())
    assert said.startswith("Unschedulable: generate, pod")
    assert "3 Insufficient nvidia.com/gpu. Add a node that fits" in said


def test_an_earlier_failure_of_a_running_stage_is_told() -> None:
    run = samples.running()
    run["status"]["message"] = "generate is running, attempt 2. Before: it ended with exit code 139"
    assert "exit code 139" in text(run)


def test_a_problem_while_it_runs_is_told() -> None:
    run = samples.running()
    run["status"] |= {"conditions": samples.ready("StorageUnavailable"), "message": "generate: the store is silent"}
    assert text(run).startswith("StorageUnavailable: generate: the store is silent")


def test_a_failed_run_says_why_where_its_log_is_and_how_to_go_on() -> None:
    said = flat(samples.failed(), flags="--namespace=alignment")
    assert "OutOfMemory: train, pod" in said
    assert "kubectl thinksafe logs qwen3-8b --namespace=alignment" in said
    assert "kubectl thinksafe retry qwen3-8b --namespace=alignment" in said


def test_without_a_worker_there_is_no_log_to_look_at() -> None:
    run = samples.run(phase="Failed", message="no", conditions=samples.ready("InvalidSpec", stalled=True), stages=[])
    assert "logs" not in text(run) and "retry" in text(run)


def test_a_finished_run_shows_its_results_and_where_they_are() -> None:
    said = flat(samples.succeeded())
    for word in ("harmbench 54.7% 3.1% −51.6", "math500 93.4% 93.1% −0.3", "31,880 of 40,000 (79.7%)", "3 h 36 min",
                 "index.html", "released/qwen3-8b/0f", "kubectl thinksafe report qwen3-8b --open"):  # fmt: skip
        assert word in said, word


def test_what_somebody_will_copy_is_on_one_line_however_narrow_it_is() -> None:
    lines = text(samples.succeeded(), width=40).splitlines()
    assert f"report: {samples.succeeded()['status']['report']}" in lines
    assert "See its report:  kubectl thinksafe report qwen3-8b --open" in lines


def test_a_benchmark_without_a_value_is_no_zero() -> None:
    run = samples.succeeded(results=[{"kind": "harmful", "benchmark": "harmbench", "aligned": 0.1}, *RESULTS[1:]])
    assert "harmbench – 10.0% –" in flat(run)


@pytest.mark.parametrize("status", [{}, {"observedGeneration": 0}])
def test_a_run_that_the_operator_has_not_seen(status: dict) -> None:
    fresh = samples.run(**status)
    assert "is it running" in flat(fresh), "an hour old"
    fresh["metadata"]["creationTimestamp"] = samples.at(5)
    assert flat(fresh) == "The operator has not looked at it yet"


def test_a_suspended_run_says_how_to_let_it_go_on() -> None:
    run = samples.run(phase="Suspended", message="It is suspended", conditions=samples.ready("Suspended"))
    assert '"suspend":false' in text(run, width=200)
