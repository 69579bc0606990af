"""Rows of a file become prompts: which format it is, what each row says, and how many of each label are taken."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from thinksafe.errors import DataError, SettingsError
from thinksafe.prompts import sources, tables, tiny
from thinksafe.prompts.cells import Cells, Label
from thinksafe.prompts.readers import FORMATS, Draft
from thinksafe.prompts.text import short_hash
from thinksafe.spec import Columns, Limit, PromptSource, Storage


@dataclass(frozen=True)
class Prompt:
    """One prompt. `response` is the file's own, and there only for a source with `responses: given`.

    `id` is the file's own id and a hash of the normalised text, or the hash alone: two prompts of a run with
    the same id are exact duplicates, from whatever sources they come.
    """

    id: str
    text: str
    label: Label
    category: str | None = None
    response: str | None = None


def names() -> tuple[str, ...]:
    """Every format by name, but for `auto`, which finds the right one."""
    return (*FORMATS, "columns")


def load(source: PromptSource, *, seed: int, storage: Storage | None = None) -> list[Prompt]:
    """The prompts of a source in a seeded order, at most `limit` of each label.

    A larger limit with the same seed only adds prompts. Raises DataError for a row that cannot be used, with its
    number from 1; SettingsError, AccessError or TemporaryError as `sources.opened` does.
    """
    return limited(read(source, storage), source.limit, seed)


def read(source: PromptSource, storage: Storage | None = None) -> list[Prompt]:
    """All prompts of a source, in the file's order."""
    name = source.source
    if sources.scheme(name) == "tiny":
        return [prompt(FORMATS["tiny"].read(c), source, c) for c in numbered(tiny.rows(name), name)]
    with sources.opened(name, revision=source.revision, split=source.split, storage=storage) as paths:
        found, draft = list[Prompt](), None
        for cells in numbered(tables.rows(paths, name), name):
            draft = draft or reader(source, frozenset(cells.row))
            found.append(prompt(draft(cells), source, cells))
    return found


def numbered(rows: Iterable[tables.Row], name: str) -> Iterator[Cells]:
    """Each row with its number, from 1."""
    return (Cells(row, name, number) for number, row in enumerate(rows, start=1))


def reader(source: PromptSource, columns: frozenset[str]) -> Callable[[Cells], Draft]:
    """How this file's rows are read, given the columns of its first row."""
    name = source.format
    if name == "auto":
        name = "columns" if source.columns else detect(columns, source.source)
    if name == "columns":
        return named_columns(source, columns)
    wanted = FORMATS[name].columns
    if not any(w <= columns for w in wanted):
        raise DataError(
            f"{source.source} is not in the format {name}: that has the columns "
            f"{' or '.join(_list(w) for w in wanted)}",
            reason="UnknownColumn",
            hint=f"The file has {_list(columns)}; use format: auto, or format: columns and name them",
        )
    return FORMATS[name].read


def detect(columns: frozenset[str], name: str) -> str:
    """The one format that these columns tell. DataError where none does, or several do.

    Where one format's telling columns are all among another's, the other, which knows more, wins.
    """
    telling = [(f, w) for f, form in FORMATS.items() for w in form.columns if w <= columns]
    generic = frozenset({"prompt", "label"})
    if generic <= columns:
        telling.append(("columns", generic))
    fits = {f for f, w in telling if not any(w < other for _, other in telling)}
    if len(fits) == 1:
        return fits.pop()
    if fits:
        raise DataError(
            f"{name}: the columns fit the formats {', '.join(sorted(fits))}",
            reason="AmbiguousFormat",
            hint="Say which one in the field format",
        )
    raise DataError(
        f"{name}: no known format has the columns {_list(columns)}",
        reason="UnknownFormat",
        hint="Use format: columns and name them in the field columns",
    )


def named_columns(source: PromptSource, present: frozenset[str]) -> Callable[[Cells], Draft]:
    """The reader of `format: columns`. Without a name for it, a column `label` is read where there is one."""
    named = source.columns or Columns()
    label = named.label or ("label" if "label" in present else None)
    for field, column in [*named.model_dump(exclude_none=True).items(), ("label", label)]:
        if column and column not in present:
            raise DataError(
                f"{source.source} has no column {column!r} (columns.{field})",
                reason="UnknownColumn",
                hint=f"It has {_list(present)}",
            )
    if not label and not source.label:
        raise SettingsError(
            f"{source.source}: nothing says which prompts are harmful",
            reason="NoLabel",
            hint="Set columns.label to a column, or label to harmful or benign",
        )

    def draft(cells: Cells) -> Draft:
        def cell(column: str | None) -> str | None:
            return cells.optional(column) if column else None

        own = cells.label(label) if label else None
        return Draft(cells.text(named.prompt), own, cell(named.category), cell(named.response), cell(named.id))

    return draft


def prompt(draft: Draft, source: PromptSource, cells: Cells) -> Prompt:
    """A row's draft with the manifest's word on label and response."""
    if draft.label and source.label and draft.label != source.label:
        raise cells.fail(
            f"the file says {draft.label}, the manifest {source.label}", "Drop the field label: the file tells it"
        )
    label = draft.label or source.label
    if label is None:
        raise cells.fail("nothing says whether it is harmful", "Set the field label")
    given = source.responses == "given"
    if given and not draft.response:
        raise cells.fail(
            "it has no response, but the manifest says responses: given",
            "Drop that field, or name the column in columns.response",
        )
    identity = short_hash(draft.text)
    if draft.own_id:
        identity = f"{draft.own_id.strip()}-{identity[:8]}"
    return Prompt(identity, draft.text, label, draft.category, draft.response if given else None)


def limited(prompts: list[Prompt], limit: Limit, seed: int) -> list[Prompt]:
    """At most `limit` prompts of each label, in an order that depends on the seed and each prompt's id alone."""
    left: dict[Label, int | None] = {"harmful": limit.harmful, "benign": limit.benign}
    taken = list[Prompt]()
    for p in sorted(prompts, key=lambda p: rank(seed, p.id)):
        room = left[p.label]
        if room is None or room > 0:
            taken.append(p)
            left[p.label] = None if room is None else room - 1
    return taken


def rank(seed: int, identity: str) -> bytes:
    """Where an id stands in the seeded order."""
    return hashlib.sha256(f"{seed}\n{identity}".encode()).digest()


def _list(columns: Iterable[str]) -> str:
    return ", ".join(sorted(columns))
