"""What an engine does for the stages: sample responses, and score labels, one finished row at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length", "repetition", "error"]


@dataclass(frozen=True)
class Sampling:
    """How one response is drawn. `seed` belongs to the row, never to the worker or the time."""

    seed: int
    temperature: float
    top_p: float
    top_k: int
    max_tokens: int


@dataclass(frozen=True)
class Request:
    """One response to draw. `adapter` is the folder of a PEFT adapter, or None for the base model."""

    key: str
    prompt_ids: tuple[int, ...]
    sampling: Sampling
    adapter: str | None = None


@dataclass(frozen=True)
class Completion:
    """One drawn response: ids as the engine returned them, with the end token if the model wrote it.

    `error` says why there is none (prompt too long, ...); a bad row never ends the batch.
    """

    key: str
    token_ids: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    error: str | None = None


@dataclass(frozen=True)
class LabelRequest:
    """One prefill after which the log-probabilities of `label_ids` are read at the next position."""

    key: str
    prompt_ids: tuple[int, ...]
    label_ids: tuple[int, ...]


@dataclass(frozen=True)
class LabelScore:
    """Natural log-probabilities over the whole vocabulary, in the order of the request's label ids."""

    key: str
    logprobs: tuple[float, ...] | None
    error: str | None = None


class Engine(Protocol):
    """One loaded model. Rows come back as they finish, in any order; requests are pulled lazily."""

    max_model_len: int

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]: ...

    def score_labels(self, requests: Iterable[LabelRequest]) -> Iterator[LabelScore]: ...

    def close(self) -> None: ...
