"""A transformer text encoder as embedding, layers and final norm, to be cut where training starts.

Shapes: B titles, T tokens, P tokens of all titles, H width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from morec.encoders.text.token_embedding import TokenTable


@dataclass(frozen=True)
class Architecture:
    """What a stack has to know about the kind of transformer its layers come from."""

    width: int
    """H between the layers."""
    dim: int
    """H after the final norm; the same as ``width`` where there is none."""
    is_causal: bool = False
    """Whether a token attends to earlier tokens only."""
    first_position: int = 0
    """``position_ids`` of a title's first token."""
    first_token_state: Callable[[nn.Module, Tensor, Tensor | None], Tensor] | None = None
    """Computes the first token's state alone, (B, 1, H), from the last layer, the states_BTH below
    it and its mask_B11T. Without it the whole layer runs."""


class TransformerStack(nn.Module):
    """Embedding (absent above a cut), transformer layers, final norm (absent below a cut)."""

    def __init__(
        self,
        embedding: nn.Module | None,
        *,
        layers: nn.ModuleList,
        final: nn.Module | None,
        architecture: Architecture,
    ) -> None:
        """Take the parts; the embedding is called with ``input_ids`` and ``position_ids``."""
        super().__init__()
        self.embedding = embedding
        self.layers = layers
        self.final = final
        self.architecture = architecture
        self.width = architecture.width
        self.dim = architecture.width if final is None else architecture.dim

    def embed(self, values: Tensor, slots_P: Tensor) -> Tensor:
        """States_PH of token ids_P, at slots_P of their titles; above a cut they are states."""
        if self.embedding is None:
            return values
        first_position = self.architecture.first_position
        positions_1P = (first_position + slots_P.to(values.device))[None]
        states_1PH = self.embedding(input_ids=values.long()[None], position_ids=positions_1P)
        return cast(Tensor, states_1PH[0])

    def keep_tokens(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Drop token vectors that train and that no title reads; return the ids of those kept."""
        assert self.embedding is not None
        tables = [part for part in self.embedding.modules() if isinstance(part, TokenTable)]
        is_trained = [table for table in tables if table.weight.requires_grad]
        return is_trained[0].keep(ids_P) if is_trained else ids_P

    def forward(
        self, states_BTH: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn what ``embed`` gave, padded, into states_BTH.

        ``None`` says that there is no padding. Padding is on the right. Causal attention never
        looks there; other attention masks it. ``first_only`` returns the first token's state
        alone, (B, 1, H).
        """
        is_masked = is_token_BT is not None and not self.architecture.is_causal
        mask_B11T = is_token_BT[:, None, None, :] if is_token_BT is not None and is_masked else None
        alone = self.architecture.first_token_state if first_only else None
        for layer in self.layers if alone is None else self.layers[:-1]:
            states_BTH = layer(states_BTH, attention_mask=mask_B11T)
        if alone is not None:
            states_BTH = alone(self.layers[-1], states_BTH, mask_B11T)
        if first_only:
            states_BTH = states_BTH[:, :1]
        return states_BTH if self.final is None else cast(Tensor, self.final(states_BTH))

    def below(self, layer: int) -> "TransformerStack":
        """The embedding and the first ``layer`` layers."""
        return TransformerStack(
            self.embedding,
            layers=self.layers[:layer],
            final=None,
            architecture=self.architecture,
        )

    def above(self, layer: int) -> "TransformerStack":
        """The rest: reads the states that ``below(layer)`` writes."""
        return TransformerStack(
            None, layers=self.layers[layer:], final=self.final, architecture=self.architecture
        )


class WholeEncoder(nn.Module):
    """An encoder of the transformers library that is not cut: it is frozen, or all of it trains.

    The library's own forward; padding is on the right, as in ``TransformerStack``.
    """

    def __init__(self, model: Any, dim: int) -> None:
        super().__init__()
        self.model = model
        self.dim = dim

    def embed(self, ids_P: Tensor, slots_P: Tensor) -> Tensor:
        """The ids unchanged: the library's forward embeds them."""
        return ids_P

    def keep_tokens(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Keep all token vectors: the library's forward reads the padding's, too."""
        return ids_P

    def forward(
        self, ids_BT: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn token ids into states_BTH, with ``first_only`` (B, 1, H)."""
        states_BTH = cast(Tensor, self.run(ids_BT, is_token_BT).last_hidden_state)
        return states_BTH[:, :1] if first_only else states_BTH

    def run(self, ids_BT: Tensor, is_token_BT: Tensor | None, **options: bool) -> Any:
        """What the library's forward gives, with ``options`` of its own."""
        mask_BT = torch.ones_like(ids_BT) if is_token_BT is None else is_token_BT
        return self.model(input_ids=ids_BT.long(), attention_mask=mask_BT.long(), **options)


def pool(states_BTH: Tensor, is_token_BT: Tensor | None, pooling: Literal["cls", "mean"]) -> Tensor:
    """The first token's state, or the mean over the tokens, shape (B, H)."""
    if pooling == "cls":
        return states_BTH[:, 0]
    if is_token_BT is None:
        return states_BTH.mean(1)
    weights_BT1 = is_token_BT[:, :, None].to(states_BTH.dtype)
    return (states_BTH * weights_BT1).sum(1) / weights_BT1.sum(1)
