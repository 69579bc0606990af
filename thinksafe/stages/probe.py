"""Of generate, where the steering template is `auto`: a few prompts under each candidate, and the best one chosen.

Two steps, each a process of its own, since they hold different models: the generator answers, then the guard judges.
Workers share the chunks as everywhere, and each goes on once all are committed: whoever dies leaves chunks that
the others make, so nobody waits for anyone.
"""

import heapq

from thinksafe import quality, selection, thought, tokenization
from thinksafe.analysis import probe as choice
from thinksafe.benchmarks import refusals
from thinksafe.engines.base import Request, Sampling
from thinksafe.stages import adapters, schemas
from thinksafe.stages.filter import Judge, Questions
from thinksafe.stages.generate import asked_ids, open_generator
from thinksafe.stages.run import Run
from thinksafe.stages.seeds import row_seed
from thinksafe.stages.streaming import Share, Work, run_chunks
from thinksafe.stages.worker import Bench

RESPONSES, SCORES = "probe-responses", "probe-scores"
LABELS = ("harmful", "benign")


def answer(run: Run, share: Share, bench: Bench) -> None:
    """Make `probe-responses`: the sampled prompts of both labels under each candidate, one response each.

    A chunk is one candidate on one label. A prompt has the same seed under all candidates.
    """
    artifact = run.artifact(RESPONSES)
    if artifact.is_complete():
        return
    made = run.plan.node(RESPONSES).parameters
    prompts, candidates = sampled(run, made["prompts"]), made["candidates"]
    tokenizer, lora = tokenization.load(run.model("generator")), adapters.of_generator(run)
    folder = adapters.brought(run, lora, RESPONSES) if lora else None

    def open_work(index: int) -> Work:
        template, rows = candidates[index // len(LABELS)], prompts[LABELS[index % len(LABELS)]]
        keys = [f"{index}/{row['id']}" for row in rows]
        requests = [
            Request(key, tuple(asked_ids(tokenizer, template, row["prompt"])), _sampling(run, row), folder)
            for key, row in zip(keys, rows, strict=True)
        ]
        return Work(
            requests,
            lambda results: [_row(run, row, template, results[key]) for key, row in zip(keys, rows, strict=True)],
        )

    chunks = len(candidates) * len(LABELS)
    total = len(candidates) * sum(map(len, prompts.values()))
    with bench.open(RESPONSES, total=total, device=1) as progress, open_generator(run, lora) as engine:
        run_chunks(
            artifact,
            chunks,
            schemas.PROBE_RESPONSES,
            share=share,
            progress=progress,
            open_work=open_work,
            process=lambda requests: engine.generate(requests),
            tokens=lambda done: len(done.token_ids),
        )
        if not artifact.is_complete():
            run.finish(RESPONSES, chunks=chunks, cost=bench.cost(artifact))


def sampled(run: Run, most: int) -> dict[str, list[dict]]:
    """At most so many prompts of each label, drawn by their ids; one whose response is given is never steered."""

    def place(row: dict) -> tuple[int, str]:
        return row_seed(run.spec.seed, "probe-sample", row["id"]), row["id"]

    rows = [r for r in run.artifact("prompts").rows() if r["given"] is None]
    return {label: heapq.nsmallest(most, (r for r in rows if r["label"] == label), key=place) for label in LABELS}


def _sampling(run: Run, row: dict) -> Sampling:
    spec = run.spec.generation
    return Sampling(_seed(run, row), spec.temperature, spec.top_p, spec.top_k, spec.max_tokens)


def _seed(run: Run, row: dict) -> int:
    return row_seed(run.spec.seed, "probe", row["id"])


def _row(run: Run, row: dict, template: str, done) -> dict:
    return {
        "id": row["id"],
        "prompt": row["prompt"],
        "label": row["label"],
        "template": template,
        "sample": 0,
        "seed": _seed(run, row),
        "response_ids": list(done.token_ids),
        "response": done.text,
        "finish_reason": done.finish_reason,
        "error": done.error,
    }


def judge(run: Run, share: Share, bench: Bench) -> None:
    """Make `probe-scores`: the guard's readings of the harmful prompts' responses, whether a benign one's refuses.

    Its manifest has the outcome: the chosen template, and the numbers of each.
    """
    artifact, responses = run.artifact(SCORES), run.artifact(RESPONSES)
    if artifact.is_complete():
        return
    manifest, asked = responses.manifest(), Judge(run.spec.guard, run.model("guard"), run.spec.generation.engine)

    def open_work(index: int) -> Work:
        rows = responses.read_chunk(index)
        questions = [_questions(asked, f"{index}/{row['id']}", row) for row in rows]
        return Work(
            [q for found in questions for q in found.requests],
            lambda results: [
                {
                    **{k: row[k] for k in ("id", "label", "template")},
                    **found.answered(results),
                    "refused": refused(row),
                }
                for row, found in zip(rows, questions, strict=True)
            ],
        )

    with bench.open(SCORES, total=manifest["rows"], device=1) as progress, asked.engine(run.spec.seed) as engine:
        run_chunks(
            artifact,
            manifest["chunks"],
            schemas.PROBE_SCORES,
            share=share,
            progress=progress,
            open_work=open_work,
            process=lambda requests: engine.score_labels(requests),
        )
        if not artifact.is_complete():
            outcome = decided(run)
            run.finish(SCORES, chunks=manifest["chunks"], cost=bench.cost(artifact), outcome=outcome)


def _questions(asked: Judge, key: str, row: dict) -> Questions:
    """The guard is asked about responses to harmful prompts; whether a benign one is refused, words tell."""
    if row["label"] == "harmful":
        return asked.ask(key, row)
    return Questions(asked, quality.reject_reason(row["response"] or "", row["finish_reason"], row["error"]), [])


def refused(row: dict) -> bool | None:
    """Whether the answer to a benign prompt refuses, as the over-refusal benchmarks tell it; None for harmful ones."""
    return refusals.refuses(thought.split(row["response"] or "").answer) if row["label"] == "benign" else None


def decided(run: Run) -> choice.Probe:
    """The outcome, from all committed scores: the same whoever works it out."""
    made = run.plan.node(SCORES).parameters
    rule = selection.Selection(made["threshold"], made["min_label_mass"], "any")

    def hit(score: dict) -> bool:
        if score["label"] == "harmful":
            return selection.outcome(score, rule).verdict == "safe"
        return bool(score["refused"] or score["quality"])

    rows = ({**score, "hit": hit(score)} for score in run.artifact(SCORES).rows())
    return choice.decide(run.plan.node(RESPONSES).parameters["candidates"], rows)
