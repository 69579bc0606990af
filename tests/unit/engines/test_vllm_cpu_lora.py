"""The adapter's products: by token, zero without adapter, and the same bits in any company."""

import pytest
import torch

from thinksafe.engines.vllm_cpu_lora import expand_slice, product, shrink


def test_every_token_gets_its_own_adapter_and_none_gets_nothing() -> None:
    torch.manual_seed(0)
    inputs, weights = torch.randn(7, 12), torch.randn(2, 1, 4, 12)
    adapters = torch.tensor([0, -1, 1, 1, -1, 0, 0])
    made = product(inputs, weights, adapters)
    for token, adapter in enumerate(adapters.tolist()):
        wanted = weights[adapter, 0] @ inputs[token] if adapter >= 0 else torch.zeros(4)
        torch.testing.assert_close(made[token], wanted)


@pytest.mark.parametrize(("inner", "outer"), [(128, 32), (32, 128), (1024, 16)])
def test_a_token_s_bits_do_not_depend_on_its_neighbours(inner, outer) -> None:
    torch.manual_seed(0)
    inputs, weights = torch.randn(300, inner), torch.randn(1, outer, inner)
    whole = product(inputs, weights, torch.zeros(300, dtype=torch.long))
    for rows in (1, 2, 5, 16, 17, 100):
        part = product(inputs[50: 50 + rows], weights, torch.zeros(rows, dtype=torch.long))
        assert torch.equal(part, whole[50: 50 + rows])


def test_shrink_writes_and_expand_adds_to_its_slice() -> None:
    inputs, weights = torch.ones(2, 3), torch.ones(1, 2, 3)
    output = torch.full((2, 4), 9.0)
    shrink(inputs, weights, output, torch.tensor([0, -1]), 0.5)
    assert output.tolist() == [[1.5, 1.5, 9, 9], [0, 0, 9, 9]]
    expand_slice(inputs, weights, output, torch.tensor([0, -1]), 2, 2)
    assert output.tolist() == [[1.5, 1.5, 12, 12], [0, 0, 9, 9]]
