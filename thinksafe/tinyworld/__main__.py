"""`python -m thinksafe.tinyworld make` makes the models from a seed, `check` measures them against their bounds."""

import argparse
import shutil
import sys
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from thinksafe.tinyworld import store

KINDS = ("student", "guard")  # what is made where none is named


def make(kind: store.Kind, seed: int, out: Path | None) -> Path:
    """Make one model, with a progress bar: into `out` if given (replacing a model there), else the cache."""
    with tqdm(desc=f"{kind} {seed}", unit="step", disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        if out is None:
            return store.model_path(kind, seed, progress)
        if out.exists():
            if not (out / "model.safetensors").exists() and any(out.iterdir()):
                raise SystemExit(f"{out} is not empty and holds no model: it is left as it is")
            shutil.rmtree(out)
        store.make_at(out, kind, seed, progress)
        return out


def check(path: Path, n: int) -> bool:
    """Print what the model in `path` does beside its bounds, and say whether it keeps them all."""
    from thinksafe.tinyworld import measure  # imports torch

    kind = store.kind_of(path)
    figures = measure.check_student(path, n) if kind == "student" else measure.check_guard(path, n)
    for figure in figures:
        bounds = f"{100 * figure.low:.0f} to {100 * figure.high:.0f} %"
        mark = "ok" if figure.kept else "OUT OF BOUNDS"
        print(f"{path.name:12} {figure.name:32} {100 * figure.value:6.1f} %  n={figure.n}  {bounds:12} {mark}")
    return all(figure.kept for figure in figures)


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit code 0, or 1 when a model is out of its bounds."""
    parser = argparse.ArgumentParser(prog="python -m thinksafe.tinyworld", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make student and guard from a seed")
    making.add_argument("--seed", type=int, default=0)
    making.add_argument("--kind", choices=get_args(store.Kind), help="only this one")
    making.add_argument("--out", type=Path, help="folder to write <kind>-<seed> into (default: the cache)")
    checking = commands.add_parser("check", help="measure models against their bounds")
    checking.add_argument("directories", type=Path, nargs="+", metavar="DIR")
    checking.add_argument("-n", type=int, default=400, help="samples per figure")
    options = parser.parse_args(arguments)
    if options.command == "make":
        for kind in [options.kind] if options.kind else KINDS:
            print(make(kind, options.seed, options.out and options.out / f"{kind}-{options.seed}"))
        return 0
    return 0 if all([check(path, options.n) for path in options.directories]) else 1


if __name__ == "__main__":
    sys.exit(main())
