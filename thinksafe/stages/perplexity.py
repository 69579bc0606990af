"""Of train: how likely the frozen student finds what was kept, with the steering in front of it and without.

Without it is the perplexity of the training data (Fig 8 of the paper); the two together are the tilt audit
(analysis/tilt.py). Two prefills a steered response, one for any other.
"""

from collections.abc import Iterator

from thinksafe import tokenization
from thinksafe.loading import uncollected
from thinksafe.stages import schemas
from thinksafe.stages.generate import asked_ids, rows_of
from thinksafe.stages.run import Run
from thinksafe.stages.worker import Bench
from thinksafe.training.rows import TrainRow

SPARE = "spare"


def perplexity(run: Run, bench: Bench) -> None:
    """Make `perplexity`: a row a kept response, and a row a spare safe response to a steered prompt."""
    with uncollected():
        import torch

        from thinksafe.training import model

    artifact, dataset, spec = run.artifact("perplexity"), run.artifact("dataset"), run.spec
    manifest, done = dataset.manifest(), artifact.committed()
    # Process 0 alone is here, and does not meet the others of its group, who wait.
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    device = torch.device(found.type, 0) if found else torch.device("cpu")
    path = run.model("student")
    with bench.open("perplexity", total=manifest["rows"], device=1) as progress:
        student = model.load(str(path), dtype=spec.model.dtype, device=device)
        audited = is_audited(run)
        for index in range(manifest["chunks"]):
            if index in done:
                continue
            rows = list(_rows(run, index, audited=audited))
            steered = [_steered_prompt(run, row) if audited else None for row in rows]
            plain = _nll(rows, [row["prompt_ids"] for row in rows], student, spec.training.tokens_per_pack)
            tilted = _nll(rows, steered, student, spec.training.tokens_per_pack)
            made = [
                {
                    "id": row["id"],
                    "label": row["label"],
                    "rung": row["rung"],
                    "sample": row["sample"],
                    "kept": row["kept"],
                    "nll": plain[i],
                    "steered_nll": tilted.get(i),
                    "tokens": len(row["response_ids"]),
                }
                for i, row in enumerate(rows)
            ]
            artifact.commit_chunk(index, made, schemas.PERPLEXITY)
            progress.add(rows=len(made), chunks=1, tokens=sum(m["tokens"] for m in made))
        run.finish("perplexity", chunks=manifest["chunks"], cost=bench.cost(artifact))


def is_audited(run: Run) -> bool:
    """Whether the log ratio means anything: only for what the frozen student itself wrote under the steering.

    Another model's text was never drawn from the student's steered distribution, nor was a refusal whose thought was
    taken out: such a ratio would weigh nothing.
    """
    same = run.fingerprints["generator"] == run.fingerprints["student"]
    return same and run.spec.training.refusal_thoughts == "keep"


def _rows(run: Run, index: int, *, audited: bool) -> Iterator[dict]:
    """The kept rows of a chunk, as they are trained on; if audited, the spare safe samples of steered prompts too."""
    for row in run.artifact("dataset").read_chunk(index):
        yield {**row, "kept": True}
    rungs = range(1, 2 + len(run.spec.steering.ladder)) if audited else ()
    for rung in (r for r in rungs if run.plan.node(f"responses-{r}").parameters["samples"] > 1):
        for row, _, reason in rows_of(run, rung, index):
            if reason == SPARE and _is_steered(run, row):
                yield {**row, "kept": False}


def _is_steered(run: Run, row: dict) -> bool:
    """Whether something was put around the prompt when this response was drawn. A given response was not drawn."""
    return row["template"] != "none" and run.spec.prompts[row["source"]].responses == "generate"


def _steered_prompt(run: Run, row: dict) -> list[int] | None:
    """The very ids that the response was drawn after; None if its prompt was not steered."""
    if not _is_steered(run, row):
        return None
    return asked_ids(tokenization.load(run.model("student")), row["template"], row["prompt"])


def _nll(rows: list[dict], prompts: list, student, tokens_per_pack: int) -> dict[int, float]:
    """Sum of -log p of each response after its prompt, in nats, by the row's place; without a prompt there is none."""
    from thinksafe.training.perplexity import response_nll

    asked = {i: prompt for i, prompt in enumerate(prompts) if prompt is not None}
    packed = [TrainRow(rows[i]["id"], rows[i]["label"], ids, rows[i]["response_ids"]) for i, ids in asked.items()]
    scored = response_nll(packed, model=student, tokens_per_pack=tokens_per_pack)
    return {i: nll for i, (_, nll, _) in zip(asked, scored, strict=True)}
