"""DistilBERT: BERT's layers under other names, without token types."""

from typing import Any

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.stack import TransformerStack


def distilbert_stack(model: Any) -> TransformerStack:
    """A ``DistilBertModel`` as a stack."""
    return TransformerStack(
        model.embeddings,
        layers=model.transformer.layer,
        final=None,
        architecture=Architecture(model.config.dim),
    )
