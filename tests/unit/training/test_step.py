"""The gradient of a step: the same however its rows are packed, accumulated, or shared between processes."""

import pytest
import torch
from accelerate import PartialState
from torch.nn import functional

from thinksafe import spec
from thinksafe.errors import DataError, SettingsError
from thinksafe.training import attention, model, packing, step
from thinksafe.training.perplexity import response_nll
from thinksafe.training.rows import TrainRow

from .conftest import VOCABULARY, make_model, make_rows


def student(path, **changes):
    """A student whose adapter does something: B, zero at the start, is set at random."""
    settings = spec.Training(**{**dict(rank=4, dropout=0.0, targets=["all-linear"]), **changes})
    made = model.with_lora(model.load(path, dtype="float32", device=torch.device("cpu")), settings, seed=1,
                           base_name=None)
    torch.manual_seed(2)
    with torch.no_grad():
        for p in model.parameters(made).values():
            p.copy_(torch.randn_like(p) * 0.1)
    return made


def gradient(made, rows, *, capacity=10_000, kl_weight=0.0):
    params = model.parameters(made)
    for p in params.values():
        p.grad = None
    loss = step.backward(made, rows, capacity=capacity, kl_weight=kl_weight, seed=0, step=0, state=PartialState())
    return loss.item(), torch.cat([p.grad.flatten() for p in params.values()])


def plain_gradient(made, rows, kl_weight):
    """transformers' own forward pass, one row at a time, full logits."""
    params = list(model.parameters(made).values())
    made.causal.set_attn_implementation("sdpa")
    tokens = sum(len(row.response_ids) for row in rows)
    benign = sum(len(row.response_ids) for row in rows if row.label == "benign")
    loss = torch.zeros(())
    for row in rows:
        ids, start = torch.tensor([[*row.prompt_ids, *row.response_ids]]), len(row.prompt_ids)
        logits = made.peft(input_ids=ids).logits[0, start - 1 : -1]
        loss = loss + functional.cross_entropy(logits, ids[0, start:], reduction="sum") / tokens
        if kl_weight and row.label == "benign":
            with made.peft.disable_adapter(), torch.no_grad():
                base = torch.log_softmax(made.peft(input_ids=ids).logits[0, start - 1 : -1], 1)
            kl = (base.exp() * (base - torch.log_softmax(logits, 1))).sum()
            loss = loss + kl_weight * kl / benign
    grads = torch.autograd.grad(loss, params)
    made.causal.set_attn_implementation(attention.NAME)
    return loss.item(), torch.cat([g.flatten() for g in grads])


def assert_same(one, other):
    assert one[0] == pytest.approx(other[0], rel=1e-5)
    torch.testing.assert_close(one[1], other[1], rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize("kl_weight", [0.0, 0.7])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_packed_gradient_is_that_of_separate_rows_with_full_logits(model_path, kl_weight, checkpointing):
    made, rows = student(model_path, gradient_checkpointing=checkpointing), make_rows(8)
    assert_same(gradient(made, rows, kl_weight=kl_weight), plain_gradient(made, rows, kl_weight))


def test_one_pack_of_eight_two_of_four_and_eight_of_one_give_the_same_gradient(model_path):
    made = student(model_path)
    rows = [TrainRow(r.id, r.label, r.prompt_ids, r.response_ids[: 2 + i]) for i, r in
            enumerate(make_rows(8, shortest=10, longest=10))]
    tokens = [r.tokens for r in rows]
    half = next(c for c in range(max(tokens), sum(tokens)) if len(packing.packs(tokens, c)) == 2)
    whole = gradient(made, rows, kl_weight=0.3)
    assert_same(gradient(made, rows, capacity=half, kl_weight=0.3), whole)
    assert len(packing.packs(tokens, 1)) == 8
    assert_same(gradient(made, rows, capacity=1, kl_weight=0.3), whole)


def test_other_rows_of_a_pack_change_nothing(model_path):
    made, rows = student(model_path), make_rows(6)
    made.peft.eval()
    alone = torch.cat([made.nll(packing.lay_out([row])) for row in rows])
    torch.testing.assert_close(made.nll(packing.lay_out(rows)), alone, rtol=1e-5, atol=1e-5)


def test_a_step_without_benign_rows_has_no_kl(model_path):
    made = student(model_path)
    rows = [r for r in make_rows(8) if r.label == "harmful"]
    assert_same(gradient(made, rows, kl_weight=5.0), gradient(made, rows))


def test_sliding_windows_are_kept(tmp_path):
    made = student(make_model(tmp_path, use_sliding_window=True, sliding_window=5, max_window_layers=1))
    rows = make_rows(4, shortest=12, longest=16)
    assert_same(gradient(made, rows), plain_gradient(made, rows, 0.0))


def test_dropout_depends_on_seed_and_step_alone(model_path):
    made, rows = student(model_path, dropout=0.5), make_rows(4)
    one = gradient(made, rows)
    torch.rand(7)  # whatever else was drawn meanwhile
    assert torch.equal(gradient(made, rows)[1], one[1])
    for p in model.parameters(made).values():
        p.grad = None
    other = step.backward(made, rows, capacity=99, kl_weight=0, seed=0, step=1, state=PartialState())
    assert other.item() != one[0]


def test_attention_without_borders_or_with_a_mask_is_refused(model_path):
    made = model.load(model_path, dtype="float32", device=torch.device("cpu"))
    with pytest.raises(RuntimeError, match="no borders"):
        made.causal(input_ids=torch.tensor([[1, 2, 3]]))


def test_a_head_that_is_not_a_plain_product_is_refused(model_path, monkeypatch):
    """As with soft-capped or scaled logits: the model's own loss is another than ours."""
    from transformers import Qwen3ForCausalLM

    plain = Qwen3ForCausalLM.forward

    def capped(self, *args, **kwargs):
        out = plain(self, *args, **kwargs)
        out.logits = torch.tanh(out.logits)  # pyright: ignore[reportAttributeAccessIssue]
        return out

    monkeypatch.setattr(Qwen3ForCausalLM, "forward", capped)
    with pytest.raises(SettingsError, match="loss of this kind of model"):
        model.load(model_path, dtype="float32", device=torch.device("cpu"))


@pytest.mark.parametrize(
    ("dtype", "targets", "says"),
    [("float32", ["nowhere"], "LoRA does not fit"), ("float16", ["q_proj"], "float16"),
     ("float32", ["lm_head"], "must stay frozen")],
)
def test_settings_that_cannot_be_are_refused(model_path, dtype, targets, says):
    made = model.load(model_path, dtype=dtype, device=torch.device("cpu"))
    with pytest.raises(SettingsError, match=says):
        model.with_lora(made, spec.Training(targets=targets), seed=0, base_name=None)


def test_a_missing_model_is_one_clear_line(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        model.load(str(tmp_path / "none"), dtype="float32", device=torch.device("cpu"))


def test_perplexity_is_the_base_models_and_keeps_the_order(model_path):
    made, rows = student(model_path, dropout=0.5), make_rows(9)
    got = list(response_nll(rows, model=made, tokens_per_pack=30))
    assert [(g[0], g[2]) for g in got] == [(r.id, len(r.response_ids)) for r in rows]
    fresh = response_nll(rows, model=model_path, dtype="float32", tokens_per_pack=30)
    assert [g[1] for g in fresh] == pytest.approx([g[1] for g in got])
    with made.peft.disable_adapter():
        for (_, total, _), row in zip(got, rows, strict=True):
            assert total == pytest.approx(made.nll(packing.lay_out([row])).sum().item(), rel=1e-5)


def test_perplexity_reads_no_further_than_it_must(model_path):
    def rows():
        yield from make_rows(3)
        raise AssertionError("read too far")

    assert next(response_nll(rows(), model=model_path, dtype="float32", tokens_per_pack=1))[0] == "row-0"


@pytest.mark.parametrize("bad", [TrainRow("x", "benign", [], [1]), TrainRow("x", "benign", [1], [VOCABULARY])])
def test_perplexity_names_a_bad_row(model_path, bad):
    with pytest.raises(DataError, match="row x"):
        list(response_nll([bad], model=model_path, dtype="float32"))


def test_a_response_scores_the_same_after_a_steered_prompt_alone_as_in_a_pack(model_path):
    rows = [TrainRow(r.id, r.label, [3, 5, 7, *r.prompt_ids, 11], r.response_ids) for r in make_rows(9)]
    packed = [nll for _, nll, _ in response_nll(rows, model=model_path, dtype="float32", tokens_per_pack=10_000)]
    alone = [next(response_nll([r], model=model_path, dtype="float32"))[1] for r in rows]
    assert packed == pytest.approx(alone, rel=1e-5)
    plain = [nll for _, nll, _ in response_nll(make_rows(9), model=model_path, dtype="float32")]
    assert all(abs(a - b) > 1e-3 for a, b in zip(packed, plain, strict=True))  # the prompt is read
