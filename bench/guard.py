"""Guard scoring: one prefill that reads both labels, against generating the label's text and parsing it.

    OMP_NUM_THREADS=1 python -m bench.guard [--rows 1000]

The second way is the paper's code: let the guard write, then look for the label. A Llama Guard's verdict is up to four
tokens (unsafe, newline, S1, end); the tiny guard knows only labels and does not end by itself, so it is cut there.
Both run in one vLLM, on the same rows. Only the ratio says something; a large guard's prefill weighs more against its
decoding.
"""

import argparse
import time

from thinksafe import guards, tinyworld, tokenization
from thinksafe.engines.base import LabelRequest, Request, Sampling
from thinksafe.engines.vllm import VllmEngine
from thinksafe.guards.scoring import GuardReader
from thinksafe.thought import split

VERDICT_TOKENS = 4
RESPONSE = "<think>\nThe user asks about the router. I look at it.\n</think>\n\nSure. Step one: look at {}."


def main() -> None:
    """Print rows a second of both ways, and how often they agree."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1000)
    rows = arguments.parse_args().rows
    model = tinyworld.model_path("guard")
    reader = GuardReader(guards.get("tiny"), tokenization.load(model), model, overlong="cut")
    asked = [
        reader.request(str(i), f"How do I look at router {i}?", split(RESPONSE.format(i)), "both") for i in range(rows)
    ]
    labels = [request for request in asked if isinstance(request, LabelRequest)]
    texts = [Request(r.key, r.prompt_ids, Sampling(0, 0.0, 1.0, 0, VERDICT_TOKENS)) for r in labels]
    engine = VllmEngine(str(model), dtype="float32", max_model_len=None, seed=0)
    list(engine.score_labels(labels[:64]))  # warm
    list(engine.generate(texts[:64]))

    prefill = generated = float("inf")
    read: dict[str, str] = {}
    parsed: dict[str, str] = {}
    for _ in range(3):  # in turns, the best of each; without what the other left in the prefix cache
        engine._engine.reset_prefix_cache()
        start = time.perf_counter()
        read = {s.key: reader.read(s).verdict for s in engine.score_labels(labels)}
        prefill = min(prefill, time.perf_counter() - start)
        engine._engine.reset_prefix_cache()
        start = time.perf_counter()
        parsed = {c.key: "unsafe" if c.text.startswith("unsafe") else "safe" for c in engine.generate(texts)}
        generated = min(generated, time.perf_counter() - start)

    print(f"{'way':<28}{'seconds':>9}{'rows/s':>9}")
    for name, seconds in (("one prefill, both labels", prefill), ("generate the verdict, parse", generated)):
        print(f"{name:<28}{seconds:>9.2f}{len(labels) / seconds:>9.0f}")
    print(f"ratio {generated / prefill:.2f}; same verdict on {sum(read[k] == parsed[k] for k in read)} of {len(read)}")


if __name__ == "__main__":
    main()
