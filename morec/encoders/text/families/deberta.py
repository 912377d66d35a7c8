"""DeBERTa-v2 and -v3: attention to contents and to distances, which have vectors of their own.

Shapes: B titles, T tokens, R distances, H width.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.stack import TransformerStack


class DebertaArchitecture(Architecture):
    """Layers that read a mask of pairs of tokens, their distances, and the distances' vectors."""

    def __init__(self, width: int, distances: Any) -> None:
        """Take ``distances``, a ``DebertaV2Encoder`` without its layers."""
        super().__init__(width)
        self.distances = distances

    def shared(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> dict[str, Tensor | None]:
        """The mask, (B, 1, T, T), the distances, (1, T, T), and their vectors_RH."""
        is_token = states_BTH.new_ones(states_BTH.shape[:2], dtype=torch.bool)
        is_token = is_token if is_token_BT is None else is_token_BT
        return {
            "attention_mask": self.distances.get_attention_mask(is_token),
            "relative_pos": self.distances.get_rel_pos(states_BTH),
            "rel_embeddings": self.distances.get_rel_embedding(),
        }

    def states(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The states_BTH after a layer."""
        return cast(Tensor, layer(states_BTH, **shared)[0])


class ConvolvedLayer(nn.Module):
    """The first layer of the larger DeBERTa-v2, with the convolution beside it."""

    def __init__(self, layer: nn.Module, convolution: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.convolution = convolution

    def forward(
        self, states_BTH: Tensor, attention_mask: Tensor, **shared: Any
    ) -> tuple[Tensor, None]:
        """The states_BTH after layer and convolution, as the library's layers return them."""
        is_token_BT = attention_mask[:, 0].diagonal(dim1=-2, dim2=-1)
        # The library embeds padding as zeros, and a convolution looks there.
        inputs_BTH = states_BTH * is_token_BT[:, :, None]
        output_BTH = self.layer(inputs_BTH, attention_mask, **shared)[0]
        return self.convolution(inputs_BTH, output_BTH, is_token_BT.long()), None


def deberta_stack(model: Any) -> TransformerStack:
    """A ``DebertaV2Model`` as a stack."""
    encoder = model.encoder
    layers, encoder.layer = encoder.layer, nn.ModuleList()
    convolution, encoder.conv = encoder.conv, None
    if convolution is not None:
        layers[0] = ConvolvedLayer(layers[0], convolution)
    return TransformerStack(
        model.embeddings,
        layers=layers,
        final=None,
        architecture=DebertaArchitecture(model.config.hidden_size, encoder),
    )
