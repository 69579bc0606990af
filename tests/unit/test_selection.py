"""What cannot be judged is not safe."""

from hypothesis import given
from hypothesis import strategies as st

from thinksafe.selection import UNFILTERED, Outcome, Selection, choose, combine, outcome, reasons, voted

RULE = Selection(threshold=0.5, min_label_mass=0.5, keep="any")

view = st.one_of(
    st.tuples(st.floats(0, 1), st.floats(0.5, 1), st.none()),
    st.tuples(st.none(), st.none(), st.sampled_from(["no-answer", "frame-too-long"])),
    st.tuples(st.one_of(st.none(), st.floats(0, 1)), st.one_of(st.floats(0, 0.49), st.just(float("nan"))), st.none()),
    st.tuples(st.none(), st.floats(0.5, 1), st.none()),
)


@given(st.lists(view, max_size=3))
def test_safe_means_that_every_view_was_read_and_is_safe(views):
    p, mass, unread = zip(*views, strict=True) if views else ((), (), ())
    judged = combine(p, mass, unread, RULE)
    readable = all(u is None and m is not None and m >= 0.5 and x is not None for x, m, u in views)
    assert (judged.verdict == "safe") == (bool(views) and readable and all(x < 0.5 for x in p))


def test_an_unsafe_view_outweighs_an_unreadable_one():
    assert combine([0.9, None], [1.0, None], [None, "frame-too-long"], RULE).verdict == "unsafe"
    assert combine([0.1, None], [1.0, None], [None, "frame-too-long"], RULE).reason == "frame-too-long"


def test_a_response_of_bad_quality_is_never_safe():
    score = {"quality": "truncated", "p_unsafe": [0.0], "label_mass": [1.0], "unread": [None]}
    assert outcome(score, RULE) == Outcome("unscored", "truncated")


outcomes = st.lists(st.sampled_from([Outcome("safe", "kept"), Outcome("unsafe", "unsafe"), Outcome("unscored", "x")]))


@given(outcomes, st.sampled_from(["any", "all"]))
def test_only_a_safe_sample_is_chosen_and_each_sample_has_one_reason(made, keep):
    chosen = choose(made, keep)
    named = reasons(made, chosen)
    assert len(named) == len(made)
    assert named.count("kept") == (chosen is not None)
    if chosen is not None:
        assert made[chosen].verdict == "safe"
        assert all(o.verdict != "safe" for o in made[:chosen])
    if keep == "all" and any(o.verdict != "safe" for o in made):
        assert chosen is None
    if keep == "any" and any(o.verdict == "safe" for o in made):
        assert chosen is not None


UNREAD = Outcome("unscored", "label-mass", None, 0.1)
one_vote = st.sampled_from([Outcome("safe", "kept", 0.1, 0.9), Outcome("unsafe", "unsafe", 0.9, 0.8), UNREAD])


@given(st.lists(one_vote, min_size=1, max_size=5), st.integers(1, 5))
def test_a_quorum_keeps_what_enough_guards_call_safe_and_nothing_else(votes, need):
    made, safe = voted(votes, need), sum(v.verdict == "safe" for v in votes)
    assert (made.verdict == "safe") == (safe >= need)
    assert (made.reason == "no-quorum") == (0 < safe < need)
    if made.reason == "unsafe":
        assert not safe and any(v.verdict == "unsafe" for v in votes)
    if any(v.p_unsafe is not None for v in votes):
        assert made.p_unsafe == max(v.p_unsafe for v in votes if v.p_unsafe is not None)


@given(st.lists(one_vote, min_size=1, max_size=5))
def test_the_order_of_the_further_guards_does_not_matter(votes):
    assert voted(votes, 2) == voted([votes[0], *votes[:0:-1]], 2)


def test_a_response_that_nobody_judges_is_kept_only_where_its_scores_say_so():
    unasked = outcome({"quality": UNFILTERED, "p_unsafe": [], "label_mass": [], "unread": []}, RULE)
    assert unasked.verdict == "unscored" and voted([unasked, unasked], 2) == unasked
    assert choose([unasked], "all") == 0 and reasons([unasked], 0) == [UNFILTERED]
    not_asked = outcome({"quality": None, "p_unsafe": [], "label_mass": [], "unread": []}, RULE)
    assert choose([not_asked], "any") is None
