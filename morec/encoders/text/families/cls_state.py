"""The last layer of a BERT-like encoder where only the first token's state is read.

CLS pooling reads no other token's last state: the query, the output and the feed-forward part of
the first token are enough. Nor does it need every token's key and value. A head's score of a token
is ``q . (W_key x + b_key) = (W_key^T q) . x + q . b_key``, and the sum of values with weights w is
``W_value (sum of w x) + (sum of w) b_value``: each title takes the products that each token took.
The numbers are the same.
Shapes: B titles of a group, N of all groups, T tokens, A attention heads, K width of one,
H = A * K.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from morec.attention import masked


def first_token_states(layer: Any, groups: Sequence[tuple[Tensor, Tensor | None]]) -> Tensor:
    """The states of token 0 after a ``BertLayer`` of transformers, or one like it, (N, H).

    A group is its padded states_BTH and the mask_B11T of its tokens; None: no padding.
    """
    attention = layer.attention.self
    first_NH = torch.cat([states_BTH[:, 0] for states_BTH, _ in groups])
    query_NAK = attention.query(first_NH).view(len(first_NH), attention.num_attention_heads, -1)
    moved_NAH, offset_NA1 = _moved_to_tokens(query_NAK, attention.key)
    sizes = [len(states_BTH) for states_BTH, _ in groups]
    queries = zip(torch.split(moved_NAH, sizes), torch.split(offset_NA1, sizes), strict=True)
    read = [
        _read(attention.dropout, *query, *group)
        for query, group in zip(queries, groups, strict=True)
    ]
    sums_NAH, totals_NA1 = (torch.cat(parts) for parts in zip(*read, strict=True))
    context_NH = _moved_from_tokens(sums_NAH, totals_NA1, attention.value)
    attended_NH = layer.attention.output(context_NH, first_NH)
    return cast(Tensor, layer.feed_forward_chunk(attended_NH))


def _moved_to_tokens(query_NAK: Tensor, key: nn.Linear) -> tuple[Tensor, Tensor]:
    """What a token's state is multiplied by, and what is added, for its scaled scores."""
    query_NAK = query_NAK * query_NAK.shape[-1] ** -0.5
    key_AKH = key.weight.view(*query_NAK.shape[1:], -1)
    moved_ANH = query_NAK.transpose(0, 1) @ key_AKH
    offset_NA1 = (query_NAK * key.bias.view(query_NAK.shape[1:])).sum(-1, keepdim=True)
    return moved_ANH.transpose(0, 1), offset_NA1


def _read(
    dropout: nn.Module,
    moved_BAH: Tensor,
    offset_BA1: Tensor,
    states_BTH: Tensor,
    mask_B11T: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The sums of a group's states with attention's weights, and the weights' totals."""
    scores_BAT = moved_BAH @ states_BTH.transpose(1, 2) + offset_BA1
    if mask_B11T is not None:
        scores_BAT = masked(scores_BAT, mask_B11T[:, 0])
    weights_BAT = dropout(scores_BAT.softmax(-1))
    return weights_BAT @ states_BTH, weights_BAT.sum(-1, keepdim=True)


def _moved_from_tokens(sums_NAH: Tensor, totals_NA1: Tensor, value: nn.Linear) -> Tensor:
    """The values' sums of sums of states, all heads joined: (N, H)."""
    num_heads = sums_NAH.shape[1]
    value_AHK = value.weight.view(num_heads, -1, sums_NAH.shape[2]).transpose(1, 2)
    context_NAK = (sums_NAH.transpose(0, 1) @ value_AHK).transpose(0, 1)
    return (context_NAK + totals_NA1 * value.bias.view(num_heads, -1)).flatten(1)
