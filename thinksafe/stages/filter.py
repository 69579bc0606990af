"""filter (GPU x N): the guard, or each of a quorum, judges every response that is usable; one prefill a view."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thinksafe import engines, guards, quality, selection, thought, tokenization
from thinksafe.engines.base import LabelRequest
from thinksafe.errors import DataError
from thinksafe.guards.scoring import GuardReader
from thinksafe.plan import further_guards, scores_of
from thinksafe.spec import Guard
from thinksafe.stages import schemas
from thinksafe.stages.lazy import lazily
from thinksafe.stages.run import Run
from thinksafe.stages.streaming import Share, Work, run_chunks
from thinksafe.stages.worker import Bench


def filter_responses(run: Run, rung: int, share: Share, bench: Bench, role: str = "guard") -> None:
    """Make the scores of one guard: `scores-<rung>`, or `scores-<rung>-g2` of the quorum's first; a row a response.

    Each guard is a step with a process of its own, as an engine gives its memory back for certain only by ending.
    """
    node = scores_of(rung, role)
    guard = {"guard": run.spec.guard, **further_guards(run.spec)}[role]
    artifact, responses, spec = run.artifact(node), run.artifact(f"responses-{rung}"), run.spec
    manifest, unfiltered = responses.manifest(), run.plan.node(node).parameters.get("unfiltered", [])
    judge = Judge(guard, run.model(role), spec.generation.engine)

    def open_work(index: int) -> Work:
        asked = [
            (row, judge.unasked() if row["source"] in unfiltered else judge.ask(f"{row['id']}/{row['sample']}", row))
            for row in responses.read_chunk(index)
        ]
        requests = [q for _, questions in asked for q in questions.requests]
        return Work(
            requests,
            lambda results: [
                {"id": row["id"], "sample": row["sample"], **questions.answered(results)} for row, questions in asked
            ],
        )

    with bench.open(node, total=manifest["rows"], device=1) as progress:
        with judge.engine(spec.seed) as engine:
            run_chunks(
                artifact,
                manifest["chunks"],
                schemas.SCORES,
                share=share,
                progress=progress,
                open_work=open_work,
                process=lambda requests: engine.score_labels(requests),
            )
        if not artifact.is_complete():
            run.finish(node, chunks=manifest["chunks"], cost=bench.cost(artifact))


class Judge:
    """A guard as the stages use it: rows in, one reading a view out."""

    def __init__(self, guard: Guard, path: Path, engine: Literal["vllm", "transformers"]) -> None:
        self.guard, self.path = guard, path
        self.engine_name: Literal["vllm", "transformers"] = engine
        self.family = guards.get(guard.family)
        self.reader = GuardReader(self.family, tokenization.load(self.path), self.path, overlong=guard.overlong)

    def engine(self, seed: int):
        return lazily(
            lambda: engines.open_engine(
                self.engine_name,
                str(self.path),
                dtype=self.guard.dtype,
                max_model_len=None,
                seed=seed,
                label_only=True,
            )
        )

    def unasked(self) -> "Questions":
        """No questions, about a response of a source that says `filter: none`."""
        return Questions(self, selection.UNFILTERED, [])

    def ask(self, key: str, row: dict) -> "Questions":
        """The questions about one response. A response that is unusable in itself is not asked about."""
        unusable = quality.reject_reason(row["response"] or "", row["finish_reason"], row["error"])
        if unusable:
            return Questions(self, unusable, [])
        parts = thought.split(row["response"])
        views = [(v, self.reader.request(f"{key}/{v}", row["prompt"], parts, v)) for v in self.guard.views]
        return Questions(self, None, views)


@dataclass(frozen=True)
class Questions:
    """What is asked about one response, or why nothing is."""

    judge: Judge
    quality: str | None
    views: list

    @property
    def requests(self) -> list[LabelRequest]:
        return [q for _, q in self.views if isinstance(q, LabelRequest)]

    def answered(self, results: dict) -> dict:
        """The judged columns of schemas.SCORES."""
        read = [self.judge.reader.read(results[q.key]) if isinstance(q, LabelRequest) else q for _, q in self.views]
        return {
            "quality": self.quality,
            "views": [v for v, _ in self.views],
            "p_unsafe": [r.p_unsafe for r in read],
            "label_mass": [r.mass for r in read],
            "unread": [None if r.p_unsafe is not None else r.reason for r in read],
        }


@dataclass(frozen=True)
class Verdicts:
    """One chunk of a rung, judged: outcome and counted reason by (id, sample), and the chosen sample by id."""

    by_sample: dict[tuple[str, int], tuple[selection.Outcome, str]]
    chosen: dict[str, int | None]


def verdicts_of(run: Run, rung: int, index: int) -> Verdicts:
    """Apply the run's thresholds, and its quorum if it has one, to the stored scores of one chunk."""
    keep = run.plan.node("dataset").parameters["keep"]
    need = run.spec.quorum.need if run.spec.quorum else None
    by_sample, chosen = {}, {}
    for row_id, rows in _by_prompt(outcomes_of(run, rung, index)):
        outcomes = [said[0] if need is None else selection.voted(said, need) for _, said in rows]
        choice = selection.choose(outcomes, keep)
        chosen[row_id] = None if choice is None else rows[choice][0]["sample"]
        for (score, _), outcome, reason in zip(rows, outcomes, selection.reasons(outcomes, choice), strict=True):
            by_sample[row_id, score["sample"]] = (outcome, reason)
    return Verdicts(by_sample, chosen)


Judged = tuple[dict, list[selection.Outcome]]


def outcomes_of(run: Run, rung: int, index: int) -> Iterator[Judged]:
    """The rows of one chunk of scores, each with what every guard of the run says of it, the run's own guard first."""
    chosen_by = run.plan.node("dataset").parameters
    bounds = [chosen_by, *chosen_by.get("quorum", {"guards": []})["guards"]]
    rules = [selection.Selection(b["threshold"], b["min_label_mass"], chosen_by["keep"]) for b in bounds]
    roles = ["guard", *further_guards(run.spec)]
    scores = [run.artifact(scores_of(rung, role)).read_chunk(index) for role in roles]
    for rows in zip(*scores, strict=True):
        if len({(row["id"], row["sample"]) for row in rows}) > 1:
            raise DataError(f"scores of rung {rung}, chunk {index}: the guards judged other rows", reason="Damaged")
        yield rows[0], [selection.outcome(row, rule) for row, rule in zip(rows, rules, strict=True)]


def _by_prompt(judged: Iterator[Judged]) -> Iterator[tuple[str, list[Judged]]]:
    for row_id, group in itertools.groupby(judged, key=lambda j: j[0]["id"]):
        yield row_id, list(group)
