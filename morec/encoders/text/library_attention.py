"""The attention that transformers' layers run here: the library's own, quicker with dropout.

Shapes: B titles, A attention heads, T tokens, K width of a head.
"""

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from morec.attention import attention

LIBRARY_ATTENTION = "morec"
"""The name by which ``attn_implementation`` asks for it."""


def library_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention as ``sdpa_attention_forward`` of transformers, whose arguments these are.

    What ``morec.attention`` does not know stays the library's: heads that share keys, a bias by
    position, a causal order that no mask says. Gives (B, T, A, K), and no weights.
    """
    asked = options.get("is_causal")
    is_causal = getattr(module, "is_causal", True) if asked is None else asked
    is_special = (
        key.shape[1] != query.shape[1]
        or options.get("position_bias") is not None
        or (is_causal and attention_mask is None)
    )
    dropout_p = options.get("dropout", 0.0)
    if dropout_p == 0 or is_special:
        given = (module, query, key, value, attention_mask)
        attended: tuple[Tensor, None] = sdpa_attention_forward(*given, **options)
        return attended
    heads_BATK = attention(
        query, key, value, mask=attention_mask, dropout_p=dropout_p, scale=options.get("scaling")
    )
    return heads_BATK.transpose(1, 2).contiguous(), None


AttentionInterface.register(LIBRARY_ATTENTION, library_attention)
AttentionMaskInterface.register(LIBRARY_ATTENTION, sdpa_mask)
