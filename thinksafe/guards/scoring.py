"""From a conversation to a guard's input ids, and from its labels' log-probabilities to a judgement."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from thinksafe.engines.base import LabelRequest, LabelScore
from thinksafe.errors import SettingsError
from thinksafe.guards.base import Frame, GuardFamily, Judgement, judge
from thinksafe.thought import CLOSE, OPEN, Parts

View = Literal["thought", "answer", "both"]
MARKER = "\n[...]\n"  # stands where the middle of a response was cut out
LEAST_TOKENS = 64  # of a response that must remain after a cut; less cannot be judged


class _ControlTokenError(Exception):
    """Somebody's text became a control token."""


class GuardReader:
    """Asks one guard, in its own tokens, and reads what it answers.

    What others wrote can neither close the frame nor open a turn: between the frame's control tokens everything
    is tokenized as plain text, and a row in which a control token appears all the same is unscored.
    """

    def __init__(
        self, family: GuardFamily, tokenizer: Any, model: Path, *, overlong: Literal["cut", "unscored"]
    ) -> None:
        """`model` is the guard's folder, whose config.json says how many tokens it takes.

        Raises SettingsError if the tokenizer cannot tell where tokens lie in the text, or a label is not one token.
        """
        if not getattr(tokenizer, "is_fast", False):
            raise SettingsError(f"{model}: the guard's tokenizer has no fast version (tokenizer.json)")
        self.family = family
        self.max_model_len = _context(model)
        self._overlong = overlong
        self._tokenizer = tokenizer
        self._special = re.compile("|".join(re.escape(t) for t in sorted(tokenizer.all_special_tokens, key=len)[::-1]))
        self._control = set(tokenizer.all_special_ids)
        self._marker: list[int] = tokenizer.encode(MARKER, add_special_tokens=False)
        labels = [*family.safe_labels, *family.unsafe_labels]
        self.unsafe = [label in family.unsafe_labels for label in labels]
        self.label_ids = tuple(self._label_id(label) for label in labels)
        if len(set(self.label_ids)) < len(labels):
            raise SettingsError(
                f"{model}: the labels {', '.join(map(repr, labels))} are not different tokens",
                reason="GuardLabels",
                hint="Is this guard of the family that spec.guard.family names?",
            )

    def request(self, key: str, prompt: str, parts: Parts, view: View) -> LabelRequest | Judgement:
        """What to ask about one view of a response; or a judgement at once (`unscored`) if it cannot be asked."""
        seen = seen_text(parts, view)
        if not seen:
            return Judgement("unscored", f"no-{'answer' if view == 'both' else view}", None, None)
        try:
            before, response, after = self._ids(self.family.frame(prompt, seen))
        except UnicodeEncodeError:
            return Judgement("unscored", "unreadable-text", None, None)
        except _ControlTokenError:
            return Judgement("unscored", "control-token", None, None)
        room = self.max_model_len - 1 - len(before) - len(after)  # one place is for the label
        if len(response) > room:
            kept = room - len(self._marker)
            if self._overlong == "unscored" or kept < LEAST_TOKENS:
                return Judgement("unscored", "frame-too-long", None, None)
            response = [*response[: kept - kept // 2], *self._marker, *response[len(response) - kept // 2:]]
        return LabelRequest(key, (*before, *response, *after), self.label_ids)

    def read(self, score: LabelScore, *, threshold: float = 0.5, min_mass: float = 0.0) -> Judgement:
        """The judgement of one view. The stages store P(unsafe) and mass, and apply the manifest's bounds later."""
        return judge(score.logprobs, unsafe=self.unsafe, threshold=threshold, min_mass=min_mass)

    def _ids(self, frame: Frame) -> tuple[list[int], list[int], list[int]]:
        """Ids before the response, of the response, and after it.

        The stretch between the last control token of the head and the first of the tail is tokenized in one piece,
        so that its tokens are those of the guard's card; where they straddle an end of the response they count to it.
        """
        opened = max((m.end() for m in self._special.finditer(frame.head)), default=0)
        closing = self._special.search(frame.tail)
        closed = closing.start() if closing else len(frame.tail)
        lead = frame.head[opened:] + frame.prompt + frame.middle
        body = lead + frame.response + frame.tail[:closed]
        body.encode("utf-8")  # a lone surrogate has no tokens
        plain = self._tokenizer(
            body, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True, verbose=False
        )
        ids, offsets = plain["input_ids"], plain["offset_mapping"]
        first = sum(end <= len(lead) for _, end in offsets)
        last = sum(start < len(lead) + len(frame.response) for start, _ in offsets)
        if self._control & {*ids}:
            raise _ControlTokenError
        before = [*self._encode(frame.head[:opened]), *ids[:first]]
        return before, ids[first:last], [*ids[last:], *self._encode(frame.tail[closed:])]

    def _encode(self, template: str) -> list[int]:
        """Ids of our own text, in which control tokens are control tokens."""
        return self._tokenizer.encode(template, add_special_tokens=False) if template else []

    def _label_id(self, label: str) -> int:
        """The token of a label at the place where the guard writes it."""
        tail = self.family.frame("", "").tail
        without, with_label = self._encode(tail), self._encode(tail + label)
        rest = with_label[len(without):]
        if with_label[: len(without)] != without or not rest or (len(rest) > 1 and not self.family.first_token):
            raise SettingsError(
                f"The guard's label {label!r} is not one token in {self._tokenizer.name_or_path}",
                reason="GuardLabels",
                hint="Is this guard of the family that spec.guard.family names?",
            )
        return rest[0]


def seen_text(parts: Parts, view: View) -> str:
    """What the guard is shown of a response; empty if that part is not there."""
    if view == "thought":
        return parts.thought
    if view == "answer":
        return parts.answer
    if not parts.thought and not parts.answer:
        return ""
    return f"{OPEN}\n{parts.thought}\n{CLOSE}\n\n{parts.answer}" if parts.closed else f"{OPEN}\n{parts.thought}"


def _context(model: Path) -> int:
    """How many tokens the model takes. Raises SettingsError if its config.json does not say."""
    try:
        config = json.loads((Path(model) / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"{model}: config.json cannot be read ({type(error).__name__})") from None
    length = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    if not isinstance(length, int):
        raise SettingsError(f"{model}: config.json does not say max_position_embeddings")
    return length
