"""The states of a text encoder's layers, joined: what a side network reads, once they are pooled.

The library's own forward pass makes them, so that every text encoder it has can give them.
Shapes: B titles, T tokens, K layers, H width.
"""

from typing import Any

import torch
from torch import Tensor

from morec.encoders.text.stack import WholeEncoder
from morec.errors import SpecError


class LayerwiseEncoder(WholeEncoder):
    """An encoder whose state of a token is that of K layers, one after the other.

    Layer 0 is the embedding. The last layer's states are those behind a final norm, if any.
    """

    def __init__(self, model: Any, layers: tuple[int, ...]) -> None:
        """Take the layers' numbers."""
        super().__init__(model, len(layers) * model.config.hidden_size)
        self.layers = layers

    def forward(self, ids_BT: Tensor, is_token_BT: Tensor | None) -> Tensor:
        """Turn token ids into states (B, T, K * H).

        Raises:
            SpecError: the layers' states differ in width.
        """
        output = self.run(ids_BT, is_token_BT, output_hidden_states=True)
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        widths = sorted({state.shape[-1] for state in states})
        if len(widths) > 1:
            raise SpecError(
                f"item.text.side: the layers' states are {' and '.join(map(str, widths))} numbers "
                "wide; allowed: encoders with one width"
            )
        return torch.cat([states[layer] for layer in self.layers], dim=-1)
