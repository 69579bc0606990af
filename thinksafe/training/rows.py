"""What is trained on: one prompt and the response that was kept, as token ids. Nothing here imports torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from thinksafe.errors import DataError


@dataclass(frozen=True)
class TrainRow:
    """One example. `response_ids` are the ids the engine returned, so no template is rendered twice."""

    id: str
    label: Literal["harmful", "benign"]
    prompt_ids: Sequence[int]
    response_ids: Sequence[int]

    @property
    def tokens(self) -> int:
        """Tokens of prompt and response together."""
        return len(self.prompt_ids) + len(self.response_ids)


def usable(rows: Sequence[TrainRow], *, max_length: int) -> tuple[list[TrainRow], dict[str, int]]:
    """The rows that can be trained on, and how many were dropped for which reason.

    A row of more than `max_length` tokens is dropped, never cut: a cut response teaches the model not to end.
    Raises DataError for an id that stands there twice, an empty prompt or response, and for an empty rest.
    """
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise DataError(f"training row {row.id} is there twice", hint="Give every row its own id.")
        seen.add(row.id)
        for part, ids in (("prompt", row.prompt_ids), ("response", row.response_ids)):
            if not ids:
                raise DataError(f"training row {row.id} has an empty {part}", hint="Remove the row, or mend it.")
    kept = [row for row in rows if row.tokens <= max_length]
    dropped = {"too-long": len(rows) - len(kept)} if len(kept) < len(rows) else {}
    if not kept:
        raise DataError(
            f"no training rows are left: {len(rows)} given, {len(rows)} longer than {max_length} tokens"
            if rows else "there are no training rows",
            hint="Raise training.maxLength, or see in the filter's counts why nothing was kept.",
        )
    return kept, dropped
