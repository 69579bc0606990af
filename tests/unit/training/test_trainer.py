import dataclasses
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from thinksafe import spec
from thinksafe.errors import DataError, SettingsError
from thinksafe.training import checkpoint, model, packing, trainer
from thinksafe.training.rows import TrainRow

from .conftest import VOCABULARY, make_model, make_rows

# Dropout on, so that the random state matters; a KL weight, so that the base's pass is in it too.
SETTINGS = dict(rank=4, learning_rate=1e-2, epochs=4, batch_size=4, checkpoint_every=3, tokens_per_pack=40,
                dropout=0.1, kl_weight=0.2)


def train(model_path, work, rows=None, *, resume=None, save=lambda p: None, progress=lambda p: None,
          should_stop=lambda: False, seed=5, base_name=None, **changes):
    return trainer.train(
        make_rows(19) if rows is None else rows, model_path=model_path, dtype="float32",
        settings=spec.Training(**{**SETTINGS, **changes}), seed=seed, work=work, save=save, resume=resume,
        progress=progress, should_stop=should_stop, base_name=base_name,
    )


def bytes_of(folder):
    return {p.name: p.read_bytes() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def undisturbed(model_path, tmp_path_factory):
    work = tmp_path_factory.mktemp("undisturbed")
    return train(model_path, work, base_name="some/base")


def attempts(model_path, work, jobs, **changes):
    """Start the runner with these attempts; what it printed for each."""
    rows = [dataclasses.asdict(r) for r in make_rows(19)]
    job = {"model": model_path, "work": str(work), "rows": rows, "settings": {**SETTINGS, **changes}, "seed": 5}
    work.mkdir(exist_ok=True)
    file = work.parent / "job.json"
    file.write_text(json.dumps({**job, "attempts": jobs}))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("runner.py")), str(file)], capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "random"}, check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_killed_at_any_moment_the_run_ends_with_the_same_bytes(model_path, tmp_path, undisturbed):
    """20 steps, a checkpoint every 3: killed at random moments, in the midst of files of a checkpoint, and stopped."""
    draw = random.Random()
    kills = [{"kill_at_write": n} for n in draw.sample(range(1, 14), 4)]
    kills += [{"kill_after": draw.uniform(0.05, 0.6)} for _ in range(6)] + [{"stop_after": 4}]
    draw.shuffle(kills)
    seen = attempts(model_path, tmp_path / "work", [*kills, {}])
    assert seen[-1]["codes"] == [0], (kills, seen)
    assert {0, -9, 143} >= {code for s in seen for code in s["codes"]}, (kills, seen)
    assert any(s["codes"] == [-9] for s in seen)
    assert bytes_of(tmp_path / "work" / "adapter") == bytes_of(undisturbed.adapter)
    assert json.loads((tmp_path / "work" / "curve.json").read_text()) == undisturbed.curve


def test_two_processes_train_as_one_does(model_path, tmp_path):
    alone = train(model_path, tmp_path / "alone", dropout=0.0)
    seen = attempts(model_path, tmp_path / "work", [{"processes": 2}], dropout=0.0)
    assert [s["codes"] for s in seen] == [[0, 0]]
    one, two = (load_file(f / "adapter" / checkpoint.ADAPTER) for f in (tmp_path / "alone", tmp_path / "work"))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-5)
    curve = json.loads((tmp_path / "work" / "curve.json").read_text())
    assert [c["loss"] for c in curve] == pytest.approx([c["loss"] for c in alone.curve], rel=1e-4)


@pytest.mark.slow
def test_two_processes_stop_together_and_continue(model_path, tmp_path):
    seen = attempts(model_path, tmp_path / "work", [{"processes": 2, "stop_after": 4}, {"processes": 2}, {}])
    assert [s["codes"] for s in seen] == [[143, 143], [0, 0], [0]]
    assert seen[0]["steps"] == ["step-00000003", "step-00000004"]


def test_stopping_writes_a_checkpoint_after_the_step_and_raises(model_path, tmp_path):
    saved, asked = [], []
    with pytest.raises(trainer.Interrupted) as stopped:
        train(model_path, tmp_path, save=saved.append, should_stop=lambda: asked.append(1) or len(asked) == 5)
    assert stopped.value.code == 143
    assert [p.name for p in saved] == ["step-00000003", "step-00000005"]
    assert all(checkpoint.complete(p) for p in saved)


def test_progress_curve_and_schedule(undisturbed, model_path, tmp_path):
    told = []
    result = train(model_path, tmp_path, progress=told.append, base_name="some/base")
    assert result.curve == undisturbed.curve
    assert [p.step for p in told] == list(range(1, 21)) and {p.steps for p in told} == {20}
    assert told[-1].tokens == result.tokens == 4 * sum(r.tokens for r in make_rows(19))
    assert sum(c["tokens"] for c in result.curve) == result.tokens
    # transformers' cosine: two steps of warm-up from 0, then half a cosine over the other 18.
    assert [c["lr"] for c in result.curve] == pytest.approx(
        [0, 0.005, *(0.01 * 0.5 * (1 + math.cos(math.pi * i / 18)) for i in range(18))]
    )
    assert result.curve[-1]["loss"] < result.curve[0]["loss"] - 0.1


def test_a_run_of_one_step_is_not_all_warm_up(model_path, tmp_path):
    assert train(model_path, tmp_path, max_steps=1).curve[0]["lr"] == SETTINGS["learning_rate"]


def test_the_seed_and_the_rows_decide_the_adapter(undisturbed, model_path, tmp_path):
    same = train(model_path, tmp_path / "a", make_rows(19)[::-1], base_name="some/base")
    assert bytes_of(same.adapter) == bytes_of(undisturbed.adapter)
    other = train(model_path, tmp_path / "b", seed=6, base_name="some/base")
    assert bytes_of(other.adapter) != bytes_of(undisturbed.adapter)


def test_preset_paper_trains_q_and_v_with_rank_32(model_path, tmp_path):
    result = trainer.train(
        make_rows(9), model_path=model_path, dtype="float32", settings=spec.Training(), seed=0, work=tmp_path,
        save=lambda p: None, resume=None, progress=lambda p: None, should_stop=lambda: False,
    )
    told = json.loads((result.adapter / "adapter_config.json").read_text())
    assert (told["r"], told["lora_alpha"], told["lora_dropout"]) == (32, 16, 0.05)
    assert told["target_modules"] == ["q_proj", "v_proj"]
    assert len(result.curve) == 6 and max(c["lr"] for c in result.curve) == 1e-5


def test_the_adapter_loads_in_plain_peft_and_names_no_folder(undisturbed, model_path):
    told = json.loads((undisturbed.adapter / "adapter_config.json").read_text())
    assert told["base_model_name_or_path"] == "some/base"
    assert sorted(p.name for p in undisturbed.adapter.iterdir()) == ["adapter_config.json", checkpoint.ADAPTER]
    assert all(model_path not in p.read_text(errors="ignore") for p in undisturbed.adapter.iterdir())
    base = AutoModelForCausalLM.from_pretrained(model_path)
    row = make_rows(1)[0]
    ids = torch.tensor([[*row.prompt_ids, *row.response_ids]])

    def loss(causal):
        logits = causal(input_ids=ids).logits[0, len(row.prompt_ids) - 1 : -1]
        return torch.nn.functional.cross_entropy(logits, ids[0, len(row.prompt_ids) :]).item()

    before = loss(base)
    assert loss(PeftModel.from_pretrained(base, undisturbed.adapter)) < before - 0.05


@pytest.mark.vllm
def test_the_adapter_loads_in_vllm_and_scores_as_in_peft(tmp_path, monkeypatch):
    # vLLM's CPU worker makes this function do nothing, for the rest of the process.
    monkeypatch.setattr(torch, "set_num_threads", torch.set_num_threads)
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    model_path = make_model(tmp_path / "student", head_dim=32)  # vLLM's attention on the CPU knows no smaller one
    trained = train(model_path, tmp_path / "work")
    engine = LLM(model_path, skip_tokenizer_init=True, enable_lora=True, max_lora_rank=8, dtype="float32",
                 max_model_len=64, enforce_eager=True, seed=0, kv_cache_memory_bytes=64 * 2**20)
    row = make_rows(1)[0]
    ids = [*row.prompt_ids, *row.response_ids]
    out = engine.generate(
        {"prompt_token_ids": ids}, SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False),
        lora_request=LoRARequest("adapter", 1, str(trained.adapter)),
    )[0]
    got = [next(iter(entry.values())).logprob for entry in out.prompt_logprobs[1:]]
    peft = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model_path), trained.adapter).eval()
    logp = torch.log_softmax(peft(input_ids=torch.tensor([ids])).logits[0, :-1], 1)
    assert got == pytest.approx(logp.gather(1, torch.tensor(ids[1:])[:, None])[:, 0].tolist(), abs=2e-3)


def test_checkpoints_of_another_run_are_refused(model_path, tmp_path):
    train(model_path, tmp_path, max_steps=3)
    with pytest.raises(SettingsError, match="other rows or settings"):
        train(model_path, tmp_path, max_steps=4, resume=checkpoint.latest(tmp_path))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(undisturbed, model_path, tmp_path, caplog):
    train(model_path, tmp_path, base_name="some/base")
    newest = checkpoint.latest(tmp_path)
    assert newest is not None and newest.name == "step-00000018"
    content = (newest / checkpoint.OPTIMIZER).read_bytes()
    (newest / checkpoint.OPTIMIZER).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    told = []
    again = train(model_path, tmp_path, resume=newest, progress=told.append, base_name="some/base")
    assert told[0].step == 16
    assert "step-00000018 is cut off or damaged" in caplog.text
    assert bytes_of(again.adapter) == bytes_of(undisturbed.adapter)


def test_without_any_complete_checkpoint_it_starts_anew(undisturbed, model_path, tmp_path):
    cut = tmp_path / "step-00000003"
    cut.mkdir()
    again = train(model_path, tmp_path, resume=cut, base_name="some/base")
    assert bytes_of(again.adapter) == bytes_of(undisturbed.adapter)


def test_threads_are_those_of_the_run_s_start(model_path, tmp_path):
    train(model_path, tmp_path, max_steps=4)
    seen = []
    torch.set_num_threads(2)
    try:
        train(model_path, tmp_path, max_steps=4, resume=checkpoint.latest(tmp_path),
              progress=lambda p: seen.append(torch.get_num_threads()))
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("rows", "error", "says"),
    [
        ([], DataError, "no training rows"),
        ([TrainRow("x", "benign", [1], [VOCABULARY])], DataError, "row x has a token id outside"),
        ([TrainRow("x", "benign", [1], [-1])], DataError, "row x has a token id outside"),
    ],
)
def test_bad_rows_are_one_clear_line(model_path, tmp_path, rows, error, says):
    with pytest.raises(error, match=says):
        train(model_path, tmp_path, rows)


def test_a_loss_that_is_no_number_stops_the_run(model_path, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "backward", lambda *a, **k: torch.tensor(float("nan")))
    with pytest.raises(SettingsError, match="step 1: loss nan"):
        train(model_path, tmp_path)


def test_over_long_rows_are_counted(model_path, tmp_path):
    rows = make_rows(19)
    result = train(model_path, tmp_path, rows, max_length=10, epochs=1)
    assert result.dropped == {"too-long": sum(r.tokens > 10 for r in rows)}
    assert result.tokens == sum(r.tokens for r in rows if r.tokens <= 10)


def test_bfloat16_keeps_the_adapter_in_float32(model_path, tmp_path):
    made = model.with_lora(
        model.load(model_path, dtype="bfloat16", device=torch.device("cpu")), spec.Training(), seed=0, base_name=None
    )
    assert {p.dtype for p in model.parameters(made).values()} == {torch.float32}
    made.nll(packing.lay_out(make_rows(3))).sum().backward()
    assert all(p.grad is not None for p in model.parameters(made).values())
