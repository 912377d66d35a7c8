"""NextItNet against loops over positions and taps."""

import pytest
import torch
from torch import Tensor, nn

from morec.models.nextitnet import NextItNet, ResidualBlock

DIM, LENGTH = 4, 7
USERS = torch.zeros(2, dtype=torch.long)


def disturb(module: nn.Module) -> None:
    """Weights of no special value, so that a norm or bias in the wrong place shows."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)


def normed(values_D: Tensor, norm: nn.LayerNorm) -> Tensor:
    centred = values_D - values_D.mean()
    scaled = centred / (centred.pow(2).mean() + 1e-6).sqrt()
    return scaled * norm.weight + norm.bias


def convolved(items: list[Tensor], convolution: nn.Conv1d, dilation: int) -> list[Tensor]:
    """Tap k of K looks K - 1 - k dilations back; nothing stands before the first item."""
    num_taps = convolution.kernel_size[0]
    outputs = []
    for position in range(len(items)):
        total = convolution.bias.clone()
        for tap in range(num_taps):
            source = position - (num_taps - 1 - tap) * dilation
            if source >= 0:
                total = total + convolution.weight[:, :, tap] @ items[source]
        outputs.append(total)
    return outputs


def block_by_hand(items: list[Tensor], block: ResidualBlock, dilation: int) -> list[Tensor]:
    inner = items
    for number, factor in enumerate((dilation, 2 * dilation)):
        inner = convolved(inner, block.convolutions[number], factor)
        inner = [normed(values, block.norms[number]).clamp(min=0) for values in inner]
    return [before + after for before, after in zip(items, inner, strict=True)]


@pytest.mark.parametrize(("kernel_size", "dilations"), [(3, (1, 4)), (2, (2,)), (4, (1, 2, 3))])
def test_states_are_those_of_a_loop_over_each_users_items_alone(
    kernel_size: int, dilations: tuple[int, ...]
) -> None:
    model = NextItNet(dim=DIM, num_blocks=2, kernel_size=kernel_size, dilations=dilations).double()
    disturb(model)
    items_BLD, num_items = torch.randn(2, LENGTH, DIM).double(), (7, 4)
    is_item_BL = torch.arange(LENGTH) >= LENGTH - torch.tensor(num_items)[:, None]
    states_BLD = model(items_BLD, is_item_BL, USERS)
    for row, number in enumerate(num_items):
        states = list(items_BLD[row, -number:])
        for block, dilation in zip(model.blocks, dilations * 2, strict=True):
            states = block_by_hand(states, block, dilation)
        expected = torch.stack(states) @ model.output.weight.T + model.output.bias
        torch.testing.assert_close(states_BLD[row, -number:], expected, rtol=0, atol=1e-12)
    last_B1D = model(items_BLD, is_item_BL, USERS, last_only=True)
    # A processor may round a product of one row otherwise than the same row of many.
    torch.testing.assert_close(last_B1D, states_BLD[:, -1:], rtol=0, atol=1e-12)


def test_a_block_has_two_convolutions_and_two_norms() -> None:
    model = NextItNet(dim=DIM, num_blocks=3, kernel_size=3, dilations=(1, 4))
    per_block = 2 * (3 * DIM**2 + DIM) + 2 * 2 * DIM
    expected = 3 * 2 * per_block + DIM**2 + DIM
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_weights_start_xavier_normal_and_biases_at_zero() -> None:
    model = NextItNet(dim=128, num_blocks=1, kernel_size=3, dilations=(1,))
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d):
            fan = 128 * (3 if isinstance(module, nn.Conv1d) else 1)
            assert module.weight.std().item() == pytest.approx((2 / (2 * fan)) ** 0.5, rel=0.03)
            assert module.bias is not None
            assert not module.bias.any()
