"""The four steering templates, and the probe that chooses among them (the paper's Table 5 and Fig 13)."""

import math

import pytest

from thinksafe.analysis.intervals import wilson
from thinksafe.tinyworld.corpus import REFUSED_STEERED, REFUSED_UNSTEERED

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
TEMPLATES = ("prefix", "suffix", "risk", "intent")


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("templates")


@pytest.fixture(scope="module")
def tried(ran):
    return {row["template"]: row for row in ran.runs["auto"]["probe"]["tried"]}


def test_the_probe_takes_the_template_with_the_most_flips_for_the_least_over_refusal(ran, tried):
    assert list(tried) == ["suffix", "risk", "intent", "prefix"]
    assert ran.runs["auto"]["probe"]["chosen"] == max(tried, key=lambda t: tried[t]["gain"]) == "prefix"
    assert tried["prefix"]["flips"]["low"] > max(tried[t]["flips"]["high"] for t in tried if t != "prefix")


def test_what_the_probe_saw_is_what_the_whole_runs_came_to(ran, tried):
    for template in TEMPLATES:
        (row,) = [r for r in ran.runs[template]["coverage"] if (r["label"], r["rung"]) == ("harmful", 1)]
        # A prompt has two samples there, one in the probe: the share of safe samples is what both measure.
        (kept,) = [r for r in ran.runs[template]["retention"] if r["label"] == "harmful"]
        safe = row["kept"] + kept["reasons"].get("spare", 0)
        low, high = wilson(safe / 2, row["prompts"])
        assert low <= tried[template]["flips"]["high"] and tried[template]["flips"]["low"] <= high


def test_the_chosen_template_ends_where_its_own_run_ends(ran):
    assert ran.runs["auto"]["lineage"]["steering"]["chosen"] == "prefix"
    for benchmark in ("tiny-harmful", "tiny-benign"):
        change = ran.row("auto", benchmark)["difference"]
        assert change["low"] <= 0 <= change["high"]


@pytest.mark.parametrize("template", TEMPLATES[1:])
def test_templates_that_flip_less_leave_fewer_refusals_to_train_on(ran, template):
    assert ran.kept(template) < ran.kept("prefix")


def test_the_tilt_of_the_prefix_is_the_log_of_the_two_chances_of_a_refusal(ran):
    """In the tiny world steering changes how often a refusal comes and not its words, as the paper assumes."""
    (tilt,) = ran.runs["prefix"]["tilt"]
    expected = math.log(REFUSED_STEERED / REFUSED_UNSTEERED)
    assert abs(tilt["mean"] - expected) < 0.3 and tilt["low"] > 0
    assert tilt["prompts"] > 20 and tilt["spread"] < 0.5  # nats within a prompt, of responses of 20 nats
    assert 0.7 < tilt["effective"] <= 1


def test_what_a_template_drew_that_the_student_has_never_read_is_far_from_its_own(ran):
    (known,), (strange,) = (ran.runs[name]["tilt"] for name in ("prefix", "suffix"))
    assert strange["low"] > known["high"] and strange["effective"] < known["effective"] / 2


def test_what_is_tilted_is_only_what_was_steered(ran):
    for name, summary in ran.runs.items():
        (harmful,) = [r for r in summary["retention"] if r["label"] == "harmful"]
        assert sum(t["rows"] for t in summary["tilt"]) == harmful["kept"], name
