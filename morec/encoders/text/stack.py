"""A transformer text encoder as embedding, layers and final norm, to be cut where training starts.

Shapes: B titles, T tokens, P tokens of all titles, H width.
"""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from morec.encoders.lora import leave_frozen_out_of_states
from morec.encoders.text.architecture import Architecture
from morec.encoders.token_embedding import TokenTable
from morec.placement import beside

Padded = tuple[Tensor, Tensor | None]
"""Titles padded on the right to one length, (B, T, ...), and is_token_BT; None: no padding."""


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
        positions_1P = (first_position + beside(slots_P, values))[None]
        states_1PH = self.embedding(input_ids=values.long()[None], position_ids=positions_1P)
        return cast(Tensor, states_1PH[0])

    def keep_tokens(self, ids_P: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
        """Drop token vectors that train and that no title reads; return the ids of those kept."""
        assert self.embedding is not None
        tables = [part for part in self.embedding.modules() if isinstance(part, TokenTable)]
        is_trained = [table for table in tables if table.weight.requires_grad]
        return is_trained[0].keep(ids_P) if is_trained else ids_P

    def forward(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> Tensor:
        """Turn what ``embed`` gave, padded, into states_BTH.

        ``None`` says that there is no padding. Padding is on the right.
        """
        return self._finished(self._run(self.layers, states_BTH, is_token_BT)[0])

    def first_states(self, groups: Iterable[Padded]) -> Tensor:
        """The first tokens' states alone, (N, H), of titles in groups of similar length.

        Only the attention of the last layer runs group by group.
        """
        states = [self._run(self.layers[:-1], *group) for group in groups]
        return self._finished(self.architecture.first_states(self.layers[-1], states))

    def _run(
        self, layers: Iterable[nn.Module], states_BTH: Tensor, is_token_BT: Tensor | None
    ) -> tuple[Tensor, Any]:
        """States after some layers, and what the layers share."""
        shared = self.architecture.shared(states_BTH, is_token_BT)
        for layer in layers:
            states_BTH = self.architecture.states(layer, states_BTH, shared)
        return states_BTH, shared

    def _finished(self, states: Tensor) -> Tensor:
        return states if self.final is None else cast(Tensor, self.final(states))

    def below(self, layer: int) -> "TransformerStack":
        """The embedding and the first ``layer`` layers."""
        return TransformerStack(
            self.embedding,
            layers=self.layers[:layer],
            final=None,
            architecture=self.architecture,
        )

    def above(self, layer: int) -> "TransformerStack":
        """The rest: reads the states that ``below(layer)`` writes.

        What all layers share is as frozen here as it is below, and in no state.
        """
        architecture = deepcopy(self.architecture).requires_grad_(False)
        leave_frozen_out_of_states(architecture)
        return TransformerStack(
            None, layers=self.layers[layer:], final=self.final, architecture=architecture
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

    def forward(self, ids_BT: Tensor, is_token_BT: Tensor | None) -> Tensor:
        """Turn token ids into states_BTH."""
        return cast(Tensor, self.run(ids_BT, is_token_BT).last_hidden_state)

    def first_states(self, groups: Iterable[Padded]) -> Tensor:
        """The first tokens' states alone, (N, H), of titles in groups of similar length."""
        return torch.cat([self(*group)[:, 0] for group in groups])

    def run(self, ids_BT: Tensor, is_token_BT: Tensor | None, **options: bool) -> Any:
        """What the library's forward gives, with ``options`` of its own."""
        mask_BT = torch.ones_like(ids_BT) if is_token_BT is None else is_token_BT
        return self.model(input_ids=ids_BT.long(), attention_mask=mask_BT.long(), **options)


def pool(
    states_BTH: Tensor, is_token_BT: Tensor | None, pooling: Literal["cls", "mean", "last"]
) -> Tensor:
    """The first or the last token's state, or the mean over the tokens, shape (B, H)."""
    if pooling == "cls":
        return states_BTH[:, 0]
    if pooling == "last":
        return _last_states(states_BTH, is_token_BT)
    if is_token_BT is None:
        return states_BTH.mean(1)
    weights_BT1 = is_token_BT[:, :, None].to(states_BTH.dtype)
    return (states_BTH * weights_BT1).sum(1) / weights_BT1.sum(1)


def _last_states(states_BTH: Tensor, is_token_BT: Tensor | None) -> Tensor:
    """The states_BH of the last tokens; padding is on the right."""
    if is_token_BT is None:
        return states_BTH[:, -1]
    last_B = is_token_BT.sum(1) - 1
    return states_BTH[torch.arange(len(states_BTH), device=states_BTH.device), last_B]
