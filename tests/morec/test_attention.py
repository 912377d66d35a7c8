"""Attention with dropout is torch's formula with the masks that ``dropout`` draws."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from morec.attention import attention
from morec.dropout import dropout

B, A, Q, T, K = 2, 3, 4, 5, 6


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    sizes = ((B, A, Q, K), (B, A, T, K), (B, A, T, K))
    query, key, value = (torch.randn(size, dtype=torch.double) for size in sizes)
    return query, key, value


def masks() -> dict[str, Tensor | None]:
    is_seen = torch.rand(B, 1, Q, T) < 0.6
    is_seen[..., 0] = True
    return {"none": None, "bool": is_seen, "added": torch.where(is_seen, 0.0, -1e9).double()}


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("mask", ["none", "bool", "added"])
def test_without_dropout_it_is_torchs(mask: str, scale: float | None) -> None:
    found = attention(*inputs(), mask=masks()[mask], dropout_p=0.0, scale=scale)
    expected = F.scaled_dot_product_attention(*inputs(), attn_mask=masks()[mask], scale=scale)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("scale", [None, 0.7])
@pytest.mark.parametrize("mask", ["none", "bool", "added"])
def test_with_dropout_the_weights_are_dropped_behind_the_softmax(
    mask: str, scale: float | None
) -> None:
    seen = masks()[mask]
    query, key, value = inputs()
    torch.manual_seed(5)
    found = attention(query, key, value, mask=seen, dropout_p=0.4, scale=scale)
    torch.manual_seed(5)
    factors = dropout(torch.ones(B, A, Q, T, dtype=torch.double), 0.4)
    # Values that are the identity give the weights of torch's own attention.
    eye = torch.eye(T, dtype=torch.double).expand(B, A, T, T)
    weights = F.scaled_dot_product_attention(query, key, eye, attn_mask=seen, scale=scale)
    torch.testing.assert_close(found, (weights * factors) @ value, rtol=0, atol=1e-14)
    assert (factors == 0).any()
