"""Which transformers can be cut at any layer, and how a model of the library becomes a stack."""

from collections.abc import Callable
from typing import Any

from morec.encoders.text.families.bert import BERT_LIKE, bert_stack
from morec.encoders.text.families.deberta import deberta_stack
from morec.encoders.text.families.decoders import decoder_stack, gemma3_stack
from morec.encoders.text.families.distilbert import distilbert_stack
from morec.encoders.text.families.modernbert import modernbert_stack
from morec.encoders.text.families.mpnet import mpnet_stack
from morec.encoders.text.families.opt import opt_stack
from morec.encoders.text.stack import TransformerStack

DECODERS = ("gemma", "gemma2", "llama", "mistral", "qwen2", "qwen3")
CUT: dict[str, Callable[[Any], TransformerStack]] = {
    **dict.fromkeys(BERT_LIKE, bert_stack),
    "deberta-v2": deberta_stack,
    "distilbert": distilbert_stack,
    "modernbert": modernbert_stack,
    "mpnet": mpnet_stack,
    **dict.fromkeys(DECODERS, decoder_stack),
    "gemma3_text": gemma3_stack,
    "opt": opt_stack,
}
"""By ``model_type``. The upper layers of these train alone if asked to; any other encoder is frozen
or trains whole."""
