"""The loss at the head without the logits: a few positions at a time, gradient in the same pass.

Under LoRA the head W is frozen, so all that is ever needed of its backward pass is the gradient by the hidden
states. For the cross-entropy of one position that is (softmax(W h) - onehot(target)) W, known as soon as the
softmax is: two matrix products a chunk, nothing recomputed, and only one chunk of logits in memory.
Log-sum-exp and losses are float32 (float64 for float64 input).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Bytes of logits in flight. On a CPU a chunk of 40 MB was fastest at 151,936 tokens (bench/training.py), as it stays
# near the last cache; a GPU needs a taller matrix to be busy.
CHUNK_BYTES = {"cpu": 40 << 20, "cuda": 512 << 20}


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float64 if dtype == torch.float64 else torch.float32


def _chunks(hidden: Tensor, weight: Tensor) -> Iterator[slice]:
    """Slices of positions whose logits fit the budget."""
    bytes_each = weight.shape[0] * _wide(hidden.dtype).itemsize
    size = max(1, CHUNK_BYTES.get(hidden.device.type, CHUNK_BYTES["cuda"]) // bytes_each)
    return (slice(at, min(at + size, len(hidden))) for at in range(0, len(hidden), size))


def _log_probs(hidden: Tensor, weight: Tensor) -> Tensor:
    """log softmax(hidden W^T) in wide precision, in place of the logits."""
    logits = torch.mm(hidden, weight.T).to(_wide(hidden.dtype))
    return torch.log_softmax(logits, 1, out=logits)


def _scaled(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
    """The kept gradient by the hidden states, times what comes from above; W and targets get none."""
    (gradient,) = ctx.saved_tensors
    return (gradient * upstream[:, None]).to(gradient.dtype), None, None


class _Nll(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        nll = hidden.new_empty(len(hidden), dtype=_wide(hidden.dtype))
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for part in _chunks(hidden, weight):
            logp, target = _log_probs(hidden[part], weight), targets[part, None]
            nll[part] = -logp.gather(1, target)[:, 0]
            if gradient is not None:
                probs = logp.exp_()
                probs.scatter_add_(1, target, probs.new_full(target.shape, -1.0))
                torch.mm(probs.to(weight.dtype), weight, out=gradient[part])
        ctx.save_for_backward(*(() if gradient is None else (gradient,)))
        return nll

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _scaled(ctx, grad_outputs[0])


class _Kl(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, reference: Tensor) -> Tensor:
        kl = hidden.new_empty(len(hidden), dtype=_wide(hidden.dtype))
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for part in _chunks(hidden, weight):
            logp, base = _log_probs(hidden[part], weight), _log_probs(reference[part], weight)
            probs = base.exp()
            kl[part] = torch.sum(probs * base.sub_(logp), 1)
            if gradient is not None:
                torch.mm(logp.exp_().sub_(probs).to(weight.dtype), weight, out=gradient[part])
        ctx.save_for_backward(*(() if gradient is None else (gradient,)))
        return kl

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _scaled(ctx, grad_outputs[0])


def token_nll(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """-log p(target) at each of n positions, natural logarithm.

    hidden [n, H], weight [V, H] (frozen: it gets no gradient), targets [n] -> [n] in float32 (float64).
    """
    return _Nll.apply(hidden, weight, targets)


def token_kl(hidden: Tensor, weight: Tensor, reference: Tensor) -> Tensor:
    """Forward KL(base || model) at each of n positions, over the whole vocabulary, in nats.

    hidden, reference [n, H]: last hidden states of the model and of the base; weight [V, H] -> [n].
    Gradient by hidden: (p_model - p_base) W.
    """
    return _Kl.apply(hidden, weight, reference)
