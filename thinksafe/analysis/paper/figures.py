"""The paper's published figures as data: `figures.yaml`, checked and read once.

A published share has no interval. For what one sample a problem gave, the paper's k of n, it is Wilson's. For a mean
over eight samples the paper does not say how alike the samples of one problem are; they are taken as fully alike, so
it is Wilson's of as many rows as there are problems. That is the widest it can be: the paper is given the doubt.
"""

from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from thinksafe.analysis.intervals import wilson

INITIAL, THINKSAFE = "Initial", "ThinkSafe"
# The average of the first columns, and that of the last ones.
AVERAGES = {"safety": ("harmful", "refusal"), "reasoning": ("accuracy",)}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Part):
    """A column of the paper's tables: which benchmark and metric it is here, and on how many answers it was taken."""

    benchmark: str
    name: str
    kind: str
    metric: str
    problems: int
    samples: int
    differs: str | None = Field(default=None, description="What is measured otherwise here, whatever the manifest.")

    def interval(self, percent: float) -> tuple[float, float]:
        """The 95% interval around a published value of this column, as shares; see the module."""
        return wilson(percent / 100 * self.problems, self.problems)


class Model(_Part):
    """A model of the paper; `hub` is its id, `family` decides how it is sampled."""

    hub: str
    family: str
    rows: dict[str, int] = {}
    filtered: dict[str, float] = {}
    tokens: dict[str, int] = {}


class Result(_Part):
    """What one method gave for one model, in per cent. `columns` are in the order of `Figures.columns`."""

    model: str
    method: str
    place: str
    safety: float | None = None
    reasoning: float | None = None
    columns: list[float | None] = []
    errata: dict[str, float | None] = {}

    def value(self, name: str, columns: list[Column]) -> float | None:
        """The printed value of an average or of a benchmark's column; None if it could not be read."""
        if name in AVERAGES:
            return getattr(self, name)
        by_name = dict(zip((c.benchmark for c in columns), self.columns, strict=False))
        return by_name.get(name)

    def erratum(self, name: str) -> str | None:
        """What is wrong with a printed figure, in a sentence; None if nothing is known."""
        if name not in self.errata:
            return None
        right = self.errata[name]
        if right is None:
            return "The printed figure is no whole number of answers."
        return f"The printed figure is contradicted by the paper's others, which give {right:.2f}%."


class Figures(_Part):
    """All of figures.yaml."""

    source: str
    columns: list[Column]
    models: dict[str, Model]
    results: list[Result]
    hours: dict[str, dict[str, float]]
    cross_model: list[dict[str, str | float]]
    perplexity: list[dict[str, str | float]]

    @model_validator(mode="after")
    def _hold_together(self) -> "Figures":
        names = {c.benchmark for c in self.columns} | set(AVERAGES)
        for result in self.results:
            if result.model not in self.models:
                raise ValueError(f"{result.model}: is not one of the models")
            if result.columns and len(result.columns) != len(self.columns):
                raise ValueError(f"{result.model}, {result.method}: has not a value for every column")
            if not set(result.errata) <= names:
                raise ValueError(f"{result.model}, {result.method}: an erratum of no column")
        if len({(r.model, r.method) for r in self.results}) != len(self.results):
            raise ValueError("two results of one model and method")
        return self

    def model_of(self, hub: str) -> str | None:
        """The paper's name for a Hugging Face id; None if it is none of its models."""
        return next((name for name, m in self.models.items() if m.hub.lower() == hub.lower()), None)

    def result(self, model: str, method: str) -> Result | None:
        """What the paper says of a method on a model; None if nothing."""
        return next((r for r in self.results if (r.model, r.method) == (model, method)), None)


@cache
def figures() -> Figures:
    """The published figures."""
    text = files("thinksafe.analysis.paper").joinpath("figures.yaml").read_text(encoding="utf-8")
    return Figures.model_validate(yaml.safe_load(text))
