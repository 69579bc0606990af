"""The experiments of examples/experiments, each run once by the real command into one store for all of them.

Where that store is kept depends on all that its bytes depend on, as with tests/integration/references.py. While one
works on an experiment, THINKSAFE_EXPERIMENTS=<folder> keeps the store there whatever the code is: artifacts go by
their own digests, so only what is new is computed, but what changed code would write anew is not.
"""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.places import REPOSITORY, cache, locked
from integration.references import code_key
from integration.runs import objects, thinksafe

from thinksafe import manifest
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage
from thinksafe.stages import comparison

EXAMPLES = REPOSITORY / "examples" / "experiments"
KEPT = 2  # stores of other states of the code
SECONDS = 1500  # of one experiment, on a machine that does other things, too


@dataclass(frozen=True)
class Ran:
    """A finished experiment. `combined`: its summary.json; `runs`: that of every variant that was measured."""

    name: str
    store: Path
    folder: Path
    combined: Mapping
    runs: Mapping[str, Mapping]
    printed: str

    def row(self, variant: str, benchmark: str) -> Mapping:
        """The combined report's row of a variant on a benchmark."""
        (found,) = [r for r in self.combined["rows"] if (r["variant"], r["benchmark"]) == (variant, benchmark)]
        return found

    def variant(self, name: str) -> Mapping:
        """The combined report's entry of a variant."""
        (found,) = [v for v in self.combined["variants"] if v["name"] == name]
        return found

    def rows(self, variant: str, node: str) -> list[dict]:
        """The rows of an artifact of a variant's run."""
        digest = self.runs[variant]["lineage"]["artifacts"][node]
        (found,) = self.store.glob(f"artifacts/*/{digest}")
        return list(Artifact(open_store(Storage(uri=f"file://{self.store}")), found.parent.name, digest).rows())

    def kept(self, variant: str, label: str = "harmful") -> float:
        """The share of a label's responses that is kept."""
        (found,) = [r for r in self.variant(variant)["retention"] if r["label"] == label]
        return found["kept"] / found["total"]


def run(name: str) -> Ran:
    """Run examples/experiments/<name>.yaml, unless it has been run already."""
    place, file = _place(), EXAMPLES / f"{name}.yaml"
    printed = place / f"{name}.printed"
    with locked(place / f"{name}.lock"):
        if not printed.exists() or os.environ.get("THINKSAFE_EXPERIMENTS"):
            _common(place)
            printed.write_text(_made(file, place))
    return _read(name, file, place / "store", printed.read_text())


def made_objects(store: Path) -> dict[str, str]:
    """sha256 of every committed object of a store."""
    return objects(store)


def _common(place: Path) -> None:
    """What nearly all experiments begin with is made by one process, while the others wait for it."""
    first = EXAMPLES / "steering.yaml"
    with locked(place / "common.lock"):
        if (place / "common.printed").exists():
            return
        document = manifest.read_experiment(first)
        only = json.loads(document.model_dump_json(by_alias=True, exclude_unset=True))
        only["spec"]["variants"] = [v for v in only["spec"]["variants"] if v["name"] == "prefix"]
        file = place / "common.yaml"
        file.write_text(json.dumps(only))
        (place / "common.printed").write_text(_made(file, place))


def _made(file: Path, place: Path) -> str:
    done = thinksafe("experiment", file, "--store", place / "store", scratch=place / "scratch", seconds=SECONDS)
    assert done.returncode == 0, f"{file.name}: {done.stdout[-1500:]}\n{done.stderr[-1500:]}"
    return done.stdout


def _read(name: str, file: Path, store: Path, printed: str) -> Ran:
    experiment = manifest.read_experiment(file)
    folder = store / comparison.prefix(experiment, comparison.local_uid(experiment))
    combined = json.loads((folder / "summary.json").read_text())
    runs = {
        v["name"]: json.loads((_run_folder(store, v["run"]) / "summary.json").read_text())
        for v in combined["variants"] if v["gate_passed"] is not None
    }  # fmt: skip
    return Ran(name, store, folder, combined, runs, printed)


def _run_folder(store: Path, run: Mapping) -> Path:
    return store / "runs" / run["namespace"] / run["name"] / run["uid"]


def _place() -> Path:
    if kept := os.environ.get("THINKSAFE_EXPERIMENTS"):
        place = Path(kept)
        place.mkdir(parents=True, exist_ok=True)
        return place
    place = cache("experiments") / code_key()
    with locked(place.with_suffix(".lock")):
        if not place.exists():
            place.mkdir()
            _prune(place)
        os.utime(place)
    return place


def _prune(but: Path) -> None:
    others = [f for f in but.parent.iterdir() if f.is_dir() and f != but]
    for old in sorted(others, key=lambda f: -f.stat().st_mtime)[KEPT - 1 :]:
        shutil.rmtree(old, ignore_errors=True)
        old.with_suffix(".lock").unlink(missing_ok=True)
