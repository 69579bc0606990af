"""A row that hangs, dies or raises costs only itself; the others keep their places."""

import pytest

from thinksafe import benchmarks
from thinksafe.benchmarks.base import Benchmark, Problem, Score
from thinksafe.benchmarks.pool import score_all

SCORER = """
import os
from thinksafe.benchmarks.base import Score

def scorer(problem, text):
    print("noise on the standard output")
    if text == "hang":
        while True: 9 ** 9
    if text == "hang in C":
        return 10 ** 10 ** 10 % 7
    if text == "die":
        os._exit(3)
    if text == "raise":
        raise KeyError(text)
    if text == "eat":
        return "x" * (1 << 40)
    return Score({"m": float(text)})
"""


@pytest.fixture
def benchmark(tmp_path, monkeypatch) -> Benchmark:
    (tmp_path / "scorer_of_this_test.py").write_text(SCORER)
    monkeypatch.syspath_prepend(str(tmp_path))
    from scorer_of_this_test import scorer  # type: ignore[import-not-found]

    return Benchmark("b", "accuracy", "", None, "test", "", "", lambda _: [], ("m",), scorer, can_hang=True)


def rows(*texts: str):
    return [(Problem(str(i), "", "1"), text) for i, text in enumerate(texts)]


def test_every_fault_costs_its_own_row_only(benchmark):
    found = score_all(
        benchmark, rows("0", "hang", "1", "die", "2", "raise", "3", "hang in C", "4", "eat", "5"), seconds=1.5
    )
    assert [s.values and s.values["m"] for s in found] == [0, None, 1, None, 2, None, 3, None, 4, None, 5]
    reasons = {text: s.reason for text, s in zip(("hang", "die", "raise", "in C", "eat"), found[1::2], strict=True)}
    assert reasons == {
        "hang": "timeout", "die": "crashed", "raise": "error-KeyError", "in C": "timeout", "eat": "error-MemoryError",
    }  # fmt: skip


@pytest.mark.parametrize("processes", [1, 3])
def test_the_order_is_that_of_the_rows(benchmark, processes):
    found = score_all(benchmark, rows(*map(str, range(200))), processes=processes)
    assert [s.values for s in found] == [{"m": float(i)} for i in range(200)]


def test_long_texts_pass(benchmark):
    assert score_all(benchmark, rows(" " * 3_000_000 + "1", "2"))[1] == Score({"m": 2.0})


def test_no_rows(benchmark):
    assert score_all(benchmark, []) == []


def test_a_benchmark_that_the_guard_judges_has_no_scorer():
    with pytest.raises(ValueError, match="harmbench"):
        score_all(benchmarks.get("harmbench"), [])


def test_graders_of_mathematics_run_where_they_can_be_ended():
    for name in benchmarks.names():
        made = benchmarks.get(name)
        if "accuracy-paper" in made.metrics and name != "gpqa-diamond":
            assert made.can_hang


def test_a_monstrous_power_does_not_stop_the_rest():
    math500 = benchmarks.get("math500")
    texts = ["</think>\\boxed{9^{9^{9^{9}}}}", "</think>\\boxed{1}"]
    found = score_all(math500, rows(*texts), seconds=1.5, processes=1)
    assert found[0].values is None or set(found[0].values.values()) == {0.0}
    assert found[1].values == {"accuracy": 1.0, "accuracy-paper": 1.0}
