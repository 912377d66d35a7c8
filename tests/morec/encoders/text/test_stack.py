"""A stack computes what the library computes, whole, cut in two, or its first token alone."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn

from morec.config import TextSpec
from morec.encoders.tables import padded
from morec.encoders.text.stack import TransformerStack, WholeEncoder, pool
from morec.encoders.text.transformer import load_config, load_stack
from tests.morec.encoders.conftest import CAUSAL, CUT, WHOLE

LENGTHS = (3, 9, 1, 6)


def spec_of(folder: Path, **changes: Any) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), "pooling": "mean", **changes})


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    is_token_BT = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    ids_BT = torch.randint(4, 100, is_token_BT.shape, generator=torch.Generator().manual_seed(1))
    return ids_BT * is_token_BT, is_token_BT


def tolerance_of(family: str) -> float:
    """Gemma computes norms and probabilities in fp32, whatever its weights are in."""
    return 1e-5 if family.startswith("gemma") else 1e-12


def titles() -> list[tuple[torch.Tensor, int]]:
    return list(zip(batch()[0], LENGTHS, strict=True))


def inputs_of(stack: TransformerStack | WholeEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """What the stack reads of the batch: embedded without padding, then padded."""
    ids_BT, is_token_BT = batch()
    slots_BT = torch.arange(max(LENGTHS)).expand_as(ids_BT)
    return padded(stack.embed(ids_BT[is_token_BT], slots_BT[is_token_BT]), is_token_BT), is_token_BT


@pytest.mark.parametrize("family", [*CUT, *WHOLE])
def test_the_stack_computes_what_the_library_computes(
    saved_encoders: dict[str, Path], family: str
) -> None:
    _, is_token_BT = batch()
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    reference = hf.AutoModel.from_pretrained(spec.name).double().eval()
    # One by one: Gemma 2 makes NaN of what is behind a window of padding.
    expected = [reference(ids[None, :length]).last_hidden_state[0] for ids, length in titles()]
    found = stack(*inputs_of(stack))
    torch.testing.assert_close(
        found[is_token_BT], torch.cat(expected), rtol=0, atol=tolerance_of(family)
    )
    assert found.isfinite().all()


@pytest.mark.parametrize("family", CUT)
def test_a_token_sees_later_tokens_unless_the_family_is_causal(
    saved_encoders: dict[str, Path], family: str
) -> None:
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    inputs, is_token_BT = inputs_of(stack)
    others = inputs.detach().clone()
    others[1, 2] += torch.arange(others.shape[2]).cos()
    changed = (stack(others, is_token_BT) - stack(inputs, is_token_BT)).abs() > 1e-9
    assert changed[1, 2].all()
    assert bool(changed[1, :2].any()) == (family not in CAUSAL)
    assert not changed[[0, 2, 3]].any()


@pytest.mark.parametrize("family", CUT)
def test_what_padding_holds_changes_nothing(saved_encoders: dict[str, Path], family: str) -> None:
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    inputs, is_token_BT = inputs_of(stack)
    other = torch.where(is_token_BT[:, :, None], inputs, torch.randn_like(inputs))
    found, expected = (stack(each, is_token_BT)[is_token_BT] for each in (other, inputs))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", CUT)
def test_layers_above_a_cut_have_the_gradients_that_the_library_gives_them(
    saved_encoders: dict[str, Path], family: str
) -> None:
    layer = 1
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    inputs, is_token_BT = inputs_of(stack)
    below_BTH = stack.below(layer)(inputs, is_token_BT).detach()
    above = stack.above(layer)
    reference = hf.AutoModel.from_pretrained(spec.name).double().eval()
    expected = [reference(ids[None, :n]).last_hidden_state[0] for ids, n in titles()]
    for states in (above(below_BTH, is_token_BT)[is_token_BT], torch.cat(expected)):
        (states.sin() * torch.arange(states.numel()).view_as(states).cos()).sum().backward()
    wanted = {name: p.grad for name, p in reference.named_parameters() if p.grad is not None}
    found = {name: p.grad for name, p in above.named_parameters() if p.grad is not None}
    assert found
    for name, gradient in found.items():
        expected_gradient = wanted[library_name(name, layer, wanted)]
        torch.testing.assert_close(gradient, expected_gradient, rtol=0, atol=tolerance_of(family))


def library_name(name: str, cut: int, known: Collection[str]) -> str:
    """What the library calls a parameter of the stack above a cut."""
    part, number, *rest = name.split(".")
    if part == "layers":
        pattern = rf"(\w+\.)?layers?\.{int(number) + cut}\.{'.'.join(rest)}"
    elif number == "1":
        pattern = r"decoder\.project_out\.weight"
    else:
        pattern = rf"(decoder\.)?(final_)?(layer_)?norm\.{name.rpartition('.')[2]}"
    (found,) = [each for each in known if re.fullmatch(pattern, each)]
    return found


@pytest.mark.parametrize("family", CUT)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_below_and_above_a_cut_are_the_whole(
    saved_encoders: dict[str, Path], family: str, layer: int
) -> None:
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    inputs, is_token_BT = inputs_of(stack.below(layer))
    states_BTH = stack.below(layer)(inputs, is_token_BT)
    above = stack.above(layer)
    assert above.embed(states_BTH, torch.arange(0)) is states_BTH
    assert torch.equal(above(states_BTH, is_token_BT), stack(inputs, is_token_BT))


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_the_first_tokens_state_alone_is_the_whole_forwards_in_value_and_gradient(
    saved_encoders: dict[str, Path], name: str
) -> None:
    spec = spec_of(saved_encoders[name], pooling="cls")
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    inputs, mask = inputs_of(stack)
    inputs = inputs.detach()
    whole_BH = stack(inputs, mask)[:, 0]
    first_BH = stack.first_states([(inputs[:3], mask[:3]), (inputs[3:, :6], None)])
    assert first_BH.shape == (len(inputs), stack.dim)
    torch.testing.assert_close(first_BH, whole_BH, rtol=0, atol=1e-12)
    weights = list(stack.layers.parameters())
    wanted = torch.autograd.grad(whole_BH.square().sum(), weights)
    found = torch.autograd.grad(first_BH.square().sum(), weights)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("family", ["distilbert", "deberta-v2", "modernbert"])
@pytest.mark.parametrize("layer", [0, 2])
def test_cls_pooling_runs_the_whole_last_layer_of_a_family_without_a_shortcut(
    saved_encoders: dict[str, Path], family: str, layer: int
) -> None:
    spec = spec_of(saved_encoders[family], pooling="cls", trainable_layers=1)
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    assert isinstance(stack, TransformerStack)
    inputs, is_token_BT = inputs_of(stack)
    below_BTH = stack.below(layer)(inputs, is_token_BT)
    first_BH = stack.above(layer).first_states([(below_BTH, is_token_BT)])
    assert torch.equal(first_BH, stack(inputs, is_token_BT)[:, 0])


@pytest.mark.parametrize("family", CUT)
def test_every_dropout_of_a_stack_is_the_quick_one_with_the_configurations_probability(
    saved_encoders: dict[str, Path], family: str
) -> None:
    spec = spec_of(saved_encoders[family])
    config = load_config(spec, 0)
    stack = load_stack(spec, config)
    library = hf.AutoModel.from_pretrained(spec.name)
    found, expected = (
        [part.p for part in model.modules() if isinstance(part, nn.Dropout)]
        for model in (stack, library)
    )
    assert sorted(found) == sorted(expected)
    assert not [part for part in stack.modules() if type(part) is nn.Dropout]


def test_mean_pooling_ignores_padding() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    is_token = torch.tensor([[True, True, False], [True, True, True]])
    assert pool(states, is_token, "mean").tolist() == [[2.0], [4.0]]
    assert pool(states, is_token, "cls").tolist() == [[1.0], [2.0]]
    assert pool(states, None, "mean")[1].tolist() == [4.0]
