"""The attention that transformers' layers run here is the library's, with our masks of dropout."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoModel, BertConfig
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from morec.dropout import dropout
from morec.encoders.text.library_attention import LIBRARY_ATTENTION, library_attention

B, A, T, K = 2, 4, 3, 5
MASK = torch.tensor([[True, True, False], [True, True, True]])[:, None, None]


def heads(num_key_heads: int = A) -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    sizes = (A, num_key_heads, num_key_heads)
    query, key, value = (torch.randn(B, size, T, K, dtype=torch.double) for size in sizes)
    return query, key, value


def module(**facts: Any) -> nn.Module:
    made = nn.Module()
    made.__dict__.update(facts)
    return made


def test_without_dropout_it_is_the_librarys() -> None:
    given = (module(is_causal=False), *heads(), MASK)
    found, weights = library_attention(*given, scaling=0.3)
    expected, _ = sdpa_attention_forward(*given, scaling=0.3)
    assert weights is None
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("facts", "options"),
    [
        ({"is_causal": False}, {}),
        ({"is_causal": True}, {}),
        ({}, {"is_causal": False}),
        ({}, {"is_causal": None, "position_bias": None}),
    ],
)
def test_dropout_acts_on_the_weights_at_the_asked_scale_where_a_mask_says_all(
    facts: dict[str, Any], options: dict[str, Any]
) -> None:
    query, key, value = heads()
    given = (module(**facts), query, key, value, MASK)
    torch.manual_seed(1)
    found, _ = library_attention(*given, dropout=0.4, scaling=0.3, **options)
    torch.manual_seed(1)
    factors = dropout(torch.ones(B, A, T, T, dtype=torch.double), 0.4)
    scores = (query @ key.transpose(2, 3) * 0.3).masked_fill(~MASK, float("-inf"))
    expected = ((scores.softmax(-1) * factors) @ value).transpose(1, 2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("facts", "num_key_heads", "mask", "options"),
    [
        ({"is_causal": True}, A, None, {}),
        ({"is_causal": False}, A, None, {"is_causal": True}),
        ({}, A, None, {}),
        ({"is_causal": False}, A, MASK, {"position_bias": torch.ones(1, A, T, T).double()}),
        ({"is_causal": False, "num_key_value_groups": 2}, A // 2, MASK, {}),
    ],
    ids=["causal layer", "causal call", "nothing said", "bias by position", "shared keys"],
)
def test_what_ours_does_not_know_stays_the_librarys(
    facts: dict[str, Any], num_key_heads: int, mask: Tensor | None, options: dict[str, Any]
) -> None:
    given = (module(**facts), *heads(num_key_heads), mask)
    found = []
    for compute in (library_attention, sdpa_attention_forward):
        torch.manual_seed(2)
        found.append(compute(*given, dropout=0.4, **options)[0])
    assert torch.equal(*found)


@torch.no_grad()
def test_a_model_can_ask_for_it_by_its_name() -> None:
    config = BertConfig(
        vocab_size=9,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=8,
        initializer_range=0.5,
    )
    model = AutoModel.from_config(config, attn_implementation="sdpa").eval()
    same = AutoModel.from_config(config, attn_implementation=LIBRARY_ATTENTION).eval()
    same.load_state_dict(model.state_dict())
    ids_BT = torch.tensor([[1, 2, 0], [3, 4, 5]])
    states = [one(ids_BT, attention_mask=MASK[:, 0, 0].long())[0] for one in (model, same)]
    assert torch.equal(*states)
    # What is hidden is not seen.
    ids_BT[0, 2] = 7
    other = same(ids_BT, attention_mask=MASK[:, 0, 0].long())[0]
    assert torch.equal(other[0, :2], states[1][0, :2])
