"""A stack computes what the library computes, whole, cut in two, or its first token alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf

from morec.config import TextSpec
from morec.encoders.tables import padded
from morec.encoders.text.stack import Architecture, TransformerStack, WholeEncoder, pool
from morec.encoders.text.transformer import CUT as STACKS
from morec.encoders.text.transformer import load_config, load_stack

LENGTHS = (3, 9, 1, 6)
CUT = ("bert", "roberta", "opt")
WHOLE = ("distilbert", "mpnet", "electra", "deberta", "deberta-v2", "gpt2")


def spec_of(folder: Path, **changes: Any) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), "pooling": "mean", **changes})


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    is_token_BT = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    ids_BT = torch.randint(4, 100, is_token_BT.shape, generator=torch.Generator().manual_seed(1))
    return ids_BT * is_token_BT, is_token_BT


def inputs_of(stack: TransformerStack | WholeEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """What the stack reads of the batch: embedded without padding, then padded."""
    ids_BT, is_token_BT = batch()
    slots_BT = torch.arange(max(LENGTHS)).expand_as(ids_BT)
    return padded(stack.embed(ids_BT[is_token_BT], slots_BT[is_token_BT]), is_token_BT), is_token_BT


@pytest.mark.parametrize("family", [*CUT, *WHOLE])
def test_the_stack_computes_what_the_library_computes(
    saved_encoders: dict[str, Path], family: str
) -> None:
    ids_BT, is_token_BT = batch()
    spec = spec_of(saved_encoders[family])
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    reference = hf.AutoModel.from_pretrained(spec.name, dtype=torch.float64).eval()
    expected = reference(ids_BT, attention_mask=is_token_BT.long()).last_hidden_state
    found = stack(*inputs_of(stack))
    assert torch.allclose(found[is_token_BT], expected[is_token_BT], rtol=0, atol=1e-12)
    assert (expected[0, 0] - expected[1, 0]).abs().max() > 1e-2 or family in ("opt", "gpt2")


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
    first_B1H = stack(inputs, mask, first_only=True)
    assert first_B1H.shape == (len(inputs), 1, stack.dim)
    torch.testing.assert_close(first_B1H[:, 0], whole_BH, rtol=0, atol=1e-12)
    weights = list(stack.layers.parameters())
    wanted = torch.autograd.grad(whole_BH.square().sum(), weights)
    found = torch.autograd.grad(first_B1H.square().sum(), weights)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def distilbert_stack(model: Any) -> TransformerStack:
    """DistilBERT calls its projections ``q_lin``, ``k_lin``, ``v_lin`` and its norms otherwise."""
    return TransformerStack(
        model.embeddings,
        layers=model.transformer.layer,
        final=None,
        architecture=Architecture(width=model.config.dim, dim=model.config.dim),
    )


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_cls_pooling_runs_the_whole_last_layer_of_a_family_that_names_no_shortcut(
    saved_encoders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, layer: int
) -> None:
    monkeypatch.setitem(STACKS, "distilbert", distilbert_stack)
    spec = spec_of(saved_encoders["distilbert"], pooling="cls", trainable_layers=1)
    stack = load_stack(spec, load_config(spec, 0)).double().eval()
    assert isinstance(stack, TransformerStack)
    inputs, is_token_BT = inputs_of(stack)
    below_BTH = stack.below(layer)(inputs, is_token_BT)
    first_B1H = stack.above(layer)(below_BTH, is_token_BT, first_only=True)
    assert torch.equal(first_B1H, stack(inputs, is_token_BT)[:, :1])


def test_mean_pooling_ignores_padding() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    is_token = torch.tensor([[True, True, False], [True, True, True]])
    assert pool(states, is_token, "mean").tolist() == [[2.0], [4.0]]
    assert pool(states, is_token, "cls").tolist() == [[1.0], [2.0]]
    assert pool(states, None, "mean")[1].tolist() == [4.0]
