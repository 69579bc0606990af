"""Where prompts come from, how many are taken, and which are removed."""

from typing import Literal, Self

from pydantic import Field, model_validator

from thinksafe.part import Name, Part, Share, Whole, Word, given, rules


class Columns(Part):
    """Which columns of a tabular file hold what, for `format: columns`."""

    prompt: Name = Field(default="prompt", description="The prompt of a row stands in this column.")
    label: Word | None = Field(default=None, description="The word harmful or benign stands in this column.")
    category: Word | None = Field(default=None, description="The kind of harm stands in this column.")
    response: Word | None = Field(default=None, description="A ready response stands in this column.")
    id: Word | None = Field(default=None, description="The row's own id stands in this column.")


class Limit(Part):
    """How many rows of each label are taken, in the file's order after a seeded shuffle."""

    harmful: Whole | None = Field(default=None, ge=0, description="At most so many harmful prompts are taken.")
    benign: Whole | None = Field(default=None, ge=0, description="At most so many benign prompts are taken.")


Format = Literal[
    "auto", "safechain", "harmbench", "advbench", "strongreject", "xstest", "wildjailbreak", "star1", "gsm8k",
    "math500", "aime", "gpqa", "directrefusal", "tiny", "columns",
]  # fmt: skip


class PromptSource(Part):
    """A source is one file or data set of prompts."""

    model_config = rules(
        ("!self.source.contains('://') || self.source.matches('^(hf|s3|file|tiny)://')",
         "must be hf://, s3://, file:// or tiny://", ".source"),
        (f"!{given('columns')} || self.format in ['auto', 'columns']",
         "is for format columns; every other format has its own", ".columns"),
        ("!self.source.startsWith('tiny://') || self.format in ['auto', 'tiny']",
         "must be tiny for a tiny:// source", ".format"),
        ("self.filter == 'guard' || self.responses == 'given'",
         "can be none only with responses: given", ".filter"),
    )  # fmt: skip

    source: Name = Field(
        description="The prompts are at hf://org/name, s3://bucket/key, file:///path, or tiny://prompts?seed=0."
    )
    format: Format = Field(
        default="auto",
        description="The format says which columns hold what: auto finds it out, columns takes the field columns.",
    )
    revision: Word | None = Field(default=None, description="An hf:// data set is read at this commit.")
    split: Word = Field(default="train", description="This split of an hf:// data set is read.")
    columns: Columns | None = Field(
        default=None, description="These are the names of the columns, for format columns."
    )
    label: Literal["harmful", "benign"] | None = Field(
        default=None, description="Every row has this label, where the file does not tell it."
    )
    limit: Limit = Field(default=Limit(), description="These are the most rows that are taken of each label.")
    responses: Literal["generate", "given"] = Field(
        default="generate",
        description="With given, the file's own responses are filtered and trained on; with generate, the model "
        "writes them.",
    )
    filter: Literal["guard", "none"] = Field(
        default="guard",
        description="With none, which needs given responses, all of them are trained on as they are, judged by "
        "nobody; so are external data sets that the method is compared with.",
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        scheme, separator, _ = self.source.partition("://")
        if separator and scheme not in ("hf", "s3", "file", "tiny"):
            raise ValueError(
                f".source: must be hf://, s3://, file:// or tiny://, not {scheme}://; save a web page's file first"
            )
        if self.columns and self.format not in ("auto", "columns"):
            raise ValueError(".columns: is for format columns; every other format has its own columns")
        if separator and scheme == "tiny" and self.format not in ("auto", "tiny"):
            raise ValueError(".format: must be tiny for a tiny:// source")
        if self.filter == "none" and self.responses != "given":
            raise ValueError(".filter: can be none only with responses: given; what a model writes is judged")
        return self


class Dedup(Part):
    """Removal of prompts that stand there twice."""

    near: Share = Field(  # not null for "off": kubectl drops nulls, and the default would take its place
        default=0.8,
        description="Two prompts are the same from this Jaccard similarity of their word 3-grams on; 0 removes exact "
        "duplicates only.",
    )
    decontaminate: bool = Field(
        default=True, description="If true, prompts that also stand in one of the run's benchmarks are removed."
    )
