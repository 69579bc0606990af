"""The plain engine: seeds, adapters, labels, bad rows."""

import pytest
import torch

from tests.unit.engines.conftest import STUDENT, answers, request
from thinksafe.engines import open_engine
from thinksafe.engines.base import LabelRequest, Request, Sampling
from thinksafe.engines.transformers import sample


@pytest.fixture(scope="module")
def engine():
    made = open_engine("transformers", STUDENT, dtype="float32", max_model_len=128, seed=0, max_lora_rank=8)
    yield made
    made.close()


def test_the_same_requests_give_the_same_bytes(engine) -> None:
    requests = [request(i) for i in range(20)]
    assert answers(engine, requests) == answers(engine, requests)


def test_a_row_s_seed_decides_its_answer(engine) -> None:
    one = request(1)
    other = Request("other", one.prompt_ids, Sampling(2, 0.9, 0.95, 20, 24))
    found = answers(engine, [one, other, Request("again", one.prompt_ids, one.sampling)])
    assert found["r1"] == found["again"] != found["other"]


def test_adapter_and_base_in_one_load(engine, adapter) -> None:
    base = answers(engine, [request(i) for i in range(8)])
    tuned = answers(engine, [request(i, adapter=adapter) for i in range(8)])
    assert base != tuned
    mixed = answers(engine, [request(i, adapter=adapter if i % 2 else None) for i in range(8)])
    assert mixed == {key: (tuned if int(key[1:]) % 2 else base)[key] for key in mixed}


def test_labels_are_log_probabilities_over_the_whole_vocabulary(engine) -> None:
    rows = [request(i) for i in range(5)]
    vocabulary = tuple(range(engine._vocabulary))
    scores = list(engine.score_labels([LabelRequest(r.key, r.prompt_ids, vocabulary) for r in rows]))
    for row, score in zip(rows, scores, strict=True):
        assert torch.tensor(score.logprobs, dtype=torch.double).exp().sum().item() == pytest.approx(1, abs=1e-5)
        alone = engine._base(torch.tensor([row.prompt_ids])).logits[0, -1].log_softmax(-1)
        torch.testing.assert_close(torch.tensor(score.logprobs), alone.detach(), atol=1e-4, rtol=0)


def test_a_bad_row_does_not_end_the_batch(engine) -> None:
    how = Sampling(0, 1.0, 1.0, 0, 4)
    found = {
        c.key: c
        for c in engine.generate(
            [Request("long", (300,) * 128, how), Request("empty", (), how), request(3), Request("odd", (10**6,), how)]
        )
    }
    assert [found[k].finish_reason for k in ("long", "empty", "odd")] == ["error"] * 3
    assert found["r3"].error is None and found["r3"].token_ids
    assert next(engine.score_labels([LabelRequest("x", (1,), (10**6,))])).error


def test_answers_stop_at_their_limit(engine) -> None:
    found = next(engine.generate([request(4, tokens=3)]))
    assert len(found.token_ids) == 3 and found.finish_reason == "length"


def test_sampling_keeps_to_top_k_and_top_p() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.3, 0.15, 0.05]])).repeat(400, 1)
    generators = [torch.Generator().manual_seed(i) for i in range(400)]

    def drawn(**how) -> list[float]:
        sampling = Sampling(0, **{"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 1} | how)
        return torch.bincount(sample(logits, [sampling] * 400, generators), minlength=4).div(400).tolist()

    assert drawn() == pytest.approx([0.5, 0.3, 0.15, 0.05], abs=0.08)
    assert drawn(top_k=2) == pytest.approx([0.625, 0.375, 0, 0], abs=0.08) and drawn(top_k=2)[2:] == [0, 0]
    assert drawn(top_p=0.75)[2:] == [0, 0] and drawn(top_p=0.75)[1] > 0
    assert drawn(temperature=0) == [1, 0, 0, 0]
