"""The first tokens' states, with dropout of the attention's weights on."""

import pytest
import torch
from torch import Tensor
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from morec.dropout import dropout, quick_dropout
from morec.encoders.text.families.cls_state import first_token_states

B, T, A, H = 5, 4, 3, 12
DROPPED = 0.4


def bert_layer(*, hidden_p: float, attention_p: float) -> BertLayer:
    """One of the library's in fp64, biases and all, with these probabilities of dropout."""
    config = BertConfig(
        hidden_size=H,
        num_attention_heads=A,
        intermediate_size=7,
        hidden_dropout_prob=hidden_p,
        attention_probs_dropout_prob=attention_p,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    made = BertLayer(config).double().train()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return made


def by_keys_and_values(one: BertLayer, states_BTH: Tensor, mask_B11T: Tensor | None) -> Tensor:
    """The textbook's way: a key and a value of every token, the same masks."""
    attention = one.attention.self
    query, key, value = (
        project(states).view(B, -1, A, H // A).transpose(1, 2)
        for project, states in (
            (attention.query, states_BTH[:, :1]),
            (attention.key, states_BTH),
            (attention.value, states_BTH),
        )
    )
    scores_BA1T = query @ key.transpose(2, 3) / (H // A) ** 0.5
    if mask_B11T is not None:
        scores_BA1T = scores_BA1T.masked_fill(~mask_B11T, float("-inf"))
    factors_BAT = dropout(torch.ones(B, A, T, dtype=torch.double), DROPPED)
    context = (scores_BA1T.softmax(-1) * factors_BAT[:, :, None]) @ value
    attended = one.attention.output(context.transpose(1, 2).flatten(2), states_BTH[:, :1])
    return one.feed_forward_chunk(attended)[:, 0]


@pytest.mark.parametrize("is_padded", [True, False])
def test_value_and_gradient_are_those_of_every_tokens_key_and_value(is_padded: bool) -> None:
    one = bert_layer(hidden_p=0.0, attention_p=DROPPED)
    quick_dropout(one)
    states_BTH = torch.randn(B, T, H, dtype=torch.double, requires_grad=True)
    lengths_B = torch.tensor([4, 1, 3, 2, 4])
    mask = (torch.arange(T) < lengths_B[:, None])[:, None, None] if is_padded else None
    weights = [states_BTH, *one.parameters()]
    found = []
    for compute in (
        lambda: first_token_states(one, [(states_BTH, mask)]),
        lambda: by_keys_and_values(one, states_BTH, mask),
    ):
        torch.manual_seed(7)
        state_BH = compute()
        found.append([state_BH, *torch.autograd.grad(state_BH.sin().sum(), weights)])
    for ours, expected in zip(*found, strict=True):
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-12)


def test_the_first_tokens_state_is_that_of_the_whole_layer_without_masked_keys() -> None:
    layer = bert_layer(hidden_p=0.5, attention_p=0.5).eval()
    states_BTH = torch.randn(3, T, H, dtype=torch.double)
    mask_B11T = torch.zeros(3, 1, 1, T).double()
    mask_B11T[1, ..., 2:] = -torch.inf
    expected = layer(states_BTH, attention_mask=mask_B11T.expand(-1, -1, T, -1))
    expected = expected[0] if isinstance(expected, tuple) else expected
    found_BH = first_token_states(layer, [(states_BTH, mask_B11T)])
    torch.testing.assert_close(found_BH, expected[:, 0], rtol=0, atol=1e-12)


def test_dropout_stands_where_the_layer_has_it() -> None:
    """Of a title of one token, both draw the same masks from one seed."""
    layer = bert_layer(hidden_p=0.5, attention_p=0.5)
    states_B1H = torch.randn(50, 1, H, dtype=torch.double)
    states = []
    for compute in (layer, lambda states: first_token_states(layer, [(states, None)])):
        torch.manual_seed(1)
        made = compute(states_B1H)
        states.append((made[0] if isinstance(made, tuple) else made).view(50, H))
    torch.testing.assert_close(*states, rtol=0, atol=1e-12)
