"""Layers that turn queries and keys by their positions: those of ModernBERT and of most decoders.

A kind of layer is what transformers calls its layer type: one attends to all tokens, another to
those within a window. Masks are the library's, in the form that a model's attention reads.
Shapes: B titles, T tokens, H width.
"""

from abc import abstractmethod
from collections.abc import Collection
from typing import Any, cast

import torch
from torch import Tensor, nn

from morec.encoders.text.architecture import Architecture

FULL, WINDOW = "full_attention", "sliding_attention"


class RotaryArchitecture(Architecture):
    """Layers that read a mask and the angles of the positions, by the kind of layer."""

    def __init__(self, config: Any, rotary: nn.Module, kinds: Collection[str]) -> None:
        """Take the module that makes angles of positions, and the kinds of layers there are."""
        super().__init__(config.hidden_size)
        self.config = config
        self.rotary = rotary
        self.kinds = tuple(sorted(set(kinds)))

    @abstractmethod
    def kind_of(self, layer: Any) -> str:
        """The kind of a layer."""

    @abstractmethod
    def mask(self, states_BTH: Tensor, is_token_BT: Tensor | None, kind: str) -> Tensor | None:
        """Which tokens see which, (B, 1, T, T); None where the attention itself knows it."""

    def angles(self, states_BTH: Tensor, positions_1T: Tensor, kind: str) -> Any:
        """Cosines and sines of the positions."""
        return self.rotary(states_BTH, positions_1T)

    def shared(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> dict[str, dict[str, Any]]:
        """What layers read, by their kind."""
        positions_1T = torch.arange(states_BTH.shape[1], device=states_BTH.device)[None]
        return {
            kind: {
                "attention_mask": self.mask(states_BTH, is_token_BT, kind),
                "position_embeddings": self.angles(states_BTH, positions_1T, kind),
            }
            for kind in self.kinds
        }

    def states(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The states_BTH after a layer."""
        return cast(Tensor, layer(states_BTH, **shared[self.kind_of(layer)]))
