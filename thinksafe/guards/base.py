"""A guard family: how a conversation is framed, which tokens are its labels, how their scores are read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["safe", "unsafe", "unscored"]


@dataclass(frozen=True)
class Frame:
    """A guard's input in five pieces of text, joined as they stand; only `response` may ever be shortened.

    Control tokens stand in `head` and `tail` only. In `prompt` and `response`, which others wrote, the same
    letters are only letters.
    """

    head: str
    prompt: str
    middle: str
    response: str
    tail: str

    @property
    def text(self) -> str:
        """The whole input."""
        return self.head + self.prompt + self.middle + self.response + self.tail


class GuardFamily(Protocol):
    """One family of guards. A label's text continues the frame's tail, and is one token there.

    With `first_token` a label may be several tokens, and its first one is read; no two may begin alike.
    """

    @property
    def name(self) -> str: ...

    @property
    def safe_labels(self) -> Sequence[str]: ...

    @property
    def unsafe_labels(self) -> Sequence[str]: ...

    @property
    def first_token(self) -> bool: ...

    def frame(self, prompt: str, response: str) -> Frame: ...


@dataclass(frozen=True)
class Judgement:
    """What a guard says of one response. `p_unsafe` and `mass` are None if nothing could be read."""

    verdict: Verdict
    reason: str
    p_unsafe: float | None
    mass: float | None


def judge(
    logprobs: Sequence[float] | None, *, unsafe: Sequence[bool], threshold: float, min_mass: float
) -> Judgement:
    """Read a verdict from the labels' log-probabilities; fail closed.

    `unsafe[i]` says whether label i means unsafe. Mass is the sum of all labels' probabilities and
    P(unsafe) the share of the unsafe ones in it. Anything unreadable is `unscored`, never `safe`.
    """
    if logprobs is None or len(logprobs) != len(unsafe) or any(math.isnan(x) or x > 1e-3 for x in logprobs):
        return Judgement("unscored", "no-answer", None, None)
    probs = [math.exp(x) for x in logprobs]
    mass = sum(probs)
    if mass < min_mass or mass == 0:
        return Judgement("unscored", "label-mass", None, mass)
    p_unsafe = sum(p for p, u in zip(probs, unsafe, strict=True) if u) / mass
    return Judgement("unsafe" if p_unsafe >= threshold else "safe", "guard", p_unsafe, mass)
