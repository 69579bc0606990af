"""Perplexity of the training data under the student (the paper's Fig 8): its own against a teacher's."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("own-data")


def harmful(ran, variant):
    (found,) = [p for p in ran.variant(variant)["perplexity"] if p["label"] == "harmful"]
    return found


def test_what_the_student_wrote_itself_is_near_to_it_and_the_teachers_is_far(ran):
    """In the paper, Qwen3-1.7B: 1.55 for its own, 7.35 for STAR-1's."""
    own, teachers = harmful(ran, "own"), harmful(ran, "star1")
    assert own["high"] < 2 < teachers["low"]
    assert teachers["low"] > 2 * own["high"]


def test_the_second_variant_is_that_of_the_external_baselines_and_computed_once(ran, experiment):
    other = experiment("external")
    for name in ("dataset", "perplexity", "adapter", "verdicts-aligned"):
        digests = [r.runs["star1"]["lineage"]["artifacts"][name] for r in (ran, other)]
        assert digests[0] == digests[1]
