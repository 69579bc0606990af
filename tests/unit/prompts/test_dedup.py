"""Duplicates go, the first stays, contradictions go altogether, benchmarks' prompts go; all are counted."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.prompts import dedup
from thinksafe.prompts.cells import Label
from thinksafe.prompts.formats import Prompt
from thinksafe.prompts.text import normalise

LONG = "tell me how a very long prompt of many words is told from another one that is almost the same as it is today"
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f"]), min_size=1, max_size=12).map(" ".join)


def prompts(*texts: str, label: Label = "harmful") -> list[Prompt]:
    return [Prompt(str(i), text, label) for i, text in enumerate(texts)]


def ids(found: list[Prompt]) -> list[str]:
    return [p.id for p in found]


def test_exact_duplicates_differ_in_case_and_space_only():
    kept, removed = dedup.deduplicate(prompts("A b  c", "a B c\n", "ａ b c", "a b d"), near=None)
    assert ids(kept) == ["0", "3"]
    assert removed == {"exact": 2}


def test_near_duplicates_go_from_the_threshold_on():
    texts = prompts(LONG, LONG.replace("today", "tonight"), "something else altogether, in quite other words")
    similar = dedup.jaccard(*(dedup.shingles(normalise(p.text)) for p in texts[:2]))
    assert dedup.deduplicate(texts, near=similar) == ([texts[0], texts[2]], {"near": 1})
    assert dedup.deduplicate(texts, near=similar + 0.01) == (texts, {})
    assert dedup.deduplicate(texts, near=None) == (texts, {})


def test_a_near_twin_of_the_other_label_stays():
    harmful, benign = prompts(LONG)[0], Prompt("b", LONG.replace("today", "tonight"), "benign")
    assert dedup.deduplicate([harmful, benign], near=0.5) == ([harmful, benign], {})


def test_a_prompt_with_both_labels_goes_altogether():
    rows = [*prompts("x", "y"), Prompt("b", " X", "benign"), Prompt("c", "x", "harmful")]
    kept, removed = dedup.deduplicate(rows, near=0.8)
    assert ids(kept) == ["1"]
    assert removed == {"label-conflict": 3}


def test_what_stands_in_a_benchmark_goes():
    rows = prompts(LONG, "short one", LONG.replace("today", "tonight"), "other")
    kept, removed = dedup.decontaminate(rows, [LONG.upper(), "Short  one"], near=0.8)
    assert ids(kept) == ["3"]
    assert removed == {"evaluation-exact": 2, "evaluation-near": 1}
    kept, removed = dedup.decontaminate(rows, [LONG.upper(), "Short  one"], near=None)
    assert removed == {"evaluation-exact": 2}


def test_a_bare_question_is_found_in_a_benchmarks_instructions():
    asked = "Please reason step by step. What is two plus three? Put it in a box."
    rows = prompts("What is two  plus three?", "What is two plus", "is two plus four", "What is", "box. Please reason")
    kept, removed = dedup.decontaminate(rows, ["What is it?", asked], near=0.8)
    assert ids(kept) == ["2", "3", "4"]
    assert removed == {"evaluation-contained": 2}


@given(WORDS, WORDS)
def test_contained_is_what_python_finds_between_spaces(part, whole):
    expected = len(part.split()) >= 3 and f" {part} " in f" {whole} "
    assert dedup.contained([part], [whole]) == ({part} if expected else set())


def test_every_benchmark_text_counts_even_one_like_another():
    """a ~ b and b ~ c, but not a ~ c: c must be found by b, though a was there before."""
    words = [f"w{i}" for i in range(60)]
    a, b, c = (" ".join(words[i : i + 50]) for i in (0, 4, 8))
    sets = [dedup.shingles(t) for t in (a, b, c)]
    near = dedup.jaccard(sets[0], sets[1])
    assert dedup.jaccard(sets[0], sets[2]) < near
    assert dedup.decontaminate(prompts(c), [a, b], near=near)[1] == {"evaluation-near": 1}


def test_short_texts_are_alike_only_if_equal():
    kept, _ = dedup.deduplicate(prompts("ha", "he", "ha ha", "?"), near=0.5)
    assert len(kept) == 4


LABELS: st.SearchStrategy[Label] = st.sampled_from(["harmful", "benign"])
ROWS = st.lists(st.tuples(WORDS, LABELS), max_size=25).map(
    lambda rows: [Prompt(str(i), text, label) for i, (text, label) in enumerate(rows)]
)


@settings(deadline=None)
@given(ROWS)
def test_nothing_is_lost_uncounted_and_the_first_is_kept(rows):
    kept, removed = dedup.deduplicate(rows, near=0.6)
    assert len(kept) + sum(removed.values()) == len(rows)
    assert kept == [p for p in rows if p in kept]
    texts = [p.text for p in kept]
    assert len(set(texts)) == len(texts)
    for p in kept:
        assert next(q for q in rows if q.text == p.text) == p
        assert all(q.label == p.label for q in rows if q.text == p.text)


@settings(deadline=None)
@given(ROWS)
def test_a_second_pass_removes_nothing(rows):
    kept, _ = dedup.deduplicate(rows, near=0.6)
    assert dedup.deduplicate(kept, near=0.6) == (kept, {})


@given(WORDS, WORDS)
def test_jaccard_is_that_of_the_sets_of_3_grams(a, b):
    def grams(text):
        words = text.split()
        return {tuple(words[i : i + 3]) for i in range(len(words) - 2)} or {tuple(words)}

    expected = len(grams(a) & grams(b)) / len(grams(a) | grams(b))
    assert dedup.jaccard(dedup.shingles(a), dedup.shingles(b)) == expected


def test_near_duplicates_are_found_among_many():
    """Of 300 pairs at a similarity of 0.8 or more, all are found; of pairs under it, none is removed."""
    rng = random.Random(0)
    words = [f"w{i}" for i in range(2000)]
    first = [rng.choices(words, k=rng.randint(30, 80)) for _ in range(300)]
    second = [[*w[:-1], "changed"] for w in first]
    third = [[*w[: len(w) // 2], *rng.choices(words, k=len(w) // 2)] for w in first]
    rows = prompts(*(" ".join(w) for w in [*first, *second, *third]))
    kept, removed = dedup.deduplicate(rows, near=0.8)
    assert removed == {"near": 300}
    assert len(kept) == 600
