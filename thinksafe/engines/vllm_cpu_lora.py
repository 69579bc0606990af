"""LoRA on the CPU for vLLM 0.32, whose own does two things we cannot have.

Its operations take the adapter's weights by index for every token, and the index of a row without adapter is -1:
in a mixed batch such a row gets the last adapter. And they copy the weights once for every token, which makes a
response with an adapter five times slower than one without. Here tokens are grouped by adapter and multiplied
together; a token without adapter gets zero.

The products are made in groups of whole 16 rows: with a row count that is not, the kernel may add in another
order, and a row's bits would depend on its neighbours (docs/determinism.md).
"""

from torch import Tensor

ROWS = 16


def product(inputs: Tensor, weights: Tensor, adapters: Tensor) -> Tensor:
    """`inputs[t] @ weights[adapters[t]].T` for every token t; zero where `adapters[t]` is -1.

    Shapes: inputs [tokens, in], weights [adapters, out, in] or [adapters, 1, out, in], adapters [tokens].
    """
    weights = weights.squeeze(1) if weights.dim() == 4 else weights
    inputs = inputs.to(weights.dtype)
    tokens = inputs.shape[0]
    outputs = inputs.new_zeros(tokens, weights.shape[1])
    for adapter in adapters[:tokens].unique().tolist():
        if adapter < 0:
            continue
        mine = (adapters[:tokens] == adapter).nonzero()[:, 0]
        padded = inputs.new_zeros(-(-len(mine) // ROWS) * ROWS, inputs.shape[1])
        padded[: len(mine)] = inputs[mine]
        outputs[mine] = (padded @ weights[adapter].T)[: len(mine)]
    return outputs


def shrink(inputs: Tensor, weights: Tensor, output: Tensor, adapters: Tensor, scaling: float = 1.0) -> None:
    """A of LoRA: `output[:, :rank] = scaling * product`."""
    made = product(inputs, weights, adapters)
    output[:, : made.shape[1]] = scaling * made


def expand(inputs: Tensor, weights: Tensor, output: Tensor, adapters: Tensor, add_inputs: bool = True) -> None:
    """B of LoRA, added to the first columns of `output`."""
    expand_slice(inputs, weights, output, adapters, 0, output.shape[1], add_inputs)


def expand_slice(
    inputs: Tensor, weights: Tensor, output: Tensor, adapters: Tensor, slice_offset: int, slice_size: int,
    add_inputs: bool = True,
) -> None:
    """B of LoRA, added to the columns of one slice of a merged layer (q, k and v are one layer in vLLM)."""
    made = product(inputs, weights, adapters).to(output.dtype)[:, :slice_size]
    target = output[:, slice_offset: slice_offset + made.shape[1]]
    target.copy_(target + made if add_inputs else made)


def install() -> None:
    """Put these in the place of vLLM's. An AttributeError says that vLLM's names have changed."""
    from vllm.lora.ops.torch_ops import lora_ops
    from vllm.lora.punica_wrapper import punica_cpu

    for name, ours in {"bgmv_shrink": shrink, "bgmv_expand": expand, "bgmv_expand_slice": expand_slice}.items():
        for module in (lora_ops, punica_cpu):
            getattr(module, name)
            setattr(module, name, ours)


__all__ = ["expand", "expand_slice", "install", "product", "shrink"]
