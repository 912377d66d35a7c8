"""Every family's stack computes what the library computes, in values and gradients."""

import re
from collections.abc import Collection
from pathlib import Path

import pytest
import torch
import transformers as hf

from morec.encoders.text.families.table import CUT as TABLE
from tests.morec.encoders.conftest import CAUSAL, CUT
from tests.morec.encoders.text.stacks import batch, inputs_of, stack_of, titles

NOT_SAVED = {"camembert", "xlm-roberta"}
"""Kinds of the table that are RoBERTa under another name."""


def tolerance_of(family: str) -> float:
    """Gemma computes norms and probabilities in fp32, whatever its weights are in."""
    return 1e-5 if family.startswith("gemma") else 1e-12


def test_every_kind_of_the_table_is_compared_here() -> None:
    kinds = {family.split()[0] for family in CUT}
    assert kinds | NOT_SAVED == set(TABLE)


@pytest.mark.parametrize("kind", sorted(NOT_SAVED))
def test_a_roberta_under_another_name_computes_what_the_library_computes(
    saved_encoders: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    fields = hf.AutoConfig.from_pretrained(saved_encoders["roberta"]).to_dict()
    del fields["model_type"]
    config = hf.AutoConfig.for_model(kind, **fields)
    reference = hf.AutoModel.from_config(config).double().eval()
    reference.save_pretrained(tmp_path)
    stack = stack_of(tmp_path)
    expected = [reference(ids[None, :length]).last_hidden_state[0] for ids, length in titles()]
    inputs, is_token_BT = inputs_of(stack)
    found = stack(inputs, is_token_BT)[is_token_BT]
    torch.testing.assert_close(found, torch.cat(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", CUT)
def test_the_stack_computes_what_the_library_computes(
    saved_encoders: dict[str, Path], family: str
) -> None:
    _, is_token_BT = batch()
    stack = stack_of(saved_encoders[family])
    reference = hf.AutoModel.from_pretrained(saved_encoders[family]).double().eval()
    # One by one: Gemma 2 makes NaN of what is behind a window of padding.
    expected = [reference(ids[None, :length]).last_hidden_state[0] for ids, length in titles()]
    found = stack(*inputs_of(stack))
    torch.testing.assert_close(
        found[is_token_BT], torch.cat(expected), rtol=0, atol=tolerance_of(family)
    )
    assert found.isfinite().all()
    assert (found.shape[2], stack.width) == (stack.dim, 8)


@pytest.mark.parametrize("family", CUT)
def test_titles_of_one_length_need_no_mask(saved_encoders: dict[str, Path], family: str) -> None:
    stack = stack_of(saved_encoders[family])
    reference = hf.AutoModel.from_pretrained(saved_encoders[family]).double().eval()
    ids_BT = batch()[0][[1, 3], :6]
    slots_BT = torch.arange(6).expand(2, 6)
    inputs = stack.embed(ids_BT.flatten(), slots_BT.flatten()).view(2, 6, -1)
    expected = torch.cat([reference(ids_1T[None]).last_hidden_state for ids_1T in ids_BT])
    tolerance = tolerance_of(family)
    torch.testing.assert_close(stack(inputs, None), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("family", CUT)
def test_a_token_sees_later_tokens_unless_the_family_is_causal(
    saved_encoders: dict[str, Path], family: str
) -> None:
    stack = stack_of(saved_encoders[family])
    inputs, is_token_BT = inputs_of(stack)
    others = inputs.detach().clone()
    others[1, 2] += torch.arange(others.shape[2]).cos()
    changed = (stack(others, is_token_BT) - stack(inputs, is_token_BT)).abs() > 1e-9
    assert changed[1, 2].all()
    assert bool(changed[1, :2].any()) == (family not in CAUSAL)
    assert not changed[[0, 2, 3]].any()


@pytest.mark.parametrize("family", CUT)
def test_what_padding_holds_changes_nothing(saved_encoders: dict[str, Path], family: str) -> None:
    stack = stack_of(saved_encoders[family])
    inputs, is_token_BT = inputs_of(stack)
    other = torch.where(is_token_BT[:, :, None], inputs, torch.randn_like(inputs))
    found, expected = (stack(each, is_token_BT)[is_token_BT] for each in (other, inputs))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", CUT)
def test_layers_above_a_cut_have_the_gradients_that_the_library_gives_them(
    saved_encoders: dict[str, Path], family: str
) -> None:
    layer = 1
    stack = stack_of(saved_encoders[family])
    inputs, is_token_BT = inputs_of(stack)
    below_BTH = stack.below(layer)(inputs, is_token_BT).detach()
    above = stack.above(layer)
    reference = hf.AutoModel.from_pretrained(saved_encoders[family]).double().eval()
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


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_the_first_tokens_state_alone_is_the_whole_forwards_in_value_and_gradient(
    saved_encoders: dict[str, Path], name: str
) -> None:
    stack = stack_of(saved_encoders[name])
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
