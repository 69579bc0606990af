"""generate (GPU x N): the frozen student answers; in front of a harmful prompt it is told to refuse.

A row of an external data set (`responses: given`) is not generated: its response is put into the student's
own token ids and goes the same way from here on.
"""

from collections.abc import Iterator

from thinksafe import engines, models, selection, steering, tokenization
from thinksafe.artifacts.artifact import Artifact
from thinksafe.engines.base import Completion, Request, Sampling
from thinksafe.stages import adapters, schemas
from thinksafe.stages.filter import verdicts_of
from thinksafe.stages.lazy import lazily
from thinksafe.stages.run import Run
from thinksafe.stages.seeds import row_seed
from thinksafe.stages.streaming import Share, Work, run_chunks
from thinksafe.stages.worker import Bench


def generate(run: Run, rung: int, share: Share, bench: Bench) -> None:
    """Make `responses-<rung>`: one row a prompt and sample, in chunks that mirror those of `prompts`."""
    node, artifact = f"responses-{rung}", run.artifact(f"responses-{rung}")
    made, prompts = run.plan.node(f"responses-{rung}").parameters, run.artifact("prompts")
    path, lora = run.model("generator"), adapters.of_generator(run)
    folder = adapters.brought(run, lora, node) if lora else None
    writer = _Renderer(run, run.template(rung), tokenization.load(path), folder)
    chunks = prompts.manifest()["chunks"]

    def open_work(index: int) -> Work:
        rows = [r for r in prompts.read_chunk(index) if r["id"] not in kept_before(run, rung, index)]
        drawn = [(row, sample) for row in rows for sample in range(made["samples"] if row["given"] is None else 1)]
        requests = [writer.request(row, sample, rung) for row, sample in drawn if row["given"] is None]
        return Work(requests, lambda results: [writer.row(row, s, rung, results) for row, s in drawn])

    with bench.open(node, total=prompts.manifest()["rows"], device=1) as progress:
        with open_generator(run, lora) as engine:
            run_chunks(
                artifact,
                chunks,
                schemas.RESPONSES,
                share=share,
                progress=progress,
                open_work=open_work,
                process=lambda requests: engine.generate(requests),
                tokens=lambda done: len(done.token_ids),
            )
        if not artifact.is_complete():
            run.finish(node, chunks=chunks, cost=bench.cost(artifact))


def open_generator(run: Run, lora: Artifact | None):
    """The generator's engine for the length of a `with` block, able to put its adapter on if it has one."""
    spec = run.spec
    return lazily(
        lambda: engines.open_engine(
            spec.generation.engine,
            str(run.model("generator")),
            dtype=(spec.generator or spec.model).dtype,
            max_model_len=None,
            seed=spec.seed,
            max_lora_rank=adapters.rank(lora) if lora else None,
        )
    )


def kept_before(run: Run, rung: int, index: int) -> set[str]:
    """Ids of chunk `index` of which an earlier rung of the ladder kept a response."""
    found = set[str]()
    for earlier in range(1, rung):
        found |= {row_id for row_id, chosen in verdicts_of(run, earlier, index).chosen.items() if chosen is not None}
    return found


def asked_ids(tokenizer: tokenization.Tokenizer, template: str, prompt: str) -> list[int]:
    """What the generator is asked, as ids: the prompt with the template around it. The tilt audit asks it again."""
    return tokenization.prompt_ids(tokenizer, steering.render(template, prompt))


class _Renderer:
    """Prompts and responses as token ids of the student."""

    def __init__(self, run: Run, template: str, tokenizer, adapter: str | None = None) -> None:
        self.run, self.template, self.tokenizer, self.adapter = run, template, tokenizer, adapter
        self.student = tokenization.load(run.model("student"))
        self.dialect = tokenization.dialect(self.student)
        # With an adapter on, the student still writes its own tokens.
        self.same = models.taken_apart(run.fingerprints["generator"])[0] == run.fingerprints["student"]

    def _template(self, row: dict) -> str:
        """Only harmful prompts are steered; a benign one is asked as it stands."""
        return self.template if row["label"] == "harmful" else "none"

    def request(self, row: dict, sample: int, rung: int) -> Request:
        spec = self.run.spec.generation
        asked = asked_ids(self.tokenizer, self._template(row), row["prompt"])
        seed = row_seed(self.run.spec.seed, row["id"], sample, rung)
        sampling = Sampling(seed, spec.temperature, spec.top_p, spec.top_k, spec.max_tokens)
        return Request(f"{row['id']}/{sample}", tuple(asked), sampling, self.adapter)

    def row(self, row: dict, sample: int, rung: int, results: dict[str, Completion]) -> dict:
        common = {
            "id": row["id"],
            "prompt": row["prompt"],
            "label": row["label"],
            "category": row["category"],
            "source": row["source"],
            "rung": rung,
            "template": self._template(row),
            "prompt_ids": tokenization.prompt_ids(self.student, row["prompt"]),
            "sample": sample,
            "seed": row_seed(self.run.spec.seed, row["id"], sample, rung),
        }
        if row["given"] is not None:
            return {**common, **self._given(row["given"])}
        done = results[f"{row['id']}/{sample}"]
        ids = list(done.token_ids) if self.same else self._translated(done)
        return {
            **common,
            "response_ids": ids,
            "response": done.text,
            "finish_reason": done.finish_reason,
            "error": done.error,
        }

    def _given(self, text: str) -> dict:
        ids = tokenization.render_given(self.student, self.dialect, text)
        return {"response_ids": ids, "response": text, "finish_reason": "given", "error": None}

    def _translated(self, done: Completion) -> list[int]:
        """Another model's response in the student's ids (cross-model distillation)."""
        if done.finish_reason != "stop":
            return []
        return tokenization.render_given(self.student, self.dialect, done.text)


def rows_of(run: Run, rung: int, index: int) -> Iterator[tuple[dict, selection.Outcome, str]]:
    """Chunk `index` of a rung: each response with its outcome and its counted reason."""
    verdicts = verdicts_of(run, rung, index)
    for row in run.artifact(f"responses-{rung}").read_chunk(index):
        yield row, *verdicts.by_sample[row["id"], row["sample"]]
