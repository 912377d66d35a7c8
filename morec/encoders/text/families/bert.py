"""BERT, and what differs from it in its tokens and positions only: RoBERTa and its kin.

Shapes: B titles, T tokens, H width.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.families.cls_state import first_token_states
from morec.encoders.text.stack import TransformerStack

BERT_LIKE = ("bert", "camembert", "roberta", "xlm-roberta")
BEHIND_PADDING = ("camembert", "mpnet", "roberta", "xlm-roberta")
"""These count their positions from behind the padding index."""


class BertArchitecture(Architecture):
    """Layers of BERT, of which the last can compute the first tokens' states alone."""

    def first_states(self, layer: nn.Module, groups: Sequence[tuple[Tensor, Any]]) -> Tensor:
        """The first tokens' states, without other tokens' queries, keys, values, feed-forward."""
        return first_token_states(layer, groups)


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
