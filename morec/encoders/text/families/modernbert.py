"""ModernBERT: every third layer attends to the whole title, the others to a window around a token.

Shapes: B titles, T tokens, H width.
"""

from typing import Any, cast

from torch import Tensor
from transformers.masking_utils import (
    create_bidirectional_mask,
    create_bidirectional_sliding_window_mask,
)

from morec.encoders.text.architecture import TokensAlone
from morec.encoders.text.families.rotary import FULL, WINDOW, RotaryArchitecture
from morec.encoders.text.stack import TransformerStack

_MASKS = {FULL: create_bidirectional_mask, WINDOW: create_bidirectional_sliding_window_mask}


class ModernBertArchitecture(RotaryArchitecture):
    """Layers that look both ways; each kind of them has its own frequencies."""

    def kind_of(self, layer: Any) -> str:
        """The kind of a layer."""
        return str(layer.attention_type)

    def mask(self, states_BTH: Tensor, is_token_BT: Tensor | None, kind: str) -> Tensor | None:
        """Tokens, within the window where there is one; None where that is everything."""
        return cast("Tensor | None", _MASKS[kind](self.config, states_BTH, is_token_BT))

    def angles(self, states_BTH: Tensor, positions_1T: Tensor, kind: str) -> Any:
        """Cosines and sines of the positions, by the kind's frequencies."""
        return self.rotary(states_BTH, positions_1T, kind)


def modernbert_stack(model: Any) -> TransformerStack:
    """A ``ModernBertModel`` as a stack."""
    config = model.config
    return TransformerStack(
        TokensAlone(model.embeddings),
        layers=model.layers,
        final=model.final_norm,
        architecture=ModernBertArchitecture(config, model.rotary_emb, config.layer_types),
    )
