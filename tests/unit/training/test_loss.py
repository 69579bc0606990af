"""The chunked head against the plain formula with full logits."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from thinksafe.training import loss

SHAPES = st.tuples(st.integers(1, 23), st.integers(1, 9), st.integers(2, 31))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """Chunks of at most a few positions, so that every test crosses their borders."""
    monkeypatch.setitem(loss.CHUNK_BYTES, "cpu", 400)


def draw(shape, dtype=torch.float32, seed=0):
    n, size, vocabulary = shape
    make = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, size, generator=make).to(dtype).requires_grad_()
    weight = torch.randn(vocabulary, size, generator=make).to(dtype)
    return hidden, weight, torch.randint(vocabulary, (n,), generator=make)


def plain_nll(hidden, weight, targets):
    return functional.cross_entropy((hidden @ weight.T).float(), targets, reduction="none")


def plain_kl(hidden, weight, reference):
    logp = torch.log_softmax((hidden @ weight.T).float(), 1)
    base = torch.log_softmax((reference @ weight.T).float(), 1)
    return (base.exp() * (base - logp)).sum(1)


def both(ours, plain, hidden, *rest):
    """Values and gradients, under different weights per position, of two functions."""
    out = []
    for function in (ours, plain):
        values = function(hidden, *rest)
        (gradient,) = torch.autograd.grad((values * torch.arange(1, len(values) + 1)).sum(), hidden)
        out.append((values.detach(), gradient))
    return out


@settings(deadline=None)
@given(SHAPES, st.integers(0, 9))
def test_nll_equals_full_logits(shape, seed):
    (ours, grad), (plain, plain_grad) = both(loss.token_nll, plain_nll, *draw(shape, seed=seed))
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(grad, plain_grad, rtol=1e-4, atol=1e-4)


@settings(deadline=None)
@given(SHAPES, st.integers(0, 9))
def test_kl_equals_full_logits(shape, seed):
    hidden, weight, _ = draw(shape, seed=seed)
    reference = draw(shape, seed=seed + 100)[0].detach()
    (ours, grad), (plain, plain_grad) = both(loss.token_kl, plain_kl, hidden, weight, reference)
    torch.testing.assert_close(ours, plain, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(grad, plain_grad, rtol=1e-4, atol=1e-4)


def test_bfloat16_values_are_float32_and_close():
    hidden, weight, targets = draw((40, 16, 300), torch.bfloat16)
    (ours, grad), (plain, plain_grad) = both(loss.token_nll, plain_nll, hidden, weight, targets)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)
    assert functional.cosine_similarity(grad.float().flatten(), plain_grad.float().flatten(), 0) > 0.9999


def test_gradients_are_the_derivative():
    hidden, weight, targets = (x.double() if x.is_floating_point() else x for x in draw((5, 3, 7)))
    hidden = hidden.detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda h: loss.token_nll(h, weight, targets), hidden)
    reference = draw((5, 3, 7), seed=3)[0].double().detach()
    assert torch.autograd.gradcheck(lambda h: loss.token_kl(h, weight, reference), hidden)


def test_no_position_gives_no_loss_and_no_gradient():
    hidden, weight, targets = draw((4, 3, 7))
    nll = loss.token_nll(hidden[:0], weight, targets[:0])
    nll.sum().backward()
    assert nll.shape == (0,)
    assert hidden.grad is not None and not hidden.grad.any()


def test_very_unlikely_targets_keep_their_loss():
    """exp(-300) is 0 in float32: the loss must come from the logarithm, not from the probability."""
    hidden = torch.tensor([[300.0]], requires_grad=True)
    nll = loss.token_nll(hidden, torch.tensor([[1.0], [0.0]]), torch.tensor([1]))
    assert nll.item() == pytest.approx(300)


def test_kl_of_equal_models_is_nothing():
    hidden, weight, _ = draw((6, 4, 9))
    kl = loss.token_kl(hidden, weight, hidden.detach())
    kl.sum().backward()
    assert hidden.grad is not None
    torch.testing.assert_close(kl, torch.zeros(6))
    torch.testing.assert_close(hidden.grad, torch.zeros_like(hidden))


def test_full_logits_are_never_there(monkeypatch):
    sizes = []
    plain = torch.log_softmax
    monkeypatch.setattr(torch, "log_softmax", lambda x, *a, **k: (sizes.append(len(x)), plain(x, *a, **k))[1])
    hidden, weight, targets = draw((20, 4, 25))
    loss.token_nll(hidden, weight, targets)
    assert sizes == [4, 4, 4, 4, 4]  # 400 bytes / (25 logits of 4 bytes)
