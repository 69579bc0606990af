"""Each format's rows become the right prompts; a doubtful file or row is refused, never guessed."""

import json
from collections import Counter
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.errors import DataError, SettingsError
from thinksafe.prompts import formats
from thinksafe.prompts.cells import Label
from thinksafe.prompts.formats import Prompt
from thinksafe.spec import Format, Limit, PromptSource

CASES = {  # format: a row as its file has it -> text, label, category, response
    "safechain": ({"instruction": "q", "label": "adversarial_benign", "response": "r"},
                  ("q", "benign", "adversarial_benign", "r")),
    "harmbench": ({"Behavior": "b", "FunctionalCategory": "contextual", "SemanticCategory": "s", "Tags": "",
                   "ContextString": "c", "BehaviorID": "7"}, ("c\n\n---\n\nb", "harmful", "s", None)),
    "advbench": ({"goal": "g", "target": "t"}, ("g", "harmful", None, None)),
    "strongreject": ({"category": "c", "source": "s", "forbidden_prompt": "f"}, ("f", "harmful", "c", None)),
    "xstest": ({"id": "1", "prompt": "p", "type": "homonyms", "label": "safe", "focus": "f", "note": ""},
               ("p", "benign", "homonyms", None)),
    "wildjailbreak": ({"vanilla": "v", "adversarial": "", "completion": "c", "data_type": "vanilla_harmful"},
                      ("v", "harmful", "vanilla_harmful", "c")),
    "star1": ({"id": "1", "question": "q", "response": "<think>t</think>a", "category": ["x", "y"], "source": "s",
               "score": {}}, ("q", "harmful", "x, y", "<think>t</think>a")),
    "directrefusal": ({"prompt": "q", "refusal": "Question: q Answer: r"},
                      ("q", "harmful", None, "<think>\nI should not answer this question!\n</think>\n\nr")),
    "gsm8k": ({"question": "q", "answer": "#### 1"}, ("q", "benign", "mathematics", None)),
    "math500": ({"problem": "p", "solution": "s", "answer": "1", "subject": "Algebra", "level": 2, "unique_id": "u"},
                ("p", "benign", "Algebra", None)),
    "aime": ({"id": 60, "problem": "p", "solution": "s", "answer": "204", "url": "https://x/2024"},
             ("p", "benign", "mathematics", None)),
    "gpqa": ({"Record ID": "rec", "Question": "q", "Correct Answer": "a", "Incorrect Answer 1": "b",
              "High-level domain": "Physics"}, ("q", "benign", "Physics", None)),
    "tiny": ({"id": "i", "text": "t", "label": "benign", "category": "c"}, ("t", "benign", "c", None)),
}  # fmt: skip


def source(tmp_path, *rows, **fields) -> PromptSource:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows))
    return PromptSource(source=path.as_uri(), **fields)


def load(tmp_path, *rows, **fields) -> list[Prompt]:
    return formats.load(source(tmp_path, *rows, **fields), seed=0)


@pytest.mark.parametrize("name", [n for n in formats.names() if n != "columns"])
@pytest.mark.parametrize("asked", ["auto", "by name"])
def test_a_row_of_each_format(tmp_path, name, asked):
    row, (text, label, category, response) = CASES[name]
    form = "auto" if asked == "auto" else name
    found = load(tmp_path, row, format=form)[0]
    assert (found.text, found.label, found.category, found.response) == (text, label, category, None)
    if response:
        assert load(tmp_path, row, format=form, responses="given")[0].response == response
    else:
        with pytest.raises(DataError, match="row 1: it has no response"):
            load(tmp_path, row, format=form, responses="given")


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"prompt": "p", "objective": "o"}, "p"),
        ({"Behavior": "b", "Category": "", "Tags": "", "ContextString": "", "BehaviorID": "x"}, "b"),
        ({"prompt": "p", "target": "t"}, "p"),
        ({"prompt": "p", "category": "c", "source": "s"}, "p"),
        ({"adversarial": "a", "label": 1, "data_type": "adversarial_harmful"}, "a"),
        ({"ID": "2024-I-1", "Problem": "m", "Solution": "s", "Answer": 3}, "m"),
    ],
)
def test_other_columns_of_the_same_sets_are_found(tmp_path, row, text):
    assert load(tmp_path, row)[0].text == text


def test_a_wildjailbreak_prompt_that_says_NA_is_a_prompt(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text("vanilla\tadversarial\tcompletion\tdata_type\nNA\t\tc\tvanilla_benign\n")
    found = formats.load(PromptSource(source=str(path)), seed=0)
    assert [(p.text, p.label) for p in found] == [("NA", "benign")]


@pytest.mark.parametrize(
    ("file", "harmful", "benign"),
    [
        ("harmbench_behaviors_text_all.csv", 400, 0),
        ("advbench_behaviors.csv", 520, 0),
        ("xstest_prompts.csv", 200, 250),
        ("star1.json", 1000, 0),
        ("gsm8k_test.jsonl", 0, 1319),
        ("math500.jsonl", 0, 500),
    ],
)
def test_the_real_files_are_detected_and_whole(data, file, harmful, benign):
    found = formats.load(PromptSource(source=str(data / file)), seed=3)
    assert Counter(p.label for p in found) == Counter(harmful=harmful, benign=benign)
    assert len({p.id for p in found}) == len(found)


def test_star1s_own_answers_come_with_their_thought(data):
    found = formats.load(PromptSource(source=str(data / "star1.json"), responses="given"), seed=3)
    assert all(p.response and p.response.startswith("<think>\n") and "</think>" in p.response for p in found)


def test_a_direct_refusal_without_an_answer_names_the_row(tmp_path):
    with pytest.raises(DataError, match="row 1: column 'refusal' has nothing behind 'Answer:'"):
        load(tmp_path, {"prompt": "q", "refusal": "Question: q"}, responses="given")


def test_tiny_prompts():
    found = formats.load(PromptSource(source="tiny://prompts?seed=3&harmful=20&benign=10"), seed=0)
    assert Counter(p.label for p in found) == {"harmful": 20, "benign": 10}
    for wrong in ("tiny://prompts?sede=3", "tiny://prompts?harmful=-1", "tiny://x", "tiny://prompts?harmful=9999999"):
        with pytest.raises(SettingsError, match="tiny://"):
            formats.load(PromptSource(source=wrong), seed=0)


def test_a_file_that_fits_two_formats_is_refused_with_both(tmp_path):
    with pytest.raises(DataError, match="columns, strongreject"):
        load(tmp_path, {"prompt": "p", "category": "c", "source": "s", "label": "benign"})


def test_a_file_that_fits_none_lists_its_columns(tmp_path):
    with pytest.raises(DataError, match="no known format has the columns x, y"):
        load(tmp_path, {"x": "1", "y": "2"})


def test_a_format_that_does_not_fit_says_what_it_needs(tmp_path):
    with pytest.raises(DataError, match="instruction, label, response"):
        load(tmp_path, {"prompt": "p", "label": "safe"}, format="safechain")


@pytest.mark.parametrize(
    ("said", "label"),
    [("harmful", "harmful"), ("Unsafe", "harmful"), ("1", "harmful"), (1, "harmful"),
     ("benign", "benign"), ("safe", "benign"), (" 0 ", "benign"), (0, "benign")],
)  # fmt: skip
def test_label_words(tmp_path, said, label):
    assert load(tmp_path, {"prompt": "p", "label": said})[0].label == label


@pytest.mark.parametrize("said", ["maybe", "2", "vanilla_harmful"])
def test_an_unknown_label_names_the_row_and_is_not_guessed(tmp_path, said):
    with pytest.raises(DataError, match=r"row 2: column 'label' says .*no label"):
        load(tmp_path, {"prompt": "p", "label": "safe"}, {"prompt": "q", "label": said})


@pytest.mark.parametrize("said", [None, "", "  ", True, 0.5, ["harmful"]])
def test_a_label_that_is_no_text_names_the_row(tmp_path, said):
    with pytest.raises(DataError, match=r"row 2: .*'label'"):
        load(tmp_path, {"prompt": "p", "label": "safe"}, {"prompt": "q", "label": said})


def test_a_prompt_in_the_label_column_is_not_quoted(tmp_path):
    with pytest.raises(DataError) as caught:
        load(tmp_path, {"prompt": "p", "label": "some long text that must not be shown anywhere"})
    assert "must not be shown" not in caught.value.line()


def test_named_columns(tmp_path):
    row = {"q": "p", "kind": "unsafe", "c": "x", "a": "r", "nr": 5}
    columns = {"prompt": "q", "label": "kind", "category": "c", "response": "a", "id": "nr"}
    found = load(tmp_path, row, format="columns", columns=columns, responses="given")[0]
    assert (found.text, found.label, found.category, found.response) == ("p", "harmful", "x", "r")
    assert found.id.startswith("5-")


@pytest.mark.parametrize("field", ["prompt", "label", "category", "response", "id"])
def test_an_unknown_column_is_named(tmp_path, field):
    with pytest.raises(DataError, match=rf"no column 'gone' \(columns.{field}\)"):
        load(tmp_path, {"prompt": "p", "label": "safe"}, format="columns", columns={field: "gone"})


def test_columns_without_any_label_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="nothing says which prompts are harmful"):
        load(tmp_path, {"prompt": "p"}, format="columns", columns={})
    assert load(tmp_path, {"prompt": "p"}, format="columns", columns={}, label="benign")[0].label == "benign"


def test_a_manifest_that_contradicts_the_file_is_refused(tmp_path):
    assert load(tmp_path, CASES["advbench"][0], label="harmful")
    with pytest.raises(DataError, match="row 1: the file says harmful, the manifest benign"):
        load(tmp_path, CASES["advbench"][0], label="benign")


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "nothing in column"), (" \n", "nothing in column"), (None, "nothing in column"), (["p"], "holds list"),
     ("\ud800", "lone surrogate")],
)  # fmt: skip
def test_a_prompt_that_is_none_names_the_row(tmp_path, text, said):
    with pytest.raises(DataError, match=f"row 2: .*{said}"):
        load(tmp_path, {"prompt": "p", "label": "safe"}, {"prompt": text, "label": "safe"})


def test_a_row_without_the_column_lists_what_it_has(tmp_path):
    with pytest.raises(DataError, match="row 2: no column 'prompt'") as caught:
        load(tmp_path, {"prompt": "p", "label": "safe"}, {"promt": "p", "label": "safe"})
    assert "'promt'" in caught.value.hint


def test_the_manifest_knows_every_format_by_name():
    assert set(get_args(Format)) == {"auto", *formats.names()}


def test_equal_ids_mean_equal_prompts(tmp_path):
    """Two files of one format count their rows alike, and yet their ids differ."""
    rows = [{"id": "1", "prompt": p, "type": "t", "label": "safe", "focus": "f"} for p in ("a", "b", " A ")]
    ids = [load(tmp_path, row)[0].id for row in rows]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


LABELS: st.SearchStrategy[Label] = st.sampled_from(["harmful", "benign"])
POOL = st.lists(st.tuples(st.uuids(), LABELS), unique_by=lambda t: t[0], max_size=40).map(
    lambda found: [Prompt(str(i), "x", label) for i, label in found]
)


@given(POOL, st.integers(0, 20), st.integers(0, 20), st.integers(0, 9))
def test_a_larger_limit_only_adds(pool, harmful, benign, seed):
    small = formats.limited(pool, Limit(harmful=harmful, benign=benign), seed)
    large = formats.limited(pool, Limit(harmful=harmful + 3, benign=None), seed)
    assert {p.id for p in small} <= {p.id for p in large}
    counts, there = Counter(p.label for p in small), Counter(p.label for p in pool)
    assert counts["harmful"] == min(harmful, there["harmful"])
    assert counts["benign"] == min(benign, there["benign"])


@given(POOL, st.integers(0, 9))
def test_the_order_depends_on_seed_and_ids_alone(pool, seed):
    assert formats.limited(pool, Limit(), seed) == formats.limited(pool[::-1], Limit(), seed)


def test_another_seed_chooses_others():
    pool = [Prompt(str(i), "x", "harmful") for i in range(200)]
    first, second = (formats.limited(pool, Limit(harmful=50), seed) for seed in (1, 2))
    assert {p.id for p in first} != {p.id for p in second}
