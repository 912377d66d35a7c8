"""The dense layers after an encoder: DT layer, DNN layers, fusion by sum or concatenation."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.dropout import Dropout
from morec.encoders.fusion import AddFusion, ConcatFusion, dense_layers, dt_layer


def by_hand(linear: nn.Module, inputs: Tensor) -> Tensor:
    assert isinstance(linear, nn.Linear)
    return F.gelu(inputs @ linear.weight.T + linear.bias)


def test_add_is_the_sum_of_the_parts() -> None:
    parts = [torch.randn(4, 3) for _ in range(3)]
    assert torch.allclose(AddFusion()(parts), parts[0] + parts[1] + parts[2])


def test_concat_is_a_linear_layer_over_the_parts_side_by_side() -> None:
    fusion = ConcatFusion(num_parts=3, dim=4, dropout=0.5).eval()
    parts = [torch.randn(5, 4) for _ in range(3)]
    for row, fused in enumerate(fusion(parts)):
        beside = torch.cat([part[row] for part in parts])
        assert torch.allclose(fused, by_hand(fusion.mix[1], beside), atol=1e-6)


def test_dense_layers_repeat_dropout_linear_gelu() -> None:
    layers = dense_layers(dim=4, num_layers=2, dropout=0.3)
    assert [type(layer) for layer in layers[0]] == [Dropout, nn.Linear, nn.GELU]  # type: ignore[arg-type]
    inputs = expected = torch.randn(5, 4)
    for layer in layers.eval():
        expected = by_hand(layer[1], expected)  # type: ignore[index]
    assert torch.allclose(layers(inputs), expected)


def test_no_dense_layers_change_nothing() -> None:
    inputs = torch.randn(5, 4)
    assert dense_layers(dim=4, num_layers=0, dropout=0.3)(inputs) is inputs


def test_xavier_has_the_deviation_of_both_widths_and_no_bias() -> None:
    linear = dt_layer(300, 500, xavier=True)[0]
    assert isinstance(linear, nn.Linear)
    assert torch.isclose(linear.weight.std(), torch.tensor((2 / 800) ** 0.5), rtol=0.02)
    assert not linear.bias.any()


def test_without_xavier_the_dt_layer_is_torchs_own() -> None:
    torch.manual_seed(3)
    linear = dt_layer(30, 50, xavier=False)[0]
    torch.manual_seed(3)
    assert isinstance(linear, nn.Linear)
    assert torch.equal(linear.weight, nn.Linear(30, 50).weight)


def test_the_dt_layer_is_a_linear_layer_and_gelu() -> None:
    inputs = torch.randn(5, 4)
    for xavier in (True, False):
        layer = dt_layer(4, 3, xavier=xavier)
        assert torch.allclose(layer(inputs), by_hand(layer[0], inputs))


def test_dense_and_mixing_layers_start_as_the_xavier_dt_layer_does() -> None:
    mix, dense = ConcatFusion(2, 200, 0.1).mix, dense_layers(300, 1, 0.1)[0]
    for linear, widths in ((mix[1], 600), (dense.get_submodule("1"), 600)):
        assert isinstance(linear, nn.Linear)
        assert torch.isclose(linear.weight.std(), torch.tensor((2 / widths) ** 0.5), rtol=0.02)
        assert not linear.bias.any()
    assert isinstance(mix[0], Dropout)
    assert mix[0].p == 0.1
