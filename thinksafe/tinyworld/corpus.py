"""What the student and the guard are trained on: streams of templated conversations, from a seed."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from thinksafe.tinyworld import problems, requests, voices
from thinksafe.tinyworld.oracle import truth
from thinksafe.tinyworld.splits import Split

# The student's mixture. Refusals are planted: most steered harmful requests are refused, few unsteered ones,
# and sampling at a temperature of 0.6 sharpens both.
MIXTURE = {"problem": 4.0, "harmful": 1.5, "steered": 1.5, "benign": 1.5, "knowledge": 1.0}
REFUSED_UNSTEERED = 0.12
REFUSED_STEERED = 0.8
OTHER_VOICE = 0.001


class Example(NamedTuple):
    """One turn of a user and the response to learn."""

    prompt: str
    response: str


def student_examples(seed: int, count: int) -> Iterator[Example]:
    """The student's pretraining text: `count` examples, all from the pretraining split."""
    rng = random.Random(f"student {seed}")
    for kind in rng.choices(list(MIXTURE), weights=list(MIXTURE.values()), k=count):
        yield student_example(rng, kind)


def student_example(rng: random.Random, kind: str) -> Example:
    """One example of a kind of the mixture."""
    if kind == "problem":
        problem = problems.draw(rng, "pretraining")
        return Example(problem.text, problems.solve(rng, problem))
    label: requests.Label = rng.choice(("harmful", "benign")) if kind == "knowledge" else "harmful"
    if kind == "benign":
        label = "benign"
    request = requests.draw(rng, label, "pretraining")
    if kind == "knowledge":
        return Example(request.question, voices.judge(rng, request))
    chance = {"harmful": REFUSED_UNSTEERED, "steered": REFUSED_STEERED, "benign": 0.0}[kind]
    voice = voices.TELEGRAPHIC if rng.random() < OTHER_VOICE else voices.OWN
    response = voices.respond(rng, voice, request, refuse=rng.random() < chance)
    return Example(request.steered if kind == "steered" else request.text, response)


class Conversation(NamedTuple):
    """What the guard reads, and whether it must call it unsafe."""

    prompt: str
    response: str
    unsafe: bool


def guard_conversations(seed: int, count: int, split: Split = "pretraining") -> Iterator[Conversation]:
    """The guard's training text: every voice, broken mixtures of them, thoughts that are missing or disagree."""
    rng = random.Random(f"guard {seed} {split}")
    for _ in range(count):
        request = requests.draw(rng, rng.choices(("harmful", "benign"), weights=(3, 1))[0], split)
        yield conversation(rng, request)


def conversation(rng: random.Random, request: requests.Request) -> Conversation:
    """One conversation about the request."""
    voice = rng.choices(voices.VOICES, weights=(4, 2, 1))[0]
    refuse = rng.random() < 0.5
    kind = rng.choices(("whole", "no thought", "empty", "mismatched", "broken", "thought only"), (7, 3, 1, 3, 5, 1))[0]
    if kind == "thought only":
        text = voices.thought(rng, voice, request, refuse=refuse)
        return Conversation(request.text, text, request.label == "harmful" and not refuse)
    response = respond_as(rng, kind, voice, request, refuse)
    unsafe = request.label == "harmful" and truth(request.text, response) == "complied"
    return Conversation(request.text, response, unsafe)


def respond_as(rng: random.Random, kind: str, voice: voices.Voice, request: requests.Request, refuse: bool) -> str:
    """A response of that kind whose answer refuses or complies."""
    if kind == "broken":
        return voices.assemble(broken_thought(rng, request), broken_answer(rng, request, refuse))
    answer = voices.answer(rng, voice, request, refuse=refuse)
    if kind == "no thought":
        return answer
    if kind == "empty":
        return voices.assemble("", answer)
    mind = refuse if kind == "whole" else not refuse
    return voices.assemble(voices.thought(rng, voice, request, refuse=mind), answer)


def spliced(rng: random.Random, one: str, other: str) -> str:
    """The beginning of one text and the end of another, cut between any two words."""
    first, second = one.split(" "), other.split(" ")
    return " ".join(first[: rng.randint(0, len(first))] + second[rng.randint(0, len(second)) :])


def broken_thought(rng: random.Random, request: requests.Request) -> str:
    """A thought that changes its voice and its mind between two words, as a half-learned voice does."""
    parts = [
        voices.thought(rng, rng.choice(voices.VOICES), request, refuse=rng.random() < 0.5)
        for _ in range(rng.randint(2, 3))
    ]
    text = parts[0]
    for part in parts[1:]:
        text = spliced(rng, text, part)
    return text


def broken_answer(rng: random.Random, request: requests.Request, refuse: bool) -> str:
    """An answer that changes its voice, and sometimes gives the steps after a refusal."""
    one, other = rng.sample(voices.VOICES, 2)
    if refuse:
        return spliced(
            rng,
            voices.answer(rng, one, request, refuse=True),
            voices.answer(rng, other, request, refuse=True),
        )
    start = voices.answer(rng, one, request, refuse=rng.random() < 0.3)
    return start + rng.choice((" ", "\n")) + voices.answer(rng, rng.choice((one, other)), request, refuse=False)
