"""BERT, and what differs from it in its tokens and positions only: RoBERTa and its kin.

Shapes: B titles, T tokens, H width.
"""

from typing import Any

from torch import Tensor, nn

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.families.cls_state import first_token_state
from morec.encoders.text.stack import TransformerStack

BERT_LIKE = ("bert", "camembert", "roberta", "xlm-roberta")
BEHIND_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")
"""These count their positions from behind the padding index."""


class BertArchitecture(Architecture):
    """Layers of BERT, of which the last can compute the first token's state alone."""

    def first_state(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The first token's state, without the other tokens' queries and feed-forward parts."""
        return first_token_state(layer, states_BTH, shared)


def bert_stack(model: Any) -> TransformerStack:
    """A ``BertModel`` or one like it as a stack."""
    first = first_position(model.config)
    return TransformerStack(
        model.embeddings,
        layers=model.encoder.layer,
        final=None,
        architecture=BertArchitecture(model.config.hidden_size, first_position=first),
    )


def first_position(config: Any) -> int:
    """The number of a title's first position."""
    return int(config.pad_token_id) + 1 if config.model_type in BEHIND_PADDING else 0
