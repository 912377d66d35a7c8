"""Attention with dropout of its weights, quick on a CPU too.

Shapes: B sequences, A heads, Q queries, T keys, K width of a head.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from morec.dropout import dropout


def attention(
    query_BAQK: Tensor,
    key_BATK: Tensor,
    value_BATK: Tensor,
    *,
    mask: Tensor | None,
    dropout_p: float,
    scale: float | None = None,
) -> Tensor:
    """What torch's ``scaled_dot_product_attention`` gives, (B, A, Q, K).

    ``mask``: True for a key that is seen, or added to the scores. With dropout torch's has no fast
    path on a CPU and draws slow masks.
    """
    if dropout_p == 0 or query_BAQK.device.type != "cpu":
        return F.scaled_dot_product_attention(
            query_BAQK, key_BATK, value_BATK, attn_mask=mask, dropout_p=dropout_p, scale=scale
        )
    scale = query_BAQK.shape[-1] ** -0.5 if scale is None else scale
    if scale != 1:
        query_BAQK = query_BAQK * scale
    scores_BAQT = query_BAQK @ key_BATK.transpose(-1, -2)
    if mask is not None:
        scores_BAQT = masked(scores_BAQT, mask)
    return dropout(scores_BAQT.softmax(-1), dropout_p) @ value_BATK


def masked(scores: Tensor, mask: Tensor) -> Tensor:
    """Scores after a mask: -inf where a boolean one is False, the sum with any other."""
    if mask.dtype == torch.bool:
        return scores.masked_fill(~mask, float("-inf"))
    return scores + mask
