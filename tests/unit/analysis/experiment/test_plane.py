"""The Pareto front, and which points there are."""

from hypothesis import given as drawn
from hypothesis import strategies as st

from thinksafe.analysis.experiment.plane import pareto, points

from .variants import given, unmeasured, verdicts

POINTS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


def beats(a, b):
    return a[0] <= b[0] and a[1] >= b[1] and a != b


@drawn(POINTS)
def test_the_front_is_what_nothing_beats_and_it_beats_all_the_rest(found):
    on = pareto(found)
    front = [p for p, is_on in zip(found, on, strict=True) if is_on]
    assert bool(front) == bool(found)
    for point, is_on in zip(found, on, strict=True):
        assert is_on != any(beats(other, point) for other in found)
        assert is_on or any(beats(other, point) for other in front)


@drawn(POINTS)
def test_the_order_of_the_points_does_not_matter(found):
    assert dict(zip(found, pareto(found), strict=True)) == dict(zip(found[::-1], pareto(found[::-1]), strict=True))


def test_every_measured_variant_is_a_point_and_each_student_without_an_adapter_is_one():
    a = given("a", verdicts(harm=[0] * 10, sums=[1] * 10))
    b = given("b", verdicts(harm=[1] * 10, sums=[0] * 10))
    other = given("c", verdicts(harm=[1] * 10, sums=[1] * 10), student="two")
    found = points([a, b, other, unmeasured("d")], "a")
    assert [(p["name"], p["base"]) for p in found] == [
        ("base model", True), ("base model of c", True), ("a", False), ("b", False), ("c", False)
    ]  # fmt: skip
    assert {p["name"] for p in found if p["front"]} == {"a"}


def test_without_one_of_the_two_axes_there_is_no_point():
    assert points([given("a", verdicts(harm=[0] * 10), base=verdicts(harm=[1] * 10))], "a") == []
