"""filter (GPU x N): the guard judges every response that is usable at all; one prefill a view."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from thinksafe import engines, guards, quality, selection, thought, tokenization
from thinksafe.engines.base import LabelRequest
from thinksafe.guards.scoring import GuardReader
from thinksafe.spec import Guard
from thinksafe.stages import schemas
from thinksafe.stages.lazy import lazily
from thinksafe.stages.run import Run
from thinksafe.stages.streaming import Share, Work, run_chunks
from thinksafe.stages.worker import Bench


def filter_responses(run: Run, rung: int, share: Share, bench: Bench) -> None:
    """Make `scores-<rung>`: one row a response, in the chunks of `responses-<rung>`."""
    node, artifact, spec = f"scores-{rung}", run.artifact(f"scores-{rung}"), run.spec
    responses = run.artifact(f"responses-{rung}")
    manifest = responses.manifest()
    judge = Judge(spec.guard, run.model("guard"), spec.generation.engine)

    def open_work(index: int) -> Work:
        asked = [(row, judge.ask(f"{row['id']}/{row['sample']}", row)) for row in responses.read_chunk(index)]
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
        read = [
            self.judge.reader.read(results[q.key]) if isinstance(q, LabelRequest) else q for _, q in self.views
        ]
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
    """Apply the run's thresholds to the stored scores of one chunk."""
    chosen_by = run.plan.node("dataset").parameters
    rule = selection.Selection(chosen_by["threshold"], chosen_by["min_label_mass"], chosen_by["keep"])
    by_sample, chosen = {}, {}
    for row_id, scores in _by_prompt(run.artifact(f"scores-{rung}").read_chunk(index)):
        outcomes = [selection.outcome(s, rule) for s in scores]
        choice = selection.choose(outcomes, rule.keep)
        reasons = selection.reasons(outcomes, choice)
        chosen[row_id] = None if choice is None else scores[choice]["sample"]
        for score, outcome, reason in zip(scores, outcomes, reasons, strict=True):
            by_sample[row_id, score["sample"]] = (outcome, reason)
    return Verdicts(by_sample, chosen)


def _by_prompt(scores: list[dict]) -> Iterator[tuple[str, list[dict]]]:
    for row_id, group in itertools.groupby(scores, key=lambda s: s["id"]):
        yield row_id, list(group)
