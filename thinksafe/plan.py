"""Pure: a spec and the fingerprints of what it names -> every artifact of the run with its content digest.

An artifact's digest is a function of what it is made from and how, so what is in the store already is
never computed again. A stage is one Job; it makes one or more artifacts (docs/architecture.md).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from thinksafe.artifacts.digest import digest
from thinksafe.spec import AUTO, Guard, Model, RunSpec

# Raise a number when the stage's code changes what it writes for the same inputs.
RECIPES = {
    "problems": 1, "prompts": 1, "probe-responses": 1, "probe-scores": 1, "responses": 1, "scores": 1, "dataset": 1,
    "perplexity": 2, "adapter": 1, "answers": 1, "verdicts": 1, "report": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One artifact: `kind` is its folder in the store, `stage` who makes it, `inputs` names of other nodes."""

    name: str
    kind: str
    stage: str
    digest: str
    inputs: tuple[str, ...]
    parameters: dict


@dataclass(frozen=True)
class Plan:
    """The run's artifacts, in an order in which they can be made."""

    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        return next(n for n in self.nodes if n.name == name)

    def of_stage(self, stage: str) -> tuple[Node, ...]:
        return tuple(n for n in self.nodes if n.stage == stage)

    @property
    def stages(self) -> tuple[str, ...]:
        """Stage names in order, each once: prepare, generate, filter, (generate-2, filter-2, ...), train, ..."""
        return tuple(dict.fromkeys(n.stage for n in self.nodes))

    def to_json(self) -> list[dict]:
        return [asdict(n) for n in self.nodes]

    @staticmethod
    def from_json(nodes: list[dict]) -> "Plan":
        return Plan(tuple(Node(**{**n, "inputs": tuple(n["inputs"])}) for n in nodes))


def rung_stage(stage: str, rung: int) -> str:
    """The name of a stage at a rung of the ladder: rung 1 is the plain name."""
    return stage if rung == 1 else f"{stage}-{rung}"


def stage_names(spec: RunSpec) -> tuple[str, ...]:
    """The stages of a run in order, from the spec alone: what `Plan.stages` says once there are fingerprints."""
    rungs = range(1, len(spec.steering.ladder) + 2)
    climbed = [rung_stage(stage, rung) for rung in rungs for stage in ("generate", "filter")]
    return ("prepare", *climbed, "train", "evaluate", "report")


def models_named(spec: RunSpec) -> dict[str, Model | Guard]:
    """Every model of the run by its role; prepare looks up the fingerprint of each."""
    return {
        "student": spec.model,
        "generator": spec.generator or spec.model,
        "guard": spec.guard,
        **further_guards(spec),
        "judge": spec.evaluation.judge or spec.guard,
    }


def further_guards(spec: RunSpec) -> dict[str, Guard]:
    """The quorum's guards beside spec.guard, by their roles: guard-2, guard-3, ..."""
    return {f"guard-{n}": guard for n, guard in enumerate(spec.quorum.guards if spec.quorum else [], start=2)}


def scores_of(rung: int, role: str) -> str:
    """The artifact with what a guard says of a rung's responses: scores-1 of guard, scores-1-g2 of guard-2."""
    return f"scores-{rung}{role.removeprefix('guard').replace('-', '-g')}"


def make(spec: RunSpec, fingerprints: Mapping[str, str], *, name: str = "") -> Plan:
    """The plan of a run.

    `fingerprints` has `student`, `generator`, `guard`, `judge`, `prompts/<i>` for every source and
    `benchmark/<name>` for every benchmark. `name` is the run's; only the report depends on it.
    """
    plan = _Builder(spec, fingerprints)
    plan.prepare()
    filters = plan.ladder()
    plan.train(filters)
    plan.evaluate()
    plan.report(name)
    return Plan(tuple(plan.nodes))


class _Builder:
    def __init__(self, spec: RunSpec, fingerprints: Mapping[str, str]) -> None:
        self.spec, self.prints, self.nodes = spec, fingerprints, list[Node]()

    def add(self, name: str, kind: str, stage: str, inputs: tuple[str, ...], parameters: dict) -> str:
        digests = [n.digest for i in inputs for n in self.nodes if n.name == i]
        self.nodes.append(
            Node(name, kind, stage, digest(kind, RECIPES[kind], parameters, digests), inputs, parameters)
        )
        return name

    def model(self, role: str) -> dict:
        return {"fingerprint": self.prints[role], "dtype": models_named(self.spec)[role].dtype}

    def prepare(self) -> None:
        spec, names = self.spec, self.spec.evaluation.benchmarks
        benchmarks = {
            "benchmarks": {b: self.prints[f"benchmark/{b}"] for b in names},
            "limit": spec.evaluation.limit,
            "seed": spec.seed,
            "chunk_rows": spec.generation.chunk_rows,
        }
        sources = [
            # What the filter does with a source's rows is the scores' affair.
            {
                **s.model_dump(mode="json", exclude={"source", "revision", "filter"}),
                "content": self.prints[f"prompts/{i}"],
            }
            for i, s in enumerate(spec.prompts)
        ]
        prompts = {
            "sources": sources,
            "dedup": spec.dedup.model_dump(mode="json"),
            "seed": spec.seed,
            "chunk_rows": spec.generation.chunk_rows,
        }
        self.add("problems", "problems", "prepare", (), benchmarks)
        self.add("prompts", "prompts", "prepare", ("problems",) if spec.dedup.decontaminate else (), prompts)

    def ladder(self) -> list[str]:
        """Generate and filter, once a rung. Rung k sees only prompts of which nothing was kept before."""
        spec, filters = self.spec, list[str]()
        probed = (self.probe(),) if spec.steering.template == AUTO else ()
        rungs = [(spec.steering.template, spec.generation.samples)]
        rungs += [(r.template, r.samples) for r in spec.steering.ladder]
        for rung, (template, samples) in enumerate(rungs, start=1):
            responses = self.add(
                f"responses-{rung}",
                "responses",
                rung_stage("generate", rung),
                # The first rung's template is in the probe's outcome; which one, nobody knows yet.
                ("prompts", *filters, *(probed if not filters else ())),
                {
                    "model": self.model("generator"),
                    # A response is rendered with the student's tokenizer, which is the generator's unless distilled.
                    "student": self.prints["student"],
                    "template": template,
                    "samples": samples,
                    "rung": rung,
                    "sampling": self.sampling(),
                    "seed": spec.seed,
                    # Which rows climb depends on what is kept below; on the first rung nothing does.
                    "selection": self.selection() if filters else None,
                },
            )
            for role, guard in {"guard": spec.guard, **further_guards(spec)}.items():
                asked = {"model": self.model(role), **self.reading(guard), **self.unfiltered()}
                name = scores_of(rung, role)
                filters.append(self.add(name, "scores", rung_stage("filter", rung), (responses,), asked))
        return filters

    def sampling(self) -> dict:
        """How the generator's tokens are drawn."""
        drawn = {"engine", "temperature", "top_p", "top_k", "max_tokens"}
        return self.spec.generation.model_dump(mode="json", include=drawn)

    def probe(self) -> str:
        """Some prompts under each candidate template, judged; whatever can change the choice is in the digest."""
        spec = self.spec
        tried = {"model": self.model("generator"), **spec.steering.probe.model_dump(mode="json")}
        tried |= {"sampling": self.sampling(), "seed": spec.seed}
        responses = self.add("probe-responses", "probe-responses", "generate", ("prompts",), tried)
        bounds = spec.guard.model_dump(mode="json", include={"threshold", "min_label_mass"})
        judged = {"model": self.model("guard"), **self.reading(spec.guard), **bounds}
        return self.add("probe-scores", "probe-scores", "generate", (responses,), judged)

    def unfiltered(self) -> dict:
        """The sources whose responses nobody judges."""
        found = [i for i, source in enumerate(self.spec.prompts) if source.filter == "none"]
        return {"unfiltered": found} if found else {}

    def reading(self, guard: Guard) -> dict:
        """How a guard is asked; the threshold is not in it, so that changing it needs no GPU."""
        asked = guard.model_dump(mode="json", include={"family", "views", "overlong"})
        return {"engine": self.spec.generation.engine, **asked}

    def selection(self) -> dict:
        bounds, quorum = {"threshold", "min_label_mass"}, self.spec.quorum
        chosen = {**self.spec.guard.model_dump(mode="json", include=bounds), "keep": self.spec.generation.keep}
        if quorum is not None:
            others = [g.model_dump(mode="json", include=bounds) for g in quorum.guards]
            chosen["quorum"] = {"need": quorum.need, "guards": others}
        return chosen

    def train(self, filters: list[str]) -> None:
        spec, student = self.spec, self.model("student")
        thoughts = spec.training.refusal_thoughts
        dropped = {"refusal_thoughts": thoughts} if thoughts != "keep" else {}
        self.add("dataset", "dataset", "train", ("prompts", *filters), {**self.selection(), **dropped})
        self.add("perplexity", "perplexity", "train", ("dataset",), {"model": student})
        # checkpoint_every decides what a crash costs, not what comes out; refusal_thoughts is in the data set.
        not_in = {"preset", "checkpoint_every", "refusal_thoughts"}
        training = spec.training.model_dump(mode="json", exclude=not_in)
        made = {"model": student, "training": training, "seed": spec.seed}
        self.add("adapter", "adapter", "train", ("dataset",), made)

    def evaluate(self) -> None:
        spec, judge = self.spec, self.spec.evaluation.judge or self.spec.guard
        sampling = spec.evaluation.model_dump(
            mode="json", include={"samples", "safety_samples", "temperature", "top_p", "top_k", "max_tokens"}
        )
        asked = {"model": self.model("student"), "engine": spec.generation.engine, "sampling": sampling}
        asked["seed"] = spec.seed
        judged = {"model": self.model("judge"), **self.reading(judge)}
        judged |= judge.model_dump(mode="json", include={"threshold", "min_label_mass"})
        for subject, inputs in (("base", ("problems",)), ("aligned", ("problems", "adapter"))):
            # The base model's answers depend on no adapter: every run of the same model shares them.
            answers = self.add(f"answers-{subject}", "answers", "evaluate", inputs, asked)
            self.add(f"verdicts-{subject}", "verdicts", "evaluate", (answers,), judged)

    def report(self, name: str) -> None:
        inputs = tuple(n.name for n in self.nodes)
        rules = [r.model_dump(mode="json") for r in self.spec.gate.rules]
        self.add("report", "report", "report", inputs, {"gate": rules, "name": name})
