"""How the layers of a kind of transformer are called, and what they share beside their states.

Shapes: B titles of a group, N of all groups, T tokens, H width.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


class Architecture(nn.Module):
    """Calls the layers of encoders like BERT; other kinds of transformers derive from it.

    It holds what several layers read, such as a table of relative positions. Parameters of it train
    where the embedding trains, and stay frozen above a cut.
    """

    def __init__(self, width: int, *, dim: int | None = None, first_position: int = 0) -> None:
        """Take H between the layers, H after the final norm, and the first token's position."""
        super().__init__()
        self.width = width
        self.dim = width if dim is None else dim
        self.first_position = first_position
        """``position_ids`` of a title's first token."""

    def shared(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> Any:
        """What all layers read beside their states, computed once: a mask of the tokens.

        ``None`` says that there is no padding. Padding is on the right.
        """
        return None if is_token_BT is None else is_token_BT[:, None, None, :]

    def states(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The states_BTH after a layer."""
        return cast(Tensor, layer(states_BTH, attention_mask=shared))

    def first_states(self, layer: nn.Module, groups: Sequence[tuple[Tensor, Any]]) -> Tensor:
        """The first tokens' states after the last layer, (N, H); a group is states and ``shared``.

        A kind of transformer that can compute them alone need not run the whole layer.
        """
        return torch.cat([self.states(layer, *group)[:, 0] for group in groups])


class TokensAlone(nn.Module):
    """An embedding that reads no positions, because the layers read them."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.embedding = embedding

    def forward(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embed the ids (B, T), result (B, T, H)."""
        return cast(Tensor, self.embedding(input_ids))
