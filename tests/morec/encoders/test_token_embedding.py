"""Token vectors that no title reads are dropped, and no number changes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from morec import cost
from morec.config import TextSpec
from morec.encoders.text.transformer import load_config, load_stack
from morec.encoders.token_embedding import TokenTable

IDS = np.array([7, 2, 7, 5, 2])


def table(padding_idx: int | None = None) -> nn.Embedding:
    return nn.Embedding(9, 3, padding_idx=padding_idx)


def test_kept_vectors_are_read_by_their_new_rows() -> None:
    whole = table()
    kept = TokenTable.of(whole)
    rows = kept.keep(IDS)
    assert kept.weight.shape == (3, 3)
    assert torch.equal(kept(torch.from_numpy(rows)), whole(torch.from_numpy(IDS)))


@pytest.mark.parametrize(("padding", "expected"), [(5, 1), (0, None), (None, None)])
def test_the_padding_vector_keeps_having_no_gradient(
    padding: int | None, expected: int | None
) -> None:
    kept = TokenTable.of(table(padding))
    rows = kept.keep(IDS)
    assert kept.padding_idx == expected
    kept(torch.from_numpy(rows)).sum().backward()
    assert kept.weight.grad is not None
    is_still = (kept.weight.grad == 0).all(dim=1)
    assert is_still.nonzero().flatten().tolist() == ([] if expected is None else [expected])


@pytest.mark.parametrize("steps", [1, 3])
def test_training_moves_kept_vectors_as_it_moves_those_of_the_whole_table(steps: int) -> None:
    """AdamW with weight decay, against the whole table: the same vectors, to the bit."""
    whole = table()
    kept = TokenTable.of(nn.Embedding.from_pretrained(whole.weight.detach().clone()))
    rows = torch.from_numpy(kept.keep(IDS))
    for part, ids in ((whole, torch.from_numpy(IDS)), (kept, rows)):
        optimizer = torch.optim.AdamW(part.parameters(), lr=0.1, weight_decay=0.3, fused=True)
        for _ in range(steps):
            optimizer.zero_grad()
            part(ids).square().sum().backward()
            optimizer.step()
    assert torch.equal(kept(rows), whole(torch.from_numpy(IDS)))


@pytest.mark.parametrize("family", ["bert", "roberta", "opt"])
def test_a_stack_drops_what_no_title_reads_and_its_parameters_still_count(
    saved_encoders: dict[str, Path], family: str
) -> None:
    spec = TextSpec.model_validate({"name": str(saved_encoders[family]), "pooling": "mean"})
    stack: Any = load_stack(spec, load_config(spec, 0)).double().eval()
    before, counted = list(stack.parameters()), cost.count_parameters(stack)
    slots = torch.arange(len(IDS))
    expected = stack.embed(torch.from_numpy(IDS), slots)
    rows = stack.keep_tokens(IDS)
    assert torch.equal(stack.embed(torch.from_numpy(rows), slots), expected)
    assert sum(p.numel() for p in stack.parameters()) < sum(p.numel() for p in before)
    assert cost.count_parameters(stack) == counted


def test_frozen_token_vectors_all_stay(saved_encoders: dict[str, Path]) -> None:
    spec = TextSpec.model_validate({"name": str(saved_encoders["bert"]), "pooling": "mean"})
    stack: Any = load_stack(spec, load_config(spec, 0)).requires_grad_(False)
    assert stack.keep_tokens(IDS) is IDS


class Scaled(nn.Embedding):
    """As Gemma has it."""

    def __init__(self) -> None:
        super().__init__(9, 3)
        self.register_buffer("embed_scale", torch.tensor(2.5, dtype=torch.float64))


def test_vectors_are_scaled_as_the_embedding_scales_them() -> None:
    scaled = Scaled()
    kept = TokenTable.of(scaled)
    ids = torch.tensor([[7, 2], [5, 7]])
    found = kept(ids)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, scaled.weight[ids] * 2.5)
    assert list(kept.state_dict()) == ["weight"]


def test_what_was_dropped_is_counted() -> None:
    kept = TokenTable.of(table())
    assert kept.weight.requires_grad
    assert kept.num_left_out == 0
    kept.keep(IDS)
    assert kept.num_left_out == (9 - 3) * 3
    assert kept.num_embeddings == 3
