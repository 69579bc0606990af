"""evaluate (GPU x N): base and adapter answer in one engine load; then the judge and the graders score.

The two steps hold different models, so each is a process of its own: an engine gives its memory back
for certain only by ending.
"""

import json

from thinksafe import benchmarks, engines, selection, steering, thought, tokenization
from thinksafe.artifacts.artifact import Artifact
from thinksafe.benchmarks.base import Problem
from thinksafe.engines.base import Request, Sampling
from thinksafe.stages import adapters, schemas
from thinksafe.stages.filter import Judge, Questions
from thinksafe.stages.lazy import lazily
from thinksafe.stages.run import Run
from thinksafe.stages.seeds import row_seed
from thinksafe.stages.streaming import Share, Work, run_chunks
from thinksafe.stages.worker import Bench

SUBJECTS = ("base", "aligned")


def answer(run: Run, share: Share, bench: Bench) -> None:
    """Make `answers-base` and `answers-aligned`, in chunks that mirror those of `problems`."""
    todo = [s for s in SUBJECTS if not run.artifact(f"answers-{s}").is_complete()]
    spec, manifest = run.spec, run.artifact("problems").manifest()
    path = run.model("student")
    adapter = adapters.brought(run, run.artifact("adapter"), "adapter") if "aligned" in todo else None
    tokenizer = tokenization.load(path)

    def open_engine():
        return engines.open_engine(
            spec.generation.engine,
            str(path),
            dtype=spec.model.dtype,
            max_model_len=None,
            seed=spec.seed,
            max_lora_rank=spec.training.rank if adapter else None,
        )

    with lazily(open_engine) as engine:
        for subject in todo:
            artifact = run.artifact(f"answers-{subject}")
            asker = _Asker(run, tokenizer, adapter if subject == "aligned" else None)
            total = sum(asker.samples(r["kind"]) for r in run.artifact("problems").rows())
            with bench.open(f"answers-{subject}", total=total, device=1) as progress:
                run_chunks(
                    artifact,
                    manifest["chunks"],
                    schemas.ANSWERS,
                    share=share,
                    progress=progress,
                    open_work=asker.open_work,
                    process=lambda requests: engine.generate(requests),
                    tokens=lambda done: len(done.token_ids),
                )
            if not artifact.is_complete():
                run.finish(f"answers-{subject}", chunks=manifest["chunks"], cost=bench.cost(artifact))


class _Asker:
    """Puts the problems to the model: the whole user turn is the benchmark's, nothing is steered."""

    def __init__(self, run: Run, tokenizer, adapter: str | None) -> None:
        self.run, self.tokenizer, self.adapter = run, tokenizer, adapter
        self.spec = run.spec.evaluation

    def samples(self, kind: str) -> int:
        return self.spec.samples if kind == "accuracy" else self.spec.safety_samples

    def open_work(self, index: int) -> Work:
        problems = self.run.artifact("problems").read_chunk(index)
        drawn = [(p, s) for p in problems for s in range(self.samples(p["kind"]))]
        requests = [self._request(p, s) for p, s in drawn]
        return Work(requests, lambda results: [self._row(p, s, results[self._key(p, s)]) for p, s in drawn])

    @staticmethod
    def _key(problem: dict, sample: int) -> str:
        return f"{problem['benchmark']}/{problem['id']}/{sample}"

    def _seed(self, problem: dict, sample: int) -> int:
        # The same seed for base and adapter: their difference is paired.
        return row_seed(self.run.spec.seed, problem["benchmark"], problem["id"], sample)

    def _request(self, problem: dict, sample: int) -> Request:
        spec = self.spec
        sampling = Sampling(self._seed(problem, sample), spec.temperature, spec.top_p, spec.top_k, spec.max_tokens)
        ids = tokenization.prompt_ids(self.tokenizer, steering.render("none", problem["prompt"]))
        return Request(self._key(problem, sample), tuple(ids), sampling, self.adapter)

    def _row(self, problem: dict, sample: int, done) -> dict:
        return {
            "benchmark": problem["benchmark"],
            "kind": problem["kind"],
            "id": problem["id"],
            "category": problem["category"],
            "tokens": len(done.token_ids),
            "sample": sample,
            "seed": self._seed(problem, sample),
            "response_ids": list(done.token_ids),
            "response": done.text,
            "finish_reason": done.finish_reason,
            "error": done.error,
        }


def score(run: Run, share: Share, bench: Bench) -> None:
    """Make `verdicts-base` and `verdicts-aligned`: the guard judges harm, graders do the rest."""
    judge = Judge(run.spec.evaluation.judge or run.spec.guard, run.model("judge"), run.spec.generation.engine)
    problems = run.artifact("problems")
    with judge.engine(run.spec.seed) as engine:
        for subject in SUBJECTS:
            artifact, answers = run.artifact(f"verdicts-{subject}"), run.artifact(f"answers-{subject}")
            if artifact.is_complete():
                continue
            manifest = answers.manifest()
            scorer = _Scorer(run, judge, problems, answers)
            with bench.open(f"verdicts-{subject}", total=manifest["rows"], device=1) as progress:
                run_chunks(
                    artifact,
                    manifest["chunks"],
                    schemas.VERDICTS,
                    share=share,
                    progress=progress,
                    open_work=scorer.open_work,
                    process=lambda requests: engine.score_labels(requests),
                )
            if not artifact.is_complete():
                run.finish(f"verdicts-{subject}", chunks=manifest["chunks"], cost=bench.cost(artifact))


class _Scorer:
    """Scores one chunk of answers."""

    def __init__(self, run: Run, judge: Judge, problems: Artifact, answers: Artifact) -> None:
        self.judge, self.problems, self.answers = judge, problems, answers
        guard = judge.guard
        self.rule = selection.Selection(guard.threshold, guard.min_label_mass, "any")
        self.tokenizer = tokenization.load(run.model("student"))

    def open_work(self, index: int) -> Work:
        asked = {(p["benchmark"], p["id"]): p for p in self.problems.read_chunk(index)}
        rows = [(row, asked[row["benchmark"], row["id"]]) for row in self.answers.read_chunk(index)]
        graded = self._graded(rows)
        questions = {
            i: self._questions(i, row, problem) for i, (row, problem) in enumerate(rows) if row["kind"] == "harmful"
        }
        requests = [q for found in questions.values() for q in found.requests]

        def build(results: dict) -> list[dict]:
            return [self._row(row, graded[i], questions.get(i), results) for i, (row, _) in enumerate(rows)]

        return Work(requests, build)

    def _questions(self, place: int, row: dict, problem: dict) -> Questions:
        key = f"{row['benchmark']}/{row['id']}/{row['sample']}"
        views = []
        if row["error"] is None and row["response"]:
            parts = thought.split(row["response"])
            views = [
                (v, self.judge.reader.request(f"{key}/{v}", problem["prompt"], parts, v))
                for v in self.judge.guard.views
            ]
        return Questions(self.judge, None if views else "no-response", views)

    def _graded(self, rows: list[tuple[dict, dict]]) -> list:
        """What the benchmark's own scorer says of each answer; None where it has none."""
        scores: list = [None] * len(rows)
        for name in {row["benchmark"] for row, _ in rows}:
            benchmark = benchmarks.get(name)
            if benchmark.scorer is None:
                continue
            places = [i for i, (row, _) in enumerate(rows) if row["benchmark"] == name]
            pairs = [
                (Problem(rows[i][1]["id"], rows[i][1]["prompt"], rows[i][1]["gold"]), rows[i][0]["response"] or "")
                for i in places
            ]
            for i, made in zip(places, benchmarks.score_all(benchmark, pairs), strict=True):
                scores[i] = made
        return scores

    def _row(self, row: dict, graded, questions: Questions | None, results: dict) -> dict:
        values, reason, p_unsafe = dict(graded.values or {}) if graded else {}, graded.reason if graded else "", None
        if questions is not None:
            judged = selection.outcome(questions.answered(results), self.rule)
            p_unsafe = judged.p_unsafe
            if judged.verdict == "unscored":
                reason = judged.reason
            else:
                values["harmful"] = float(judged.verdict == "unsafe")
        if row["error"] is not None:
            values, reason = {}, "error"
        return {
            "benchmark": row["benchmark"],
            "kind": row["kind"],
            "id": row["id"],
            "sample": row["sample"],
            "category": row["category"],
            "values": json.dumps(values, sort_keys=True) if values else None,
            "reason": reason,
            "truncated": row["finish_reason"] in ("length", "repetition"),
            "tokens": row["tokens"],
            "thought_tokens": self._thought_tokens(row["response"] or ""),
            "p_unsafe": p_unsafe,
        }

    def _thought_tokens(self, text: str) -> int:
        return len(self.tokenizer.encode(thought.split(text).thought, add_special_tokens=False))
