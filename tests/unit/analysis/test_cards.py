"""The cards: front matter that the hub reads, both axes, counts and lineage, and no markup out of names."""

import itertools

import yaml

from thinksafe.analysis import cards

from .samples import document


def split(card):
    empty, front, body = card.split("---\n", 2)
    assert empty == ""
    return yaml.safe_load(front), body


def test_the_model_card_has_both_axes_with_intervals_and_lineage():
    made = document()
    made["lineage"]["model"]["name"] = "Qwen/Qwen3-0.6B"
    front, body = split(cards.model_card(made))
    assert front["base_model"] == "Qwen/Qwen3-0.6B"
    assert front["library_name"] == "peft"
    assert "license" not in front
    assert {r["dataset"]["name"] for r in front["model-index"][0]["results"]} >= {"tiny-harmful", "tiny-problems"}
    aligned = next(m for m in made["metrics"] if m["benchmark"] == "tiny-problems" and m["model"] == "aligned")
    assert f"{aligned['value']:.1%} ({aligned['low'] * 100:.1f}–{aligned['high'] * 100:.1f}%)" in body
    assert made["lineage"]["artifacts"]["dataset"] in body
    assert "**Gate: passed.**" in body and "no evidence" in body
    for heading in ("Results", "Intended use", "Limits", "Training data", "Lineage", "Licence"):
        assert f"\n## {heading}\n" in body


def test_a_base_that_no_hub_has_is_not_linked():
    front, _ = split(cards.model_card(document()))
    assert "base_model" not in front


def test_a_failed_gate_is_said_in_the_card():
    _, body = split(cards.model_card(document(good=False)))
    assert "**Gate: did not pass.**" in body and "## Known failures" in body and "over-refusal" in body


def test_the_data_card_counts_every_drop_by_reason_and_label():
    made = document()
    front, body = split(cards.dataset_card(made))
    assert front["size_categories"] == ["n<1K"]
    assert "| harmful | judged unsafe | 53 | 12.1% |" in body
    assert "| harmful | 2 | 12 | 400 | 3.0% |" in body
    assert made["lineage"]["guard"]["fingerprint"] in body
    assert "removed, exact duplicate: 9" in body


def test_tables_are_whole():
    for card in (cards.model_card(document(good=False)), cards.dataset_card(document())):
        lines = card.splitlines()
        for before, line in itertools.pairwise(lines):
            if line.startswith("| ") and before.startswith("|"):
                assert line.replace("\\|", "").count("|") == before.replace("\\|", "").count("|")


def test_names_cannot_become_markup_or_fields():
    made = document()
    evil = "x\nlicense: mit\n---\n<script>alert(1)</script> | `code`"
    made["run"]["name"] = evil
    made["lineage"]["model"]["name"] = evil
    made["metrics"][0]["benchmark"] = made["metrics"][1]["benchmark"] = evil
    made["retention"][0]["reasons"] = {evil: 1}
    made["prompts"]["read"] = {evil: 1}
    for card in (cards.model_card(made), cards.dataset_card(made)):
        front, body = split(card)
        assert "license" not in front
        outside_code = body.split("`")[::2]
        assert not [text for text in outside_code if "<script" in text]
        assert body.count("`") % 2 == 0


def test_a_bare_run_has_its_cards():
    bare = {"run": {"name": "a"}, "gate": {"passed": False, "rules": [], "sentence": "Nothing."}}
    assert "No benchmark was run." in cards.model_card(bare)
    assert "No responses were generated." in cards.dataset_card(bare)


def test_an_address_in_the_lineage_stays_as_it_is():
    made = document()
    made["lineage"]["model"]["name"] = "tiny://student?seed=0&size=2"
    assert "`tiny://student?seed=0&size=2`" in cards.model_card(made)
