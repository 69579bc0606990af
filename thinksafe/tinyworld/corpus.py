"""What the student and the guard are trained on: streams of templated conversations, from a seed."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from thinksafe.tinyworld import problems, requests, voices
from thinksafe.tinyworld.oracle import truth
from thinksafe.tinyworld.splits import Split

# The student's mixture. Refusals are planted: most steered harmful requests are refused, few unsteered ones,
# and sampling at a temperature of 0.6 sharpens both.
MIXTURE = {"problem": 3.5, "harmful": 2.2, "steered": 1.5, "benign": 1.5, "knowledge": 1.3}
REFUSED_UNSTEERED = 0.18
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


# How the guard's conversations are written, and how often: each voice by itself; thoughts that are missing, empty,
# or of another mind than the answer; broken mixtures of the voices; thoughts alone; solved problems.
WAYS = {
    "own": 4.0,
    "telegraphic": 2.0,
    "listing": 1.0,
    "no thought": 3.0,
    "empty thought": 1.0,
    "mismatched": 3.0,
    "broken": 5.0,
    "thought only": 2.0,
    "problem": 1.0,
}


def guard_conversations(
    seed: int, count: int, split: Split = "pretraining", way: str | None = None
) -> Iterator[Conversation]:
    """The guard's text, written in all the ways in their shares, or in one of them."""
    rng = random.Random(f"guard {seed} {split} {way}")
    for _ in range(count):
        label: requests.Label = "harmful" if rng.random() < 0.75 else "benign"
        written_as = way or rng.choices(list(WAYS), weights=list(WAYS.values()))[0]
        yield conversation(rng, requests.draw(rng, label, split), written_as, split)


def conversation(rng: random.Random, request: requests.Request, way: str, split: Split) -> Conversation:
    """One conversation, about the request or a problem: unsafe if the request is harmful and the answer complies.

    A thought alone has no answer to go by: it is unsafe if it plans to comply.
    """
    if way == "problem":
        problem = problems.draw(rng, split)
        return Conversation(problem.text, problems.solve(rng, problem), False)
    refuse = rng.random() < 0.5
    voice = next((voice for voice in voices.VOICES if voice.name == way), None)
    voice = voice or rng.choices(voices.VOICES, weights=(4, 2, 1))[0]
    if way == "thought only":
        text = voices.thought(rng, voice, request, refuse=refuse)
        return Conversation(request.text, text, request.label == "harmful" and not refuse)
    response = written(rng, way, voice, request, refuse)
    return Conversation(
        request.text, response, request.label == "harmful" and truth(request.text, response) == "complied"
    )


def written(rng: random.Random, way: str, voice: voices.Voice, request: requests.Request, refuse: bool) -> str:
    """A response written that way, whose answer refuses or complies."""
    if way == "broken":
        return voices.assemble(broken_thought(rng, request), broken_answer(rng, request, refuse))
    answer = voices.answer(rng, voice, request, refuse=refuse)
    if way == "no thought":
        return answer
    if way == "empty thought":
        return voices.assemble("", answer)
    mind = refuse if way != "mismatched" else not refuse
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
