"""Numbers as people read them, and the table in the terminal."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from thinksafe.analysis import table, words

from .samples import document


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (0.0, "0.0%"), (0.0345, "3.5%"), (1.0, "100.0%"), (0.0001, "<0.1%"), (0.9999, ">99.9%")],
)
def test_percent(share, text):
    assert words.percent(share) == text


@given(st.floats(0, 1))
def test_only_nothing_reads_as_nothing_and_only_all_as_all(share):
    assert (words.percent(share) == "0.0%") == (share == 0)
    assert (words.percent(share) == "100.0%") == (share == 1)


@pytest.mark.parametrize(
    ("change", "text"), [(None, "–"), (-0.021, "−2.1"), (0.021, "+2.1"), (0.0, "0.0"), (-0.00001, "0.0")]
)
def test_signed(change, text):
    assert words.signed(change) == text


@pytest.mark.parametrize(("bound", "text"), [(0.01, "1 point"), (0.05, "5 points"), (0.025, "2.5 points")])
def test_bounds_are_said_as_they_were_chosen(bound, text):
    assert words.bound_points(bound) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (float("nan"), "–"), (0.44, "0.4 s"), (59.6, "1 min 00 s"), (75, "1 min 15 s"),
     (3599.7, "1 h 00 min"), (4000, "1 h 06 min")],
)
def test_duration(seconds, text):
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(None, "–"), (0, "0"), (12345, "12,345"), (4_200_000, "4.2 M")])
def test_count(number, text):
    assert words.count(number) == text


def shown(summary, width):
    out = io.StringIO()
    table.show(summary, Console(file=out, width=width, color_system=None))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_shows_both_models_with_intervals_and_the_gate(width):
    text = shown(document(), width)
    for wanted in ("harmful responses", "over-refusal", "right answers", "perplexity", "94.2% (88–97)",
                   "0.8% (0–5)", "−93.3 (−97 to −86)", "1.16 (1.16–1.17)", "The gate passed"):
        assert wanted in text
    assert "tiny-problems" in text and "no evidence" in text


def test_the_table_says_what_was_cut_off_and_unscored():
    text = shown(document(good=False), 120)
    assert "adapter 69 cut off, 18 unscored" in text and "The gate did not pass" in text


def test_names_with_brackets_are_names():
    made = document()
    made["metrics"][0]["benchmark"] = "[red]x[/]"
    assert "[red]x[/]" in shown(made, 120)


def test_a_bare_run_has_its_table():
    bare = {**document(), "metrics": [], "perplexity": [], "notes": []}
    assert "The gate" in shown(bare, 80)
