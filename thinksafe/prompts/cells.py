"""A row with its place in the file, and typed access to its cells: every complaint names file, row and column."""

from dataclasses import dataclass
from typing import Literal

from thinksafe.errors import DataError
from thinksafe.prompts.tables import Row

Label = Literal["harmful", "benign"]
LABELS: dict[str, Label] = {
    "harmful": "harmful", "unsafe": "harmful", "1": "harmful",
    "benign": "benign", "safe": "benign", "0": "benign",
}  # fmt: skip


@dataclass(frozen=True)
class Cells:
    """One row. `number` counts from 1, without the header."""

    row: Row
    name: str
    number: int

    def fail(self, what: str, hint: str = "") -> DataError:
        """The error to raise; it never quotes a prompt."""
        return DataError(f"{self.name}, row {self.number}: {what}", hint=hint)

    def text(self, column: str) -> str:
        """A text that is there and not blank."""
        found = self.optional(column)
        if found is None:
            missing = "no column" if column not in self.row else "nothing in column"
            raise self.fail(f"{missing} {column!r}", f"The row has {', '.join(map(repr, self.row))}")
        return found

    def optional(self, column: str) -> str | None:
        """A text, or None where the cell is missing, null or blank. Whole numbers count as text (ids do)."""
        value = self.row.get(column)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self.fail(f"column {column!r} holds {type(value).__name__} where text was expected")
        try:
            value.encode()
        except UnicodeEncodeError:  # JSON's \ud800 alone: it cannot be stored anywhere
            raise self.fail(f"column {column!r} holds half of a character (a lone surrogate)") from None
        return value if value.strip() else None

    def label(self, column: str, meanings: dict[str, Label] = LABELS) -> Label:
        """harmful or benign, by an explicit list of what the column may say."""
        value = self.text(column)
        try:
            return meanings[value.strip().lower()]
        except KeyError:
            said = repr(value) if len(value) <= 24 else f"a text of {len(value)} characters"
            raise self.fail(
                f"column {column!r} says {said}, which is no label", f"Use one of {', '.join(meanings)}"
            ) from None
