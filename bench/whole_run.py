"""The whole run with 1, 2 and 4 times the rows: time should grow linearly, memory not at all.

    python bench/whole_run.py [--rows 200]

Every size is a fresh run of the real command on the tiny world with real vLLM; each step is a process of its own, so
its peak memory is the operating system's figure for that process. The time to load Python and the engines does not
grow; the table shows seconds of a stage's work (first to last row) and the whole.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml

EXAMPLE = Path(__file__).parent.parent / "examples" / "tiny" / "run.yaml"


def manifest(rows: int, folder: Path) -> Path:
    document = yaml.safe_load(EXAMPLE.read_text())
    spec = document["spec"]
    spec["prompts"][0]["source"] = f"tiny://prompts?seed=0&harmful={rows}&benign={rows}"
    spec["evaluation"] |= {"limit": max(rows // 4, 1), "samples": 1}
    file = folder / f"{rows}.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


def watch(process: subprocess.Popen, peaks: dict[str, int]) -> None:
    """Peak resident memory of each step, in bytes; sampled, so short peaks can be missed."""
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # the run, or one of its steps, has ended just now
            for child in psutil.Process(process.pid).children(recursive=True):
                kind, _, step = child.name().partition(":")
                if kind == "step":
                    peaks[step] = max(peaks.get(step, 0), child.memory_info().rss)
        time.sleep(0.1)


def measure(rows: int, folder: Path) -> dict:
    store = folder / f"store-{rows}"
    command = [sys.executable, "-m", "thinksafe", "run", str(manifest(rows, folder)), "--store", str(store)]
    peaks: dict[str, int] = {}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watcher = threading.Thread(target=watch, args=(process, peaks))
    watcher.start()
    if process.wait():
        raise SystemExit(f"the run with {rows} rows failed")
    watcher.join()
    (summary,) = store.glob("runs/*/*/*/summary.json")
    costs = {c["stage"]: c for c in json.loads(summary.read_text())["cost"]}
    return {"wall": time.monotonic() - began, "peaks": peaks, "costs": costs}


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--rows", type=int, default=200, help="harmful prompts of the smallest run; as many benign")
    rows = asked.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        found = {n: measure(n * rows, Path(folder)) for n in (1, 2, 4)}
    print(f"{'step':<18}" + "".join(f"{f'{n}x s':>9}{f'{n}x MiB':>9}" for n in found) + f"{'4x/1x MiB':>11}")
    steps = {s: s for s in ("generate", "filter", "train", "report")} | {"answer": "evaluate", "score": "evaluate"}
    for step, stage in steps.items():
        peaks = [found[n]["peaks"][step] / 2**20 for n in found]
        seconds = [found[n]["costs"].get(stage, {}).get("seconds") or 0 for n in found]
        cells = "".join(f"{s:>9.1f}{p:>9.0f}" for s, p in zip(seconds, peaks, strict=True))
        print(f"{step:<18}{cells}{peaks[-1] / max(peaks[0], 1):>11.2f}")
    walls = [found[n]["wall"] for n in found]
    print("whole run, wall s " + "".join(f"{w:>9.1f}{'':>9}" for w in walls) + f"   4x/1x {walls[-1] / walls[0]:.2f}")
    growth = (walls[2] - walls[1]) / (2 * (walls[1] - walls[0]))
    print(f"seconds a row from 2x to 4x, over those from 1x to 2x: {growth:.2f} (1 is linear)")


if __name__ == "__main__":
    main()
