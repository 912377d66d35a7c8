"""LoRA: what a low-rank change computes, what trains, and what a state holds."""

import copy
import io

import pytest
import torch
from torch import Tensor, nn

from morec.config import LoraSpec
from morec.encoders.lora import (
    LoraLinear,
    add_lora,
    leave_frozen_out_of_states,
    merge_lora,
)
from morec.errors import SpecError

SPEC = LoraSpec(rank=2, alpha=6.0)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(5, 5)
        self.value = nn.Linear(5, 5, bias=False)
        self.other = nn.Linear(5, 3)

    def forward(self, inputs: Tensor) -> Tensor:
        output: Tensor = self.other(self.query(inputs).tanh() * self.value(inputs))
        return output


def blocks() -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(5, 5), Attention())


def trained(module: nn.Module) -> list[str]:
    return [name for name, tensor in module.named_parameters() if tensor.requires_grad]


def changed(module: nn.Module) -> nn.Module:
    """The module after some training of its changes."""
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.normal_()
    return module


def test_it_starts_exactly_as_what_it_changes() -> None:
    plain, adapted = blocks(), blocks()
    add_lora(adapted, SPEC, ("query", "value"))
    inputs = torch.randn(7, 5)
    assert torch.equal(adapted(inputs), plain(inputs))


def test_a_changed_layer_is_the_base_with_the_product_added_to_its_weight() -> None:
    base = nn.Linear(5, 4).double()
    layer = LoraLinear(copy.deepcopy(base), SPEC)
    torch.nn.init.normal_(layer.b_OR)
    base.weight.data += 6.0 / 2 * layer.b_OR.detach() @ layer.a_RI.detach()
    inputs = torch.randn(3, 2, 5, dtype=torch.float64)
    torch.testing.assert_close(layer(inputs), base(inputs), rtol=0, atol=1e-12)
    torch.testing.assert_close(layer.weight, base.weight)
    assert torch.equal(layer.bias, base.bias)


def test_a_starts_within_the_bound_of_a_linear_layer_and_b_at_zero() -> None:
    layer = LoraLinear(nn.Linear(400, 300), LoraSpec(rank=50))
    bound = 400**-0.5
    assert layer.a_RI.abs().max() <= bound
    expected = torch.tensor(bound / 3**0.5)  # deviation of a uniform draw
    torch.testing.assert_close(layer.a_RI.std(), expected, rtol=0.02, atol=0)
    assert not layer.b_OR.any()


def test_only_the_changes_of_the_named_layers_train() -> None:
    module = blocks()
    add_lora(module, SPEC, ("query", "value"))
    expected = ["1.query.a_RI", "1.query.b_OR", "1.value.a_RI", "1.value.b_OR"]
    assert trained(module) == expected
    changed(module)(torch.randn(7, 5)).sum().backward()
    got = [name for name, tensor in module.named_parameters() if tensor.grad is not None]
    assert got == expected


def test_a_state_holds_the_changes_only_and_loads_into_a_module_with_the_same_base() -> None:
    holder, other = nn.ModuleDict({"part": blocks()}), nn.ModuleDict({"part": blocks()})
    for module in (holder, other):
        add_lora(module["part"], SPEC, ("query",))
    changed(holder)
    saved = io.BytesIO()
    torch.save(holder.state_dict(), saved)
    saved.seek(0)
    state = torch.load(saved, weights_only=True)
    assert list(state) == ["part.1.query.a_RI", "part.1.query.b_OR"]
    other.load_state_dict(state)
    inputs = torch.randn(7, 5)
    assert torch.equal(other["part"](inputs), holder["part"](inputs))


def test_a_state_that_lacks_a_change_is_refused() -> None:
    module = blocks()
    add_lora(module, SPEC, ("query",))
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: \"1.query.b_OR\"\. "):
        module.load_state_dict({"1.query.a_RI": torch.zeros(2, 5)})


def test_names_that_no_linear_layer_has_are_refused_with_those_there_are() -> None:
    expected = "item.text.lora: no linear layer is called q or v; linear layers: 0, other, query, "
    with pytest.raises(SpecError, match=expected):
        add_lora(blocks(), SPEC, ("q", "v"), where="item.text.lora")
    with pytest.raises(SpecError, match="lora: no linear layer is called q; linear layers: none"):
        add_lora(nn.Sequential(nn.ReLU()), SPEC, ("q",))


def test_merged_changes_compute_the_same_with_ordinary_layers() -> None:
    module = blocks()
    add_lora(module, SPEC, ("query", "value"))
    inputs = torch.randn(7, 5)
    expected = changed(module)(inputs)
    names = {name for name, _ in blocks().named_parameters()}
    merged = merge_lora(module)
    assert merged is module
    assert {name for name, _ in merged.named_parameters()} == names
    torch.testing.assert_close(merged(inputs), expected)
    assert not torch.allclose(blocks()(inputs), expected)


def test_only_layers_within_a_set_of_names_are_changed() -> None:
    module = nn.Sequential(Attention(), Attention())
    add_lora(module, SPEC, ("query", "value"), within={"0.query", "1.value", "1.other"})
    assert trained(module) == [
        f"{layer}.{matrix}" for layer in ("0.query", "1.value") for matrix in ("a_RI", "b_OR")
    ]
    with pytest.raises(SpecError) as caught:
        add_lora(Attention(), SPEC, ("query",), within={"value", "other"}, where="there")
    assert str(caught.value) == (
        "there: no linear layer is called query; linear layers: other, value"
    )


def test_frozen_parameters_are_left_out_once_where_parts_leave_them_out_too() -> None:
    module = blocks()
    module[0].requires_grad_(False)
    for part in (module[0], module):
        leave_frozen_out_of_states(part)
    state = module.state_dict()
    assert sorted(state) == sorted(trained(blocks()[1:]))
    other = blocks()
    other[0].requires_grad_(False)
    leave_frozen_out_of_states(other)
    with torch.no_grad():
        other[1].query.weight.zero_()
    other.load_state_dict(state)
    inputs = torch.randn(3, 5)
    assert torch.equal(other(inputs), module(inputs))
