"""A transformer text encoder as embedding, layers and final norm, to be cut where training starts.

Shapes: B titles, T tokens, H width.
"""

from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from morec.encoders.first_token import first_token_state


class TransformerStack(nn.Module):
    """Embedding (absent above a cut), transformer layers, final norm (absent below a cut)."""

    def __init__(
        self,
        embedding: nn.Module | None,
        layers: nn.ModuleList,
        final: nn.Module | None,
        *,
        is_causal: bool,
        width: int,
        dim: int,
    ) -> None:
        """Take the parts with H between the layers (``width``) and at the end (``dim``)."""
        super().__init__()
        self.embedding = embedding
        self.layers = layers
        self.final = final
        self.is_causal = is_causal
        self.width = width
        self.dim = dim

    def forward(
        self, inputs: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn token ids (B, T), or the states_BTH below a cut, into states_BTH.

        ``None`` says that there is no padding. Padding is on the right, where causal attention
        never looks, and is masked in the other kind. ``first_only`` leaves out all states but
        the first token's, (B, 1, H), and the work for them; BERT-like encoders only.
        """
        states_BTH = inputs if self.embedding is None else self.embedding(inputs)
        is_masked = is_token_BT is not None and not self.is_causal
        mask_B11T = is_token_BT[:, None, None, :] if is_token_BT is not None and is_masked else None
        layers = self.layers[:-1] if first_only else self.layers
        for layer in layers:
            states_BTH = layer(states_BTH, attention_mask=mask_B11T)
        if first_only:
            states_BTH = first_token_state(self.layers[-1], states_BTH, mask_B11T)
        return states_BTH if self.final is None else cast(Tensor, self.final(states_BTH))

    def below(self, layer: int) -> "TransformerStack":
        """The embedding and the first ``layer`` layers."""
        return TransformerStack(
            self.embedding,
            self.layers[:layer],
            None,
            is_causal=self.is_causal,
            width=self.width,
            dim=self.width,
        )

    def above(self, layer: int) -> "TransformerStack":
        """The rest: reads the states that ``below(layer)`` writes."""
        return TransformerStack(
            None,
            self.layers[layer:],
            self.final,
            is_causal=self.is_causal,
            width=self.width,
            dim=self.dim,
        )


class WholeEncoder(nn.Module):
    """An encoder of the transformers library that is not cut: it is frozen, or trains altogether.

    The library's own forward; padding is on the right, as in ``TransformerStack``.
    """

    def __init__(self, model: Any, dim: int) -> None:
        super().__init__()
        self.model = model
        self.dim = dim

    def forward(
        self, ids_BT: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn token ids into states_BTH, with ``first_only`` (B, 1, H)."""
        mask_BT = torch.ones_like(ids_BT) if is_token_BT is None else is_token_BT
        output = self.model(input_ids=ids_BT.long(), attention_mask=mask_BT.long())
        states_BTH = cast(Tensor, output.last_hidden_state)
        return states_BTH[:, :1] if first_only else states_BTH


def pool(states_BTH: Tensor, is_token_BT: Tensor | None, pooling: Literal["cls", "mean"]) -> Tensor:
    """The first token's state, or the mean over the tokens, shape (B, H)."""
    if pooling == "cls":
        return states_BTH[:, 0]
    if is_token_BT is None:
        return states_BTH.mean(1)
    weights_BT1 = is_token_BT[:, :, None].to(states_BTH.dtype)
    return (states_BTH * weights_BT1).sum(1) / weights_BT1.sum(1)
