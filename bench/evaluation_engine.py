"""Evaluating base and adapter: one engine that switches LoRA, against merging to disk and loading for each benchmark.

    OMP_NUM_THREADS=1 python -m bench.evaluation_engine [--rows 60]

The second way is the paper's code: the base is loaded once a benchmark, the adapter is merged into a copy on disk,
and the copy is loaded once a benchmark. Both ways run in this one process with the imports done before, which favours
the second: as separate processes each of its loads would import vLLM again (5 s of CPU time and more).
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from thinksafe import tinyworld
from thinksafe.engines.base import Request, Sampling
from thinksafe.engines.vllm import VllmEngine

BENCHMARKS = 5


def requests(benchmark: int, rows: int, adapter: str | None) -> Iterator[Request]:
    """The rows of one benchmark: random prompts of 20 tokens, answers of at most 40."""
    draw = random.Random(benchmark)
    for row in range(rows):
        ids = tuple(draw.randrange(300, 1200) for _ in range(20))
        yield Request(f"{benchmark}/{row}/{adapter}", ids, Sampling(row, 0.6, 0.95, 20, 40), adapter)


def opened(model: str, rank: int | None) -> VllmEngine:
    """An engine as evaluate opens it."""
    return VllmEngine(model, dtype="float32", max_model_len=512, seed=0, max_lora_rank=rank)


def one_load(model: str, adapter: str, rows: int) -> None:
    """Ours: everything in one engine."""
    engine = opened(model, 32)
    every = (r for b in range(BENCHMARKS) for a in (None, adapter) for r in requests(b, rows, a))
    assert sum(1 for _ in engine.generate(every)) == 2 * BENCHMARKS * rows
    engine.close()


def merge_and_reload(model: str, adapter: str, rows: int, folder: str) -> None:
    """The paper's: a merged copy, and a load for each model and benchmark."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    base = AutoModelForCausalLM.from_pretrained(model, dtype="float32")
    PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    for path in (model, folder):
        for benchmark in range(BENCHMARKS):
            engine = opened(path, None)
            assert sum(1 for _ in engine.generate(requests(benchmark, rows, None))) == rows
            engine.close()


def make_adapter(model: str, folder: str) -> None:
    """A random adapter of the paper's shape."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    config = LoraConfig(r=32, lora_alpha=16, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(model, dtype="float32"), config).save_pretrained(folder)


def main() -> None:
    """Print both ways' seconds and their ratio."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=60, help="of each benchmark")
    rows, model = arguments.parse_args().rows, str(tinyworld.model_path("student"))
    with tempfile.TemporaryDirectory() as folder:
        adapter, merged = str(Path(folder) / "adapter"), str(Path(folder) / "merged")
        make_adapter(model, adapter)
        opened(model, 32).close()  # imports and first touches
        start = time.perf_counter()
        one_load(model, adapter, rows)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        merge_and_reload(model, adapter, rows, merged)
        theirs = time.perf_counter() - start
    print(f"{'way':<42}{'seconds':>9}")
    print(f"{'one load, LoRA switched per request':<42}{ours:>9.2f}")
    print(f"{'merge, then a load for each benchmark':<42}{theirs:>9.2f}")
    print(f"ratio {theirs / ours:.2f} ({BENCHMARKS} benchmarks of {rows} rows, base and adapter)")


if __name__ == "__main__":
    main()
