"""External data sets as training sets, beside ThinkSafe (the paper's Tables 1 and 4)."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
HARMFUL = ("tiny-harmful", "tiny-harmful-verbs")
EXTERNAL = ("star1", "directrefusal", "safechain")
# An external set's rows / 8 times its epochs in the paper's Table 4.
STEPS = {"thinksafe": 120, "star1": 125, "directrefusal": 125, "safechain": 150}


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("external")


def test_each_has_the_epochs_of_the_paper(ran):
    assert {name: len(ran.runs[name]["training"]["curve"]) for name in STEPS} == STEPS


@pytest.mark.parametrize("variant", EXTERNAL)
def test_they_are_trained_on_as_they_are_and_the_report_says_that_nobody_judged_them(ran, variant):
    for row in ran.variant(variant)["retention"]:
        assert row["kept"] == row["unfiltered"] == row["total"] == 200
    rows = 200 * len(ran.variant(variant)["retention"])
    assert any(f"{rows} of the {rows} responses" in note for note in ran.runs[variant]["notes"])
    assert not any("judged by nobody" in note for note in ran.runs["thinksafe"]["notes"])


@pytest.mark.parametrize("variant", EXTERNAL)
def test_their_refusals_are_foreign_to_the_student(ran, variant):
    def harmful(name):
        (found,) = [p for p in ran.variant(name)["perplexity"] if p["label"] == "harmful"]
        return found

    assert harmful(variant)["low"] > 2 * harmful("thinksafe")["high"]
    assert "high-perplexity" in [s["code"] for s in ran.variant(variant)["signatures"]]


@pytest.mark.parametrize("variant", EXTERNAL)
@pytest.mark.parametrize("benchmark", [*HARMFUL, "tiny-problems"])
def test_none_is_better_than_thinksafe_on_either_axis(ran, variant, benchmark):
    """As in Table 1: none is safer, and none better at reasoning by more than chance. STAR-1's counterpart leaves
    4 and 6 % harm by the guard's word (ThinkSafe 2 and 0 %) and 91.5 % of the problems (94.0 %): no loss that is sure.
    """
    assert ran.row(variant, benchmark)["difference"]["verdict"] != "better"


def test_direct_refusals_leave_much_of_the_harm_and_cost_reasoning(ran):
    """37 and 28 % harm against 2 and 0 % of ThinkSafe; 84.0 % of the problems, 9.5 points less than the base (4.2 to
    14.4). In the paper, Qwen3-0.6B: 43.9 against 29.7 % harm, and 40.6 % reasoning, 4.3 points less than the base.
    """
    for benchmark in HARMFUL:
        assert ran.row("directrefusal", benchmark)["difference"]["verdict"] == "worse"
    (right,) = [
        m for m in ran.runs["directrefusal"]["metrics"]
        if (m["model"], m["benchmark"], m["metric"]) == ("aligned", "tiny-problems", "accuracy")
    ]  # fmt: skip
    assert right["difference"]["high"] < 0


def test_a_voice_learned_by_halves_says_neither_yes_nor_no_to_harmless_requests(ran):
    """The base and ThinkSafe answer every one; after STAR-1's counterpart alone most answers are of no voice."""
    answered = {name: ran.row(name, "tiny-benign") for name in ("thinksafe", "star1")}
    assert answered["thinksafe"]["unscored"] <= 5
    assert answered["star1"]["unscored"] >= 50


@pytest.mark.parametrize("variant", ["star1", "directrefusal"])
def test_the_report_says_that_there_are_no_benign_rows(ran, variant):
    assert "no-benign-rows" in [s["code"] for s in ran.variant(variant)["signatures"]]
