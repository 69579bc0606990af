"""Two runs side by side. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from thinksafe.analysis.words import DASH, count, interval, percent, signed
from thinksafe.plugin import figures, runs
from thinksafe.plugin.runs import Run
from thinksafe.plugin.tree import phase, spent

NOT_CONTENT = ("suspend", "ttlSecondsAfterFinished", "activeDeadlineSeconds")  # a run's course, not what it is


def compare(a: Run, b: Run) -> list[RenderableType]:
    """What the statuses and specs of two runs tell: results, retention, cost, and the settings that differ."""
    return [
        *heads(a, b), Text(), results(a, b), Text(), course(a, b), Text(),
        settings(a["spec"], b["spec"]),
    ]  # fmt: skip


def heads(a: Run, b: Run) -> list[Text]:
    """Which run is A and which is B: in the tables their names would take the numbers' room."""
    shown = []
    for letter, run in (("A", a), ("B", b)):
        line = Text(overflow="fold").append(f"{letter}  ", "bold")
        shown.append(line.append(f"{runs.name(run)}  ").append(phase(run)))
    return shown


def results(a: Run, b: Run) -> RenderableType:
    """Base and adapter of both by benchmark, and how much higher B's adapter is."""
    by_key = [{(r["kind"], r["benchmark"]): r for r in runs.status(run).get("results") or ()} for run in (a, b)]
    keys = list(dict.fromkeys([*by_key[0], *by_key[1]]))
    if not keys:
        return Text("Neither run has results yet", "yellow")
    made = figures.grid("base A", "base B", "adapter A", "adapter B", "B − A, points")
    for what, of_kind in figures.by_kind({"kind": kind, "benchmark": benchmark} for kind, benchmark in keys):
        made.add_row(Text(what, "bold"))
        for one in of_kind:
            of_a, of_b = (found.get((one["kind"], one["benchmark"]), {}) for found in by_key)
            values = (of_a.get("base"), of_b.get("base"), of_a.get("aligned"), of_b.get("aligned"))
            made.add_row(f" {one['benchmark']}", *map(percent, values), figures.difference(*values[2:]))
    return made


def course(a: Run, b: Run) -> Table:
    """How both went: the gate, what was kept, what it took, stage by stage."""
    made = figures.grid("A", "B")
    both = (a, b)
    made.add_row("gate", *(runs.status(run).get("gate", DASH) for run in both))
    made.add_row("kept by the guard", *map(figures.kept, both))
    made.add_row("tokens", *(count(runs.tokens(run)) for run in both))
    made.add_row("GPU time", *map(figures.gpu_time, both))
    made.add_row("time", *(_lasted(runs.status(run)) for run in both))
    for name in dict.fromkeys(s["name"] for run in both for s in runs.stages(run)):
        made.add_row(Text(f" {name}", "dim"), *(_of_stage(runs.stage(run, name)) for run in both))
    return made


def settings(a: Mapping, b: Mapping) -> RenderableType:
    """The settings in which two specs differ, each with both values."""
    found = list(differing(a, b))
    if not found:
        return Text("Their settings are the same")
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in ("setting that differs", "A", "B"):
        made.add_column(head, overflow="fold")
    for path, one, other in found:
        made.add_row(path, _value(one), _value(other))
    return made


def differing(a: object, b: object, path: str = "") -> Iterator[tuple[str, object, object]]:
    """The places where two values differ, as deep as they can be named: `training.epochs`, `prompts[0].source`."""
    if a == b:
        return
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            if path or key not in NOT_CONTENT:
                yield from differing(a.get(key), b.get(key), f"{path}.{key}" if path else key)
    elif _are_lists_of_maps(a, b):
        assert isinstance(a, Sequence) and isinstance(b, Sequence)
        for i in range(max(len(a), len(b))):
            yield from differing(_item(a, i), _item(b, i), f"{path}[{i}]")
    else:
        yield path, a, b


def full(a: Mapping, b: Mapping) -> list[RenderableType]:
    """What two summaries (thinksafe.dev/summary/v1) tell beyond that, with 95% intervals."""
    return [_measured(a, b), Text(), _retention(a, b), Text(), *_signatures(a, b)]


def _measured(a: Mapping, b: Mapping) -> Table:
    """The adapters by their primary metrics. A difference has a colour where the two intervals do not meet."""
    from thinksafe.analysis.gate import primary_pairs

    of_a, of_b = ({key: pair[1] for key, pair in primary_pairs(s["metrics"]).items()} for s in (a, b))
    made = figures.grid("adapter A (95%)", "adapter B (95%)", "B − A, points")
    keys = dict.fromkeys([*of_a, *of_b])
    for what, of_kind in figures.by_kind({"kind": kind, "benchmark": benchmark} for kind, benchmark in keys):
        made.add_row(Text(what, "bold"))
        for one in of_kind:
            pair = [found.get((one["kind"], one["benchmark"])) for found in (of_a, of_b)]
            made.add_row(f" {one['benchmark']}", *map(_with_interval, pair), _apart(one["kind"], *pair))
    return made


def _with_interval(metric: Mapping | None) -> str:
    if metric is None or metric["value"] is None:
        return DASH if metric is None else "not scored"
    return f"{percent(metric['value'])} ({interval(metric['low'], metric['high'], 0).removesuffix('%')})"


def _apart(kind: str, a: Mapping | None, b: Mapping | None) -> Text:
    if a is None or b is None or a["value"] is None or b["value"] is None:
        return Text(DASH)
    change = b["value"] - a["value"]
    apart = None not in (a["low"], b["low"], a["high"], b["high"]) and (a["high"] < b["low"] or b["high"] < a["low"])
    better = (change > 0) == (kind == "accuracy")
    return Text(signed(change), ("green" if better else "red") if apart else "")


def _retention(a: Mapping, b: Mapping) -> Table:
    """What was kept by label, and the perplexity of it under the base model."""
    made = figures.grid("A", "B")
    by_label = [{r["label"]: r for r in s["retention"]} for s in (a, b)]
    for label in dict.fromkeys([*by_label[0], *by_label[1]]):
        made.add_row(f"kept, {label}", *(_kept(found.get(label)) for found in by_label))
    spread = [{p["label"]: p["value"] for p in s["perplexity"] if p["value"] is not None} for s in (a, b)]
    for label in dict.fromkeys([*spread[0], *spread[1]]):
        made.add_row(f"perplexity, {label}", *(f"{f[label]:.2f}" if label in f else DASH for f in spread))
    return made


def _kept(row: Mapping | None) -> str:
    if not row or not row["total"]:
        return DASH
    return f"{count(row['kept'])} of {count(row['total'])} ({percent(row['kept'] / row['total'])})"


def _signatures(a: Mapping, b: Mapping) -> list[RenderableType]:
    told = [(letter, s) for letter, summary in (("A", a), ("B", b)) for s in summary["signatures"]]
    if not told:
        return [Text("Neither shows a failure signature")]
    return [Text(f"{letter}  {s['code']}: {s['evidence']}", "yellow") for letter, s in told]


def _lasted(part: Mapping) -> str:
    lasted = runs.lasted(part, 0.0) if part.get("completionTime") else None
    return DASH if lasted is None else spent(lasted)


def _of_stage(stage: Mapping | None) -> str:
    state = (stage or {}).get("state", "Waiting")
    if stage is None or state == "Waiting":
        return DASH
    if state in ("Succeeded", "Failed"):
        return _lasted(stage) if state == "Succeeded" else f"failed after {_lasted(stage)}"
    return "in the store already" if state == "Cached" else state.lower()


def _are_lists_of_maps(a: object, b: object) -> bool:
    return all(isinstance(x, list) and all(isinstance(item, Mapping) for item in x) for x in (a, b))


def _item(values: Sequence, i: int) -> object:
    return values[i] if i < len(values) else None


def _value(value: object) -> str:
    if value is None:
        return DASH
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
