"""Causal attention over a pack: every row sees itself only, and no mask is ever built.

Registered with transformers as the attention implementation `NAME`. The rows' borders come as `cu_seq_lens_q`,
the name under which transformers hands them to every attention implementation. Work and memory grow with the sum
of the squared row lengths, not with the square of the pack.
"""

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AttentionInterface

NAME = "thinksafe_packed"
# Inputs that change what attention means. One we do not know must stop the run, not be dropped in silence.
_UNSUPPORTED = ("softcap", "s_aux", "position_bias", "cache")


def _window_mask(length: int, window: int, device: torch.device) -> Tensor | None:
    """Who may see whom in a row longer than a sliding window: [length, length] booleans; None if all is causal."""
    if length <= window:
        return None
    back = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)[None, :]
    return (back >= 0) & (back < window)


def _row_by_row(
    query: Tensor, key: Tensor, value: Tensor, lengths: list[int], scaling: float | None, window: int | None
) -> Tensor:
    """Fused attention for one row after another: [1, heads, T, d] each. `split` and `cat`, because the gradient of
    a split is one concatenation, while that of slices is a full-size tensor for every row."""
    out = []
    for q, k, v in zip(query.split(lengths, 2), key.split(lengths, 2), value.split(lengths, 2), strict=True):
        mask = _window_mask(q.shape[2], window, q.device) if window else None
        out.append(functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, is_causal=mask is None, scale=scaling, enable_gqa=q.shape[1] != k.shape[1]
        ))
    return torch.cat(out, 2)


def _varlen(query: Tensor, key: Tensor, value: Tensor, starts: Tensor, longest: int,
            scaling: float | None, window: int | None) -> Tensor:
    """torch's own variable-length flash attention (CUDA, half precision): one kernel for the whole pack."""
    from torch.nn.attention.varlen import varlen_attn  # no CPU kernel, so not needed at import

    q, k, v = (x[0].transpose(0, 1) for x in (query, key, value))
    back = window - 1 if window else -1
    out = varlen_attn(q, k, v, starts, starts, longest, longest, scale=scaling, window_size=(back, 0),
                      enable_gqa=q.shape[1] != k.shape[1])
    assert isinstance(out, Tensor)
    return out.transpose(0, 1)[None]


def packed_attention(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None,
    dropout: float = 0.0, scaling: float | None = None, sliding_window: int | None = None,
    cu_seq_lens_q: Tensor | None = None, max_length_q: int | None = None, **other: object,
) -> tuple[Tensor, None]:
    """Attention in transformers' calling form: [1, heads, T, d] in, [1, T, heads, d] out.

    Raises RuntimeError instead of mixing rows: without borders, with a mask, or with an unknown kind of attention.
    """
    unknown = [name for name in _UNSUPPORTED if other.get(name) is not None]
    if cu_seq_lens_q is None or attention_mask is not None or query.shape[0] != 1 or dropout or unknown:
        raise RuntimeError(f"attention over packed rows is not possible here ({', '.join(unknown) or 'no borders'})")
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16) and query.shape[-1] <= 256:
        out = _varlen(query, key, value, cu_seq_lens_q, int(max_length_q or 0), scaling, sliding_window)
    else:
        out = _row_by_row(query, key, value, cu_seq_lens_q.diff().tolist(), scaling, sliding_window)
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(NAME, packed_attention)
