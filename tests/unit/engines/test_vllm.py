"""A real vLLM on the CPU: it streams, mixes adapters, scores labels, and gives the same bytes in any company."""

import random

import pytest

from tests.unit.engines.conftest import STUDENT, answers, request
from thinksafe.engines import open_engine
from thinksafe.engines.base import LabelRequest, Request, Sampling

pytestmark = [pytest.mark.vllm, pytest.mark.slow]


@pytest.fixture(scope="module")
def engine(adapter):
    import torch

    torch.set_num_threads(1)
    made = open_engine("vllm", STUDENT, dtype="float32", max_model_len=256, seed=0, max_lora_rank=8)
    yield made
    made.close()


def test_requests_are_pulled_lazily_and_finished_rows_come_at_once(engine) -> None:
    pulled = 0

    def source():
        nonlocal pulled
        for number in range(3 * engine._window):
            pulled += 1
            yield request(number, tokens=2)

    stream = engine.generate(source())
    next(stream)
    assert pulled <= engine._window
    assert len({c.key for c in stream}) == 3 * engine._window - 1


def test_a_reader_that_goes_away_leaves_nothing_behind(engine) -> None:
    stream = engine.generate(request(i) for i in range(50))
    next(stream)
    stream.close()
    assert not engine._engine.has_unfinished_requests()
    assert len(answers(engine, [request(i) for i in range(5)])) == 5


@pytest.mark.parametrize("tuned", [False, True])
def test_same_bytes_in_any_company(engine, adapter, tuned) -> None:
    assert engine.batch_invariant
    requests = [request(i, adapter=adapter if tuned else None) for i in range(60)]
    whole, window = answers(engine, requests), engine._window
    try:
        for size in (1, 7):
            engine._window = size
            assert answers(engine, requests[:30]) == {r.key: whole[r.key] for r in requests[:30]}
    finally:
        engine._window = window
    shuffled = random.Random(0).sample(requests, 60)
    assert answers(engine, shuffled) == whole


def test_rows_with_and_without_adapter_share_a_batch(engine, adapter) -> None:
    base = answers(engine, [request(i) for i in range(20)])
    tuned = answers(engine, [request(i, adapter=adapter) for i in range(20)])
    assert base != tuned
    mixed = answers(engine, [request(i, adapter=adapter if i % 2 else None) for i in range(20)])
    assert mixed == {key: (tuned if int(key[1:]) % 2 else base)[key] for key in mixed}


def test_labels_agree_with_transformers(engine) -> None:
    rows = [LabelRequest(f"r{i}", request(i).prompt_ids, (400, 500, 600)) for i in range(10)]
    plain = open_engine("transformers", STUDENT, dtype="float32", max_model_len=256, seed=0)
    theirs = {s.key: s.logprobs for s in plain.score_labels(rows)}
    for score in engine.score_labels(rows):
        assert score.logprobs == pytest.approx(theirs[score.key], abs=1e-3)


def test_greedy_answers_agree_with_transformers(engine, adapter) -> None:
    rows = [
        Request(f"r{i}", request(i).prompt_ids, Sampling(0, 0.0, 1.0, 0, 8), adapter if i % 2 else None)
        for i in range(10)
    ]
    plain = open_engine("transformers", STUDENT, dtype="float32", max_model_len=256, seed=0, max_lora_rank=8)
    assert answers(engine, rows) == answers(plain, rows)


def test_a_bad_row_does_not_end_the_batch(engine) -> None:
    how = Sampling(0, 1.0, 1.0, 0, 4)
    found = {
        c.key: c
        for c in engine.generate(
            [Request("long", (300,) * 256, how), Request("empty", (), how), request(3), Request("odd", (10**6,), how)]
        )
    }
    assert [found[k].finish_reason for k in ("long", "empty", "odd")] == ["error"] * 3
    assert found["r3"].error is None and found["r3"].token_ids
    assert next(engine.score_labels([LabelRequest("x", (1,), (10**6,))])).error


def test_a_closed_engine_gives_the_number_of_threads_back(adapter) -> None:
    """vLLM's CPU worker makes torch.set_num_threads do nothing: a training after it would not keep its bytes."""
    import torch

    now = torch.get_num_threads()
    open_engine("vllm", STUDENT, dtype="float32", max_model_len=64, seed=0).close()
    torch.set_num_threads(now + 1)
    try:
        assert torch.get_num_threads() == now + 1
    finally:
        torch.set_num_threads(now)
