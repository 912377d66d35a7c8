"""A transformer text encoder as embedding, layers and final norm, to be cut where training starts.

Shapes: B titles, T tokens, P tokens of all titles, H width.
"""

from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from morec.encoders.text.cls_state import first_token_state
from morec.encoders.text.token_embedding import TokenTable


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
        first_position: int = 0,
    ) -> None:
        """Take the parts with H between the layers (``width``) and at the end (``dim``).

        The embedding takes ``input_ids`` and ``position_ids``, which for a title's first token is
        ``first_position``.
        """
        super().__init__()
        self.embedding = embedding
        self.layers = layers
        self.final = final
        self.is_causal = is_causal
        self.width = width
        self.dim = dim
        self.first_position = first_position

    def embed(self, values: Tensor, slots_P: Tensor) -> Tensor:
        """States_PH of token ids_P at those slots of their titles; above a cut they are states."""
        if self.embedding is None:
            return values
        positions_1P = (self.first_position + slots_P.to(values.device))[None]
        states_1PH = self.embedding(input_ids=values.long()[None], position_ids=positions_1P)
        return cast(Tensor, states_1PH[0])

    def keep_tokens(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Drop the token vectors that train and that no title reads; return the ids anew."""
        assert self.embedding is not None
        tables = [part for part in self.embedding.modules() if isinstance(part, TokenTable)]
        is_trained = [table for table in tables if table.weight.requires_grad]
        return is_trained[0].keep(ids_P) if is_trained else ids_P

    def forward(
        self, states_BTH: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn what ``embed`` gave, padded, into states_BTH.

        ``None`` says that there is no padding. Padding is on the right, where causal attention
        never looks, and is masked in the other kind. ``first_only`` leaves out all states but
        the first token's, (B, 1, H), and the work for them; BERT-like encoders only.
        """
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
            first_position=self.first_position,
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

    def embed(self, ids_P: Tensor, slots_P: Tensor) -> Tensor:
        """The library's forward does it: the ids as they are."""
        return ids_P

    def keep_tokens(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """All token vectors stay: the library's forward looks the padding's up, too."""
        return ids_P

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
