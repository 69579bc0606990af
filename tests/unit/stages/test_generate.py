"""Who writes the responses: the student, the student with an adapter on, or another model put into its tokens."""

import pytest

from thinksafe import tinyworld
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.folder import FolderStore
from thinksafe.engines.rows import text_of
from thinksafe.errors import SettingsError
from thinksafe.manifest import parse
from thinksafe.models import fingerprint
from thinksafe.stages.filter import filter_responses, verdicts_of
from thinksafe.stages.generate import generate
from thinksafe.stages.prepare import prepare
from thinksafe.stages.streaming import Share
from thinksafe.stages.train import choose
from thinksafe.stages.worker import Bench
from thinksafe.tokenization import load

STUDENT = {"name": "tiny://student?seed=0", "dtype": "float32"}
GUARD = {"name": "tiny://guard", "family": "tiny", "dtype": "float32"}
SPEC = {
    "model": STUDENT,
    "prompts": [{"source": "tiny://prompts?harmful=3&benign=3"}],
    "dedup": {"near": 0},
    "generation": {"engine": "transformers", "maxTokens": 60, "chunkRows": 4},
    "guard": GUARD,
    "evaluation": {"benchmarks": ["tiny-harmful"], "limit": 2},
}
DIGEST = "ab" * 32


def planned(store, **fields):
    document = {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeRun", "metadata": {"name": "small"},
                "spec": {**SPEC, **fields}}  # fmt: skip
    return prepare(parse(document, "run.yaml"), store, "u", lambda _: None)


def written(run):
    generate(run, 1, Share(), Bench(run, "w"))
    return {row["id"]: row for row in run.artifact("responses-1").rows()}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with an adapter of the student that changes what it writes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("adapters")
    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(tinyworld.model_path("student"), dtype=torch.float32)
    made = get_peft_model(base, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False))
    made.save_pretrained(folder / "lora")
    found = FolderStore(folder / "store")
    adapter = Artifact(found, "adapter", DIGEST)
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        adapter.put_file(name, folder / "lora" / name)
    base_model = {"name": STUDENT["name"], "fingerprint": fingerprint(STUDENT["name"])}
    adapter.finish({"chunks": 0, "base_model": base_model})
    return found


def test_the_student_with_an_adapter_writes_something_else_and_its_own_tokens_are_kept(store):
    plain, adapted = planned(store), planned(store, generator={**STUDENT, "adapter": DIGEST[:20]})
    assert adapted.fingerprints["generator"] == f"{plain.fingerprints['generator']}+lora:{DIGEST}"
    before, after = written(plain), written(adapted)
    tokenizer = load(plain.model("student"))
    assert before.keys() == after.keys()
    assert any(before[i]["response_ids"] != after[i]["response_ids"] for i in before)
    for row in after.values():
        assert row["finish_reason"] != "error"
        assert text_of(tokenizer, row["response_ids"]) == row["response"]
        assert row["prompt_ids"] == before[row["id"]]["prompt_ids"]


def test_the_student_named_as_generator_is_the_student(store):
    assert planned(store).plan == planned(store, generator=STUDENT).plan


def test_an_adapter_that_is_not_in_the_store_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SettingsError, match=r"spec\.generator\.adapter: no adapter"):
        planned(FolderStore(tmp_path), generator={**STUDENT, "adapter": DIGEST})


def judged(run, *roles):
    for role in roles:
        filter_responses(run, 1, Share(), Bench(run, "w"), role)
    choose(run)
    return run.artifact("dataset").manifest()["counts"], list(run.artifact("dataset").rows())


def test_given_rows_without_a_filter_are_all_kept_unjudged_and_those_beside_them_are_judged(store):
    given = {"source": "tiny://directrefusal?harmful=3&seed=5", "responses": "given"}
    run = planned(store, prompts=[{**given, "filter": "none"}, {"source": "tiny://prompts?harmful=1&benign=2"}])
    written(run)
    counts, rows = judged(run, "guard")
    unfiltered = [c for c in counts if c["reason"] == "unfiltered"]
    assert [(c["label"], c["count"]) for c in unfiltered] == [("harmful", 3)]
    assert all((row["p_unsafe"] is None) == (row["source"] == 0) for row in rows)
    scores = list(run.artifact("scores-1").rows())
    assert sum(s["quality"] == "unfiltered" and not s["views"] for s in scores) == 3


def test_dropped_thoughts_are_those_of_harmful_rows_alone(store):
    given = {"source": "tiny://safechain?harmful=3&benign=3", "responses": "given"}
    whole = planned(store, prompts=[given])
    written(whole)
    _, kept = judged(whole, "guard")
    _, dropped = judged(planned(store, prompts=[given], training={"refusalThoughts": "drop"}))
    assert [r["id"] for r in kept] == [r["id"] for r in dropped] and len(kept) == 6
    for before, after in zip(kept, dropped, strict=True):
        if before["label"] == "benign":
            assert before == after
        else:
            answer = before["response"].partition("</think>")[2]
            assert after["response"] == f"<think>\n\n</think>{answer}"
            assert len(after["response_ids"]) < len(before["response_ids"])


def test_a_quorum_keeps_what_enough_guards_call_safe(store):
    given = {"source": "tiny://safechain?harmful=3&benign=3", "responses": "given"}
    # The second guard, whose threshold is next to nothing, calls everything unsafe.
    strict = {**GUARD, "threshold": 1e-9}
    for need, kept in ((1, 6), (2, 0)):
        run = planned(store, prompts=[given], quorum={"guards": [strict], "need": need})
        written(run)
        counts, rows = judged(run, "guard", "guard-2")
        assert len(rows) == kept
        assert {c["reason"] for c in counts} == ({"kept"} if kept else {"no-quorum"})
        assert set(verdicts_of(run, 1, 0).chosen.values()) == ({0} if kept else {None})
