"""Every run of examples/paper, with the tiny models in it, by the real command into one store.

Nobody here can run them at full size. With one student the four Qwen3 become one run and the three R1 another, so
two are computed and the rest comes from the store. So do the baselines of the experiments of examples/paper; what they
ask, the tiny world's own experiments ask at a size at which it shows.
"""

import csv
import dataclasses
import json
from pathlib import Path

import pytest
import yaml
from integration.runs import thinksafe

from experiments.swapped import swapped, swapped_experiment, write
from thinksafe import manifest
from thinksafe.analysis import report
from thinksafe.analysis.paper.figures import figures
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage
from thinksafe.stages import comparison
from thinksafe.stages import run as runs
from thinksafe.stages.report import summarise

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
PAPER = Path(__file__).parents[2] / "examples" / "paper"
RUNS = sorted(PAPER.glob("*.yaml"))
EXPERIMENTS = sorted((PAPER / "experiments").glob("*.yaml"))
COLUMNS = figures().columns


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> dict[str, Path]:
    """The manifest of each run with the tiny world in it, all run; the store is beside them."""
    folder = tmp_path_factory.mktemp("paper")
    write(folder)
    made = {}
    for path in RUNS:
        made[path.stem] = folder / path.name
        made[path.stem].write_text(yaml.safe_dump(swapped(manifest.read(path), folder)))
        ran = thinksafe("run", made[path.stem], "--store", folder / "store", scratch=folder / "scratch")
        assert ran.returncode == 0, f"{path.stem}: {ran.stderr[-2000:]}{ran.stdout[-2000:]}"
    return made


def loaded(file: Path) -> runs.Run:
    """The finished run of a manifest."""
    document, store = manifest.read(file), open_store(Storage(uri=f"file://{file.parent / 'store'}"))
    meta = document.metadata
    return runs.load(store, document.spec, meta.namespace, meta.name, runs.local_uid(document.spec))


@pytest.mark.parametrize("name", [path.stem for path in RUNS])
def test_a_run_comes_to_its_verdict_with_a_value_in_every_column_of_the_paper(done, name: str):
    summary = json.loads(loaded(done[name]).artifact("report").get_file("summary.json"))
    found = {(m["benchmark"], m["metric"], m["model"]): m["value"] for m in summary["metrics"]}
    for column in COLUMNS:
        for model in ("base", "aligned"):
            assert found[column.benchmark, column.metric, model] is not None, column.benchmark
    assert summary["paper"] == []  # the tiny student is none of the paper's models
    assert {r["label"] for r in summary["retention"] if r["kept"]} == {"harmful", "benign"}


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_its_report_has_the_papers_figures_beside_its_own(done, path: Path):
    """The finished run, as it would be told of had the manifest's model made it."""
    tiny, real = loaded(done[path.stem]), manifest.read(path).spec
    document = summarise(dataclasses.replace(tiny, spec=tiny.spec.model_copy(update={"model": real.model})))
    base, aligned = document["paper"]
    assert (base["method"], aligned["method"]) == ("Initial", "ThinkSafe")
    published = figures().result(aligned["paper_model"], "ThinkSafe")
    assert published
    for row in aligned["rows"]:
        name = row["benchmark"] or row["name"].partition(",")[0].lower()
        printed = published.value(name, COLUMNS)
        assert printed is not None and row["paper"]["value"] == pytest.approx(printed / 100)
    assert len(aligned["rows"]) == len(COLUMNS) + 2
    differs = {d["setting"] for d in aligned["differs"]}
    assert {"spec.guard.family", "spec.training.maxSteps", "spec.evaluation.samples", "the judge"} <= differs
    assert not differs & {"spec.generation.topK", "spec.evaluation.topK", "spec.steering.template"}
    assert "Beside the paper" in report.render(document)


def test_what_the_runs_have_in_common_is_computed_once(done):
    digests = {name: {n.name: n.digest for n in loaded(file).plan.nodes} for name, file in done.items()}
    adapters = {name: made["adapter"] for name, made in digests.items()}
    assert len({adapters[name] for name in adapters if name.startswith("qwen3")}) == 1
    assert len({adapters[name] for name in adapters if name.startswith("r1")}) == 1
    assert len({made["prompts"] for made in digests.values()}) == 1
    assert len({made["answers-base"] for made in digests.values()}) == 2  # by top-k


@pytest.mark.soak
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_compares_its_variants_on_every_column_of_the_paper(done, path: Path):
    real, folder = manifest.read_experiment(path), done["qwen3-8b"].parent
    file = folder / f"experiment-{path.name}"
    file.write_text(yaml.safe_dump(swapped_experiment(real, folder)))
    ran = thinksafe("experiment", file, "--store", folder / "store", scratch=folder / "scratch", seconds=1200)
    assert ran.returncode == 0, f"{path.stem}: {ran.stderr[-2000:]}{ran.stdout[-2000:]}"

    experiment = manifest.read_experiment(file)
    place = folder / "store" / comparison.prefix(experiment, comparison.local_uid(experiment))
    document = json.loads((place / "summary.json").read_text())
    names = [v.name for v in real.spec.variants]
    assert [v["name"] for v in document["variants"]] == names
    assert all(v["gate_passed"] is not None for v in document["variants"])  # each came to its verdict
    found = {(r["variant"], r["benchmark"]): r for r in document["rows"]}
    assert found.keys() == {(name, c.benchmark) for name in names for c in COLUMNS}
    for (name, benchmark), row in found.items():
        assert row["value"] is not None, (name, benchmark)
        assert (row["difference"] is None) == (name == real.spec.compared_with), (name, benchmark)
    with (place / "table.csv").open() as table:
        assert len(list(csv.DictReader(table))) == len(found)


@pytest.mark.soak
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_the_baseline_of_an_experiment_is_the_run_of_its_model_and_nothing_of_it_is_made_again(done, path: Path):
    real, folder = manifest.read_experiment(path), done["qwen3-8b"].parent
    (alone,) = [p.stem for p in RUNS if manifest.read(p).spec.model == real.spec.run.model]
    (baseline,) = (folder / "store" / "runs" / "default").glob(f"paper-{path.stem}-{real.spec.compared_with}/*")
    told = json.loads((baseline / "summary.json").read_text())
    other = json.loads(loaded(done[alone]).artifact("report").get_file("summary.json"))
    assert told["lineage"]["artifacts"] == other["lineage"]["artifacts"]
