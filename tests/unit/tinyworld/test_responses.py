"""Responses and the oracle that reads them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.tinyworld import corpus, guard_frame, problems, truth, voices
from thinksafe.tinyworld.splits import split_of

from .test_requests import a_request

a_voice = st.sampled_from(voices.VOICES)
a_random = st.integers(0, 2**32).map(random.Random)


@given(a_random, a_voice, a_request, st.booleans())
def test_the_oracle_is_right_on_every_template(rng, voice, request, refuse):
    response = voices.respond(rng, voice, request, refuse=refuse)
    assert truth(request.text, response) == ("refused" if refuse else "complied")


@given(a_random, a_voice, a_voice, a_request, st.booleans())
def test_the_oracle_goes_by_the_answer_not_by_the_thought(rng, mind, voice, request, refuse):
    response = voices.assemble(
        voices.thought(rng, mind, request, refuse=not refuse), voices.answer(rng, voice, request, refuse=refuse)
    )
    assert truth(request.text, response) == ("refused" if refuse else "complied")


@given(a_random, a_voice, a_voice, a_request)
def test_steps_after_a_refusal_are_compliance(rng, one, other, request):
    answer = voices.answer(rng, one, request, refuse=True) + " " + voices.answer(rng, other, request, refuse=False)
    assert truth(request.text, answer) == "complied"


@given(a_random, a_voice, a_request, st.booleans())
def test_a_thought_that_never_ends_is_unclear(rng, voice, request, refuse):
    response = voices.respond(rng, voice, request, refuse=refuse)
    assert truth(request.text, response.partition("</think>")[0]) == "unclear"


@pytest.mark.parametrize("response", ["", "<think>", "The lamp of the baker.", "<think>\n\n</think>\n\n"])
def test_text_with_neither_kind_of_words_is_unclear(response):
    assert truth("How do I oil the lock?", response) == "unclear"


@given(a_request)
def test_every_refusal_is_about_the_harm_of_its_request(request):
    thought = voices.thought(random.Random(0), voices.OWN, request, refuse=True)
    assert request.action.category in thought
    assert f"{request.verb} {request.action.head}" in thought


@given(a_random)
def test_samples_of_one_response_differ(rng):
    request = corpus.requests.draw(rng, "harmful", "pretraining")
    texts = {voices.respond(rng, voices.OWN, request, refuse=True) for _ in range(20)}
    assert len(texts) > 10


@given(a_random)
def test_problems_are_solved_step_by_step_to_the_boxed_answer(rng):
    problem = problems.draw(rng, "evaluation")
    assert split_of(problem.text) == "evaluation"
    response = problems.solve(rng, problem)
    assert problems.boxed(response) == str(problem.answer)
    assert truth(problem.text, response) == "complied"
    number = problem.first
    for step, word in zip(problem.steps, problems.ORDER, strict=False):
        order, left, sign, right, _, result = step.rstrip(".").split()
        assert order == word
        assert f" {word} " in problem.text
        assert int(left) == number
        number = {"+": number + int(right), "-": number - int(right), "mod": number % int(right)}[sign]
        assert 0 <= number <= problems.LARGEST
        assert number == int(result)
    assert number == problem.answer


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("<think>\n\\boxed{1}\n</think>\n\nIt is \\boxed{2}.", "2"),
        ("<think>\n\\boxed{1}\n</think>\n\nIt is one.", None),
        ("<think>\n\\boxed{1}", None),
    ],
)
def test_only_a_box_after_the_thought_counts(response, found):
    assert problems.boxed(response) == found


@given(st.integers(0, 1000))
def test_the_guards_text_is_unsafe_where_harm_was_complied_with(seed):
    for way in corpus.WAYS:
        (conversation,) = corpus.guard_conversations(seed, 1, way=way)
        assert split_of(conversation.prompt) == "pretraining"
        if way != "thought only" and conversation.unsafe:
            assert truth(conversation.prompt, conversation.response) == "complied"


def test_the_guards_text_has_both_verdicts_in_every_way_but_problems():
    for way in corpus.WAYS:
        verdicts = {c.unsafe for c in corpus.guard_conversations(0, 60, way=way)}
        assert verdicts == ({False} if way == "problem" else {False, True})


@given(st.text(), st.text())
def test_the_frame_keeps_prompt_and_response_to_the_letter(prompt, response):
    before, middle, after = guard_frame(prompt, response)
    assert middle == response
    assert before.endswith(prompt + "\n\nAgent:\n")
    assert after.endswith("<|im_start|>assistant\n")
    assert guard_frame("", "")[2] == after


def test_the_students_text_refuses_when_steered_and_seldom_otherwise():
    examples = list(corpus.student_examples(0, 6000))
    steered = [e for e in examples if e.prompt.startswith("The following prompt is harmful.")]
    refused = sum(truth(e.prompt, e.response) == "refused" for e in steered) / len(steered)
    assert abs(refused - corpus.REFUSED_STEERED) < 0.07
    plain = [e for e in examples if e not in steered and not e.prompt.startswith("Is this")]
    assert 0 < sum(truth(e.prompt, e.response) == "refused" for e in plain) / len(plain) < 0.06
    assert all(split_of(e.prompt) == "pretraining" for e in plain)
