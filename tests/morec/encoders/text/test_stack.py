"""A stack is the same whole, cut in two, and for its first token alone; what is pooled."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers as hf

from morec.encoders.text.stack import TransformerStack, pool
from tests.morec.encoders.conftest import CUT, WHOLE
from tests.morec.encoders.text.stacks import batch, inputs_of, stack_of, titles


@pytest.mark.parametrize("family", ["opt", "mpnet", *WHOLE])
def test_the_stack_computes_what_the_library_computes(
    saved_encoders: dict[str, Path], family: str
) -> None:
    _, is_token_BT = batch()
    stack = stack_of(saved_encoders[family])
    reference = hf.AutoModel.from_pretrained(saved_encoders[family]).double().eval()
    expected = [reference(ids[None, :length]).last_hidden_state[0] for ids, length in titles()]
    inputs, _ = inputs_of(stack)
    found = stack(inputs, is_token_BT)
    torch.testing.assert_close(found[is_token_BT], torch.cat(expected), rtol=0, atol=1e-12)
    assert stack.dim == found.shape[2]
    alone = stack(inputs[1:2], None)
    torch.testing.assert_close(alone[0], found[1], rtol=0, atol=1e-12)
    groups = [(inputs[:3], is_token_BT[:3]), (inputs[3:, :6], None)]
    torch.testing.assert_close(stack.first_states(groups), found[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("family", CUT)
@pytest.mark.parametrize("layer", [0, 1, 3])
def test_below_and_above_a_cut_are_the_whole(
    saved_encoders: dict[str, Path], family: str, layer: int
) -> None:
    stack = stack_of(saved_encoders[family])
    inputs, is_token_BT = inputs_of(stack.below(layer))
    states_BTH = stack.below(layer)(inputs, is_token_BT)
    above = stack.above(layer)
    assert above.embed(states_BTH, torch.arange(0)) is states_BTH
    assert torch.equal(above(states_BTH, is_token_BT), stack(inputs, is_token_BT))


@pytest.mark.parametrize("family", ["distilbert", "deberta-v2", "modernbert"])
@pytest.mark.parametrize("layer", [0, 2])
def test_cls_pooling_runs_the_whole_last_layer_of_a_family_without_a_shortcut(
    saved_encoders: dict[str, Path], family: str, layer: int
) -> None:
    stack = stack_of(saved_encoders[family])
    assert isinstance(stack, TransformerStack)
    inputs, is_token_BT = inputs_of(stack)
    below_BTH = stack.below(layer)(inputs, is_token_BT)
    first_BH = stack.above(layer).first_states([(below_BTH, is_token_BT)])
    assert torch.equal(first_BH, stack(inputs, is_token_BT)[:, 0])


def test_the_parts_of_a_cut_have_their_own_width_embedding_and_final_norm(
    saved_encoders: dict[str, Path],
) -> None:
    """OPT's token vectors, and what it gives behind its projection, are 6 numbers wide."""
    stack = stack_of(saved_encoders["opt"])
    assert isinstance(stack, TransformerStack)
    below, above = stack.below(2), stack.above(2)
    assert (stack.dim, below.dim, above.dim) == (6, 8, 6)
    assert (stack.width, below.width, above.width) == (8, 8, 8)
    assert list(below.layers) == list(stack.layers)[:2]
    assert list(above.layers) == list(stack.layers)[2:]
    assert (below.embedding, below.final) == (stack.embedding, None)
    assert (above.embedding, above.final) == (None, stack.final)


def test_what_layers_share_is_the_stacks_own_below_a_cut_and_a_frozen_copy_above(
    saved_encoders: dict[str, Path],
) -> None:
    stack = stack_of(saved_encoders["mpnet"])
    assert isinstance(stack, TransformerStack)
    above, own = stack.above(1), dict(stack.architecture.named_parameters())
    assert stack.below(1).architecture is stack.architecture
    copies = dict(above.architecture.named_parameters())
    assert copies.keys() == own.keys() != set()
    for name, copy in copies.items():
        assert torch.equal(copy, own[name])
        assert copy is not own[name]
        assert (copy.requires_grad, own[name].requires_grad) == (False, True)
    assert not any(name.startswith("architecture") for name in above.state_dict())
    assert any(name.startswith("architecture") for name in stack.state_dict())


def test_token_vectors_that_train_are_kept_where_a_title_reads_them(
    saved_encoders: dict[str, Path],
) -> None:
    ids_P = np.array([7, 30, 7, 5])
    stack, whole = stack_of(saved_encoders["bert"]), stack_of(saved_encoders["electra"])
    assert isinstance(stack, TransformerStack)
    words = stack.embedding.word_embeddings
    before, slots_P = words.weight.detach().clone(), torch.arange(4)
    expected = stack.embed(torch.from_numpy(ids_P), slots_P)
    words.weight.requires_grad_(False)
    assert stack.keep_tokens(ids_P) is ids_P
    words.weight.requires_grad_(True)
    kept_P = stack.keep_tokens(ids_P)
    assert kept_P.tolist() == [1, 2, 1, 0]
    assert torch.equal(words.weight, before[[5, 7, 30]])
    assert torch.equal(stack.embed(torch.from_numpy(kept_P), slots_P), expected)
    assert whole.keep_tokens(ids_P) is ids_P


def test_pooling_ignores_padding() -> None:
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[2.0], [4.0], [6.0]]])
    is_token = torch.tensor([[True, True, False], [True, True, True]])
    assert pool(states, is_token, "mean").tolist() == [[2.0], [4.0]]
    assert pool(states, is_token, "cls").tolist() == [[1.0], [2.0]]
    assert pool(states, is_token, "last").tolist() == [[3.0], [6.0]]
    assert pool(states, None, "mean").tolist() == [[pytest.approx(104 / 3)], [4.0]]
    assert pool(states, None, "last").tolist() == [[100.0], [6.0]]
