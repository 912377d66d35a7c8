"""MPNet: BERT with a bias for the distance of two tokens, which all layers share.

Shapes: B titles, T tokens, A attention heads, H width.
"""

from typing import Any, cast

from torch import Tensor, nn
from transformers.masking_utils import create_bidirectional_mask

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.stack import TransformerStack


class MPNetArchitecture(Architecture):
    """Layers that add the mask and the bias to their attention's scores."""

    def __init__(self, config: Any, *, first_position: int, bias: Any) -> None:
        """Take ``bias``, an ``MPNetEncoder`` without its layers."""
        super().__init__(config.hidden_size, first_position=first_position)
        self.config = config
        self.bias = bias

    def shared(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> dict[str, Tensor | None]:
        """The mask, (B, 1, T, T) or None, and the bias, (B, A, T, T)."""
        mask = create_bidirectional_mask(self.config, states_BTH, is_token_BT)
        bias_BATT = self.bias.compute_position_bias(states_BTH)
        return {"attention_mask": mask, "position_bias": bias_BATT}

    def states(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The states_BTH after a layer."""
        return cast(Tensor, layer(states_BTH, **shared)[0])


def mpnet_stack(model: Any) -> TransformerStack:
    """An ``MPNetModel`` as a stack; its positions start behind its embedding's padding index."""
    layers, model.encoder.layer = model.encoder.layer, nn.ModuleList()
    first = model.embeddings.padding_idx + 1
    return TransformerStack(
        model.embeddings,
        layers=layers,
        final=None,
        architecture=MPNetArchitecture(model.config, first_position=first, bias=model.encoder),
    )
