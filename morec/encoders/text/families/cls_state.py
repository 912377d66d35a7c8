"""The last layer of a BERT-like encoder where only the first token's state is read.

CLS pooling reads no other token's last state. The layer needs keys and values of all tokens, but
its query, output and feed-forward part of the first only. The numbers are the same.
Shapes: B titles, T tokens, A attention heads, K width of one, H = A * K.
"""

from typing import Any, cast

import torch.nn.functional as F
from torch import Tensor


def first_token_state(layer: Any, states_BTH: Tensor, mask_B11T: Tensor | None) -> Tensor:
    """The state of token 0 after a ``BertLayer`` of transformers, or one like it, (B, 1, H)."""
    attention = layer.attention.self
    first_B1H = states_BTH[:, :1]
    query, key, value = (
        project(states).unflatten(-1, (attention.num_attention_heads, -1)).transpose(1, 2)
        for project, states in (
            (attention.query, first_B1H),
            (attention.key, states_BTH),
            (attention.value, states_BTH),
        )
    )
    context_BA1K = F.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask_B11T,
        dropout_p=attention.dropout.p if attention.training else 0.0,
    )
    attended_B1H = layer.attention.output(context_BA1K.transpose(1, 2).flatten(-2), first_B1H)
    return cast(Tensor, layer.feed_forward_chunk(attended_B1H))
