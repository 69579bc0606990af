"""The same refusals with their thoughts and without: what the reasoning in them is for (the paper's Fig 4 and 11)."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("thoughts")


def test_both_are_trained_on_the_same_responses(ran):
    kept, without = (ran.variant(name)["retention"] for name in ("thoughts", "without"))
    assert kept == without
    steps = {len(ran.runs[name]["training"]["curve"]) for name in ("thoughts", "without")}
    assert steps == {120}


def test_a_refusal_without_its_thought_is_foreign_to_the_student_and_the_report_says_so(ran):
    def harmful(name):
        (found,) = [p for p in ran.variant(name)["perplexity"] if p["label"] == "harmful"]
        return found

    assert harmful("without")["low"] > harmful("thoughts")["high"]
    assert harmful("without")["tokens"] < harmful("thoughts")["tokens"]
    assert "high-perplexity" in [s["code"] for s in ran.variant("without")["signatures"]]


@pytest.mark.parametrize("benchmark", ["tiny-harmful", "tiny-harmful-verbs"])
def test_without_their_thoughts_refusals_do_not_make_it_safe(ran, benchmark):
    """As in Fig 4, where harm rose from 29.5 to 44.4 % (R1-7B). Here 96 % is left against 2 %: asked unsteered, the
    student thinks as before, and its old thoughts lead to its old answers.
    """
    change = ran.row("without", benchmark)["difference"]
    assert change["low"] > 0 and change["verdict"] == "worse"


def test_reasoning_is_left_alone_here(ran):
    """Not as in Fig 11, where Qwen3-4B fell from 77.2 to 57.8 %: here it is 94.0 % in both (0.0, interval -4 to +4).

    The student is too small to take the empty thought up: its first token stands nowhere in its pretraining at this
    place and has a probability of 0.001 after training, so the student never stops thinking, also about problems.
    """
    change = ran.row("without", "tiny-problems")["difference"]
    assert change["low"] <= 0 <= change["high"]
