"""The first token's state against transformers' own layer."""

import torch
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from morec.encoders.text.families.cls_state import first_token_state


def bert_layer(p: float) -> BertLayer:
    config = BertConfig(
        hidden_size=8,
        num_attention_heads=2,
        intermediate_size=16,
        hidden_dropout_prob=p,
        attention_probs_dropout_prob=p,
        attn_implementation="sdpa",
    )
    return BertLayer(config).double()


def test_the_first_tokens_state_is_that_of_the_whole_layer_without_masked_keys() -> None:
    layer, states_BTH = bert_layer(0.5).eval(), torch.randn(3, 4, 8).double()
    mask_B11T = torch.zeros(3, 1, 1, 4).double()
    mask_B11T[1, ..., 2:] = -torch.inf
    expected = layer(states_BTH, attention_mask=mask_B11T.expand(-1, -1, 4, -1))
    expected = expected[0] if isinstance(expected, tuple) else expected
    found = first_token_state(layer, states_BTH, mask_B11T)
    torch.testing.assert_close(found, expected[:, :1], rtol=0, atol=1e-12)


def test_dropout_stands_where_the_layer_has_it() -> None:
    """Of a title of one token, both draw the same masks from one seed."""
    layer, states_B1H = bert_layer(0.5).train(), torch.randn(50, 1, 8).double()
    states = []
    for compute in (layer, lambda states: first_token_state(layer, states, None)):
        torch.manual_seed(1)
        made = compute(states_B1H)
        states.append(made[0] if isinstance(made, tuple) else made)
    torch.testing.assert_close(*states, rtol=0, atol=1e-12)
