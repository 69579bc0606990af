"""Training against two peers: tokens a second and peak memory, as ratios in one run.

    python bench/training.py            both cases, every arm, one after the other, each in a process of its own
    python bench/training.py short      one case
    python bench/training.py short ours one arm of it by itself; prints one line of JSON

The model is Qwen3-shaped with the real vocabulary of 151,936, hidden size 256 and 4 layers, random weights; LoRA on
q and v with rank 32, in float32. An eighth of each row is prompt. All arms see the same rows in the same steps, so
their losses must agree (the first two to rounding: the adapter starts as nothing and the first learning rate is 0).

- ours       thinksafe.training
- paper      a loop as the paper's: one row at a time, accumulated to a step, transformers' own loss, full logits
- trl-rows   TRL's SFTTrainer, one row at a time, accumulated: no padding, no mask, the least memory
- trl-free   the same with padding_free: a step's rows in one sequence
- trl-padded the same with a padded batch: never its best here, as its head scores the padding too; only by name
TRL's loss (`nll`, before called `chunked_nll`) never builds all logits. The best is compared with.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
VOCABULARY, RANK = 151_936, 32
# case: (rows a step, shortest, longest row in tokens, steps; the first step is warm-up, arms)
CASES = {
    "short": (8, 64, 512, 2, ("ours", "paper", "trl-rows", "trl-free")),
    "long": (1, 4096, 4096, 2, ("ours", "paper", "trl-rows", "trl-free")),
}


def rows_of(case):
    from thinksafe.training.rows import TrainRow

    batch, shortest, longest, steps, _ = CASES[case]
    draw, rows = random.Random(0), []
    for i in range(batch * steps):
        length = draw.randint(shortest, longest)
        ids = [draw.randrange(VOCABULARY) for _ in range(length)]
        rows.append(TrainRow(f"r{i}", "benign" if i % 2 else "harmful", ids[: length // 8], ids[length // 8 :]))
    return rows


def ordered(case):
    """The rows of each step, in the order in which our trainer takes them."""
    from thinksafe.training.packing import batches

    rows, (batch, _, _, steps, _) = rows_of(case), CASES[case]
    ids = [r.id for r in rows]
    return [[rows[i] for i in b] for b in batches(ids, batch_size=batch, seed=0, start=0, stop=steps)]


def make_model(folder):
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    Qwen3ForCausalLM(Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=768, num_hidden_layers=4, num_attention_heads=8,
        num_key_value_heads=4, head_dim=32, max_position_embeddings=8192, tie_word_embeddings=True,
    )).save_pretrained(folder)


def lora_model(path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, attn_implementation="sdpa")
    return get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", r=RANK, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"]
    ))


def ours(path, case, work):
    from thinksafe import spec
    from thinksafe.training.trainer import train

    batch, _, longest, steps, _ = CASES[case]
    times = []
    result = train(
        rows_of(case), model_path=path, dtype="float32", seed=0, work=Path(work), save=lambda p: None, resume=None,
        settings=spec.Training(batch_size=batch, max_steps=steps, tokens_per_pack=max(4096, longest)),
        progress=lambda p: times.append(time.perf_counter()), should_stop=lambda: False,
    )
    return times, [c["loss"] for c in result.curve]


def paper(path, case, work):
    import torch
    from transformers import get_cosine_schedule_with_warmup

    steps = CASES[case][3]
    model = lora_model(path).train()
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(params, lr=1e-5, weight_decay=0.0)
    schedule = get_cosine_schedule_with_warmup(optimizer, 1, steps)
    times, losses = [], []
    for batch in ordered(case):
        items, total = sum(len(r.response_ids) for r in batch), 0.0
        for row in batch:
            ids = torch.tensor([[*row.prompt_ids, *row.response_ids]])
            labels = ids.clone()
            labels[:, : len(row.prompt_ids)] = -100
            loss = model(input_ids=ids, labels=labels, num_items_in_batch=items, use_cache=False).loss
            loss.backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(total)
        times.append(time.perf_counter())
    return times, losses


def trl(path, case, work, *, together, padding_free):
    """SFTTrainer on the same ids, without its shuffling. `together`: rows of a step in one forward pass."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from torch.utils.data import SequentialSampler
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    batch, _, _, steps, _ = CASES[case]
    rows = [r for b in ordered(case) for r in b]
    data = Dataset.from_list([
        {"input_ids": [*r.prompt_ids, *r.response_ids], "labels": [-100] * len(r.prompt_ids) + r.response_ids}
        for r in rows
    ])
    times = []

    class Clock(TrainerCallback):
        def on_step_end(self, *args, **kwargs):
            times.append(time.perf_counter())

    class InOrder(SFTTrainer):
        def _get_train_sampler(self, train_dataset=None):
            return SequentialSampler(train_dataset or self.train_dataset)

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"<pad>": 0, "<eos>": 1}, "<pad>")), pad_token="<pad>",
        eos_token="<eos>",
    )
    trainer = InOrder(
        model=lora_model(path), train_dataset=data, processing_class=tokenizer, callbacks=[Clock()],
        args=SFTConfig(
            output_dir=work, max_steps=steps, per_device_train_batch_size=batch if together else 1,
            gradient_accumulation_steps=1 if together else batch, padding_free=padding_free, learning_rate=1e-5,
            lr_scheduler_type="cosine", warmup_steps=1, logging_steps=1, save_strategy="no", report_to="none",
            max_length=None, use_cpu=True, bf16=False, gradient_checkpointing=False, disable_tqdm=True,
            dataset_kwargs={"skip_prepare_dataset": True}, dataloader_pin_memory=False,
        ),
    )
    trainer.train()
    return times, [line["loss"] for line in trainer.state.log_history if "loss" in line]


ARMS = {
    "ours": ours,
    "paper": paper,
    "trl-rows": lambda *a: trl(*a, together=False, padding_free=False),
    "trl-free": lambda *a: trl(*a, together=True, padding_free=True),
    "trl-padded": lambda *a: trl(*a, together=True, padding_free=False),
}


def gib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def one_arm(case, arm, path):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(THREADS)
    AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)  # so that libraries and weights are in the floor
    floor = gib()
    with tempfile.TemporaryDirectory() as work:
        times, losses = ARMS[arm](path, case, work)
    tokens = sum(r.tokens for b in ordered(case)[1:] for r in b)
    return {"case": case, "arm": arm, "tokens_per_s": tokens / (times[-1] - times[0]), "peak_gib": gib(),
            "above_model_gib": gib() - floor, "losses": losses}


def start(case, arm, path):
    done = subprocess.run(
        [sys.executable, __file__, case, arm, path], capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": str(THREADS), "HF_HUB_OFFLINE": "1"},
    )
    if done.returncode:
        raise SystemExit(f"{case} {arm} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def report(found):
    own, best = found["ours"], max((f for a, f in found.items() if a.startswith("trl")),
                                   key=lambda f: f["tokens_per_s"])
    apart = max(abs(a - b) for f in found.values() for a, b in zip(f["losses"][:2], own["losses"], strict=False))
    print(f"\n{'arm':12}{'tokens/s':>10}{'speed':>8}{'peak GiB':>10}{'above model':>13}{'memory':>8}  losses")
    for arm, f in found.items():
        print(f"{arm:12}{f['tokens_per_s']:10.0f}{f['tokens_per_s'] / own['tokens_per_s']:8.2f}{f['peak_gib']:10.2f}"
              f"{f['above_model_gib']:13.2f}{f['peak_gib'] / own['peak_gib']:8.2f}  "
              + " ".join(f"{x:.5f}" for x in f["losses"]))
    full = found["paper"]
    print(f"ours is {own['tokens_per_s'] / full['tokens_per_s']:.2f} times as fast as the paper's loop and "
          f"{own['tokens_per_s'] / best['tokens_per_s']:.2f} times as {best['arm']}, TRL's fastest; "
          f"peak memory {own['peak_gib'] / full['peak_gib']:.2f} of full logits "
          f"({own['above_model_gib'] / full['above_model_gib']:.2f} above libraries and weights); "
          f"losses of the first two steps differ by at most {apart:.1e}")


def main():
    if len(sys.argv) == 4:
        warnings.simplefilter("ignore")
        print(json.dumps(one_arm(*sys.argv[1:])))
        return
    with tempfile.TemporaryDirectory() as path:
        make_model(path)
        cases = sys.argv[1:2] or CASES
        chosen = {case: sys.argv[2:3] or CASES[case][4] for case in cases}
        for case, arms in chosen.items():
            found = {}
            for arm in arms:
                found[arm] = start(case, arm, path)
                print(json.dumps({k: v for k, v in found[arm].items() if k != "losses"}), flush=True)
            if len(found) > 1:
                print(f"load average {os.getloadavg()[0]:.1f}", end="")
                report(found)


if __name__ == "__main__":
    main()
