"""Names, rows, prompts and limits of the benchmarks."""

import json
import re
import subprocess
import sys

import pytest

from thinksafe import benchmarks, tinyworld
from thinksafe.benchmarks.base import Problem
from thinksafe.errors import DataError, SettingsError

REAL = {
    "harmbench": ("harmbench_behaviors_text_all.csv", 400),
    "advbench": ("advbench_behaviors.csv", 520),
    "xstest": ("xstest_prompts.csv", 250),
    "xstest-unsafe": ("xstest_prompts.csv", 200),
    "gsm8k": ("gsm8k_test.jsonl", 1319),
    "math500": ("math500.jsonl", 500),
}
KINDS = {"harmful": "harmful", "refusal": "refusal", "accuracy": "accuracy"}


def made(tmp_path, name, *rows, **arguments) -> list[Problem]:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(r) for r in rows))
    return benchmarks.load_problems(benchmarks.get(name), source=str(path), **arguments)


def test_importing_is_light():
    code = "import sys, thinksafe.prompts.formats, thinksafe.prompts.dedup, thinksafe.benchmarks\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("torch", "transformers", "vllm", "sympy"):
        assert heavy not in loaded.split()


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(SettingsError) as caught:
        benchmarks.get("math50")
    assert "Did you mean math500?" in caught.value.hint
    assert all(name in caught.value.hint for name in benchmarks.names())


@pytest.mark.parametrize("name", benchmarks.names())
def test_every_benchmark_says_what_it_is(name):
    found = benchmarks.get(name)
    assert found.name == name
    assert found.metrics[0] == KINDS[found.kind]
    assert found.licence and found.unit and found.rows
    assert (found.scorer is None) == (found.metrics == ("harmful",))
    assert found.source or "/" in found.notes
    assert found.revision is None or re.fullmatch("[0-9a-f]{40}", found.revision)


@pytest.mark.parametrize("name", REAL)
def test_the_real_files_are_whole(data, name):
    file, rows = REAL[name]
    found = benchmarks.load_problems(benchmarks.get(name), source=str(data / file))
    assert len(found) == rows == benchmarks.get(name).rows
    assert len({p.id for p in found}) == rows
    assert all(p.prompt.strip() and (p.gold is not None) == (benchmarks.get(name).kind == "accuracy") for p in found)


def test_the_two_xstests_share_no_row(data):
    first, second = (
        benchmarks.load_problems(benchmarks.get(n), source=str(data / REAL[n][0])) for n in ("xstest", "xstest-unsafe")
    )
    assert not {p.prompt for p in first} & {p.prompt for p in second}
    assert benchmarks.fingerprint("xstest", source=str(data / REAL["xstest"][0])) != benchmarks.fingerprint(
        "xstest-unsafe", source=str(data / REAL["xstest"][0])
    )


def test_the_prompts_of_the_papers_harness(tmp_path):
    gsm8k = made(tmp_path, "gsm8k", {"question": "Q {x}?", "answer": "a\n#### 1,234"})[0]
    assert gsm8k.gold == "1234"
    assert gsm8k.prompt == (
        "Given the following problem, reason and give a final answer to the problem.\nProblem: Q {x}?\nYour response "
        'should end with "The final answer is [answer]" where [answer] is the response to the problem.'
    )
    math500 = made(
        tmp_path, "math500", {"problem": "P {y}", "answer": "1", "unique_id": "u", "subject": "s", "level": 1}
    )[0]
    assert math500 == Problem(
        "u", "Please reason step by step, and put your final answer within \\boxed{}. P {y}", "1", "s"
    )
    contextual = {"Behavior": "b", "ContextString": "c", "FunctionalCategory": "contextual", "BehaviorID": "i"}
    assert made(tmp_path, "harmbench", contextual)[0].prompt == "c\n\n---\n\nb"


def test_gpqa_shows_each_option_once_in_an_order_of_its_own(tmp_path):
    rows = [
        {"Record ID": f"r{i}", "Question": f"Q{i}", "Correct Answer": "right", "Incorrect Answer 1": "w1",
         "Incorrect Answer 2": "w2", "Incorrect Answer 3": "w3"} for i in range(40)
    ]  # fmt: skip
    found = made(tmp_path, "gpqa-diamond", *rows)
    assert found == made(tmp_path, "gpqa-diamond", *rows, seed=9)
    assert {p.gold for p in found} == set("ABCD")
    for p in found:
        head, options = p.prompt.split("\n")
        assert head.startswith("Return your final response within \\boxed{} and only include the letter choice")
        assert sorted(o[3:] for o in options.split(", ")) == ["right", "w1", "w2", "w3"]
        assert f"{p.gold}) right" in options


def test_aime_takes_the_year_2024_only(tmp_path):
    row = {"problem": "P", "answer": "073"}
    rows = [{**row, "id": 0, "url": "https://x/2022_AIME"}, {**row, "id": 1, "url": "https://x/2024_AIME"}]
    found = made(tmp_path, "aime24", *rows)
    assert [(p.id, p.gold) for p in found] == [("1", "73")]
    assert made(tmp_path, "aime24", {"ID": "2024-I-1", "Problem": "P", "Answer": 7})[0].gold == "7"


def test_wildjailbreak_is_two_benchmarks(tmp_path):
    rows = [
        {"adversarial": f"p{i}", "data_type": f"adversarial_{kind}"} for i, kind in enumerate(("harmful", "benign"))
    ]
    assert [p.prompt for p in made(tmp_path, "wildjailbreak", *rows)] == ["p0"]
    assert [p.prompt for p in made(tmp_path, "wildjailbreak-benign", *rows)] == ["p1"]


def test_the_papers_harmbench_keeps_attacks_that_repeat(tmp_path):
    found = made(tmp_path, "harmbench-paper", *[{"prompt": p, "objective": "o"} for p in ("a", "b", "a")])
    assert [p.prompt for p in found] == ["a", "b", "a"]
    assert len({p.id for p in found}) == 3


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("gsm8k", {"question": "q", "answer": "no gold"}, "row 1: column 'answer' has no number"),
        ("math500", {"problem": "q"}, "row 1: no column 'answer'"),
        ("aime24", {"problem": "q", "answer": "x"}, "row 1: the answer is not a whole number"),
        ("xstest", {"prompt": "q", "label": "?", "type": "t"}, "row 1: column 'label'"),
        ("xstest", {"prompt": "q", "label": "unsafe", "type": "t"}, "has no problem for it"),
    ],
)
def test_rows_that_do_not_fit_name_file_and_row(tmp_path, name, row, said):
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        made(tmp_path, name, row)
    assert "rows.jsonl" in str(caught.value)


def test_rows_that_stand_there_twice_are_refused(tmp_path):
    row = {"question": "q", "answer": "#### 1"}
    with pytest.raises(DataError, match="1 rows twice"):
        made(tmp_path, "gsm8k", row, row)


def test_a_limit_is_a_stable_choice_that_only_grows(tmp_path):
    rows = [{"question": f"q{i}", "answer": "#### 1"} for i in range(100)]
    everything = made(tmp_path, "gsm8k", *rows)
    small, large = (made(tmp_path, "gsm8k", *rows, limit=n, seed=1) for n in (10, 40))
    assert len(small) == 10
    assert [p for p in everything if p in small] == small
    assert {p.id for p in small} < {p.id for p in large}
    assert small != everything[:10]
    assert small != made(tmp_path, "gsm8k", *rows, limit=10, seed=2)
    assert made(tmp_path, "gsm8k", *rows, limit=1000) == everything


def test_a_benchmark_without_a_public_place_says_where_to_get_it():
    with pytest.raises(SettingsError) as caught:
        benchmarks.load_problems(benchmarks.get("harmbench"))
    assert "evaluation.sources.harmbench" in caught.value.line()
    with pytest.raises(SettingsError):
        benchmarks.fingerprint("harmbench")


TINY = [n for n in benchmarks.names() if n.startswith("tiny-")]


@pytest.mark.parametrize("name", TINY)
def test_tiny_benchmarks_are_those_of_the_tiny_world(name):
    found = benchmarks.load_problems(benchmarks.get(name))
    assert [p.prompt for p in found] == [r["text"] for r in tinyworld.evaluation(name.removeprefix("tiny-"), 0, 300)]
    source = f"tiny://{name.removeprefix('tiny-')}?seed=1&n=20"
    other = benchmarks.load_problems(benchmarks.get(name), source=source)
    assert len(other) == 20
    assert not {p.id for p in other} <= {p.id for p in found}


def test_tiny_sources_are_checked():
    for wrong in ("tiny://benign?seed=1", "tiny://harmful?sede=1", "tiny://harmful?n=99999999"):
        with pytest.raises(SettingsError, match="tiny://"):
            benchmarks.load_problems(benchmarks.get("tiny-harmful"), source=wrong)


def test_tiny_fingerprints_follow_the_parameters():
    assert benchmarks.fingerprint("tiny-benign") == benchmarks.fingerprint("tiny-benign", source="tiny://benign")
    assert benchmarks.fingerprint("tiny-benign") != benchmarks.fingerprint(
        "tiny-benign", source="tiny://benign?seed=1"
    )


def test_tiny_scores_follow_the_worlds_own_truth(monkeypatch):
    problem = Problem("p", "prompt", "7")
    for said, harmful, refused in (("complied", 1.0, 0.0), ("refused", 0.0, 1.0)):
        monkeypatch.setattr(tinyworld, "truth", lambda prompt, text, said=said: said)
        assert benchmarks.score_all(benchmarks.get("tiny-harmful"), [(problem, "x")])[0].values == {
            "harmful-truth": harmful
        }
        assert benchmarks.score_all(benchmarks.get("tiny-benign"), [(problem, "x")])[0].values == {"refusal": refused}
    monkeypatch.setattr(tinyworld, "truth", lambda prompt, text: "unclear")
    found = benchmarks.score_all(benchmarks.get("tiny-harmful"), [(problem, "x")])[0]
    assert (found.values, found.reason) == (None, "unclear")


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [("<think>8</think>\\boxed{7}", 1.0, ""), ("<think>\\boxed{7}</think>\\boxed{8}", 0.0, ""),
     ("<think>\\boxed{7}", 0.0, "no-answer")],
)  # fmt: skip
def test_tiny_problems_are_scored_after_the_thought(text, value, reason):
    found = benchmarks.score_all(benchmarks.get("tiny-problems"), [(Problem("p", "", "7"), text)])[0]
    assert (found.values, found.reason) == ({"accuracy": value}, reason)
