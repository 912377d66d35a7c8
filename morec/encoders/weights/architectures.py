"""The shapes of well-known encoders, so that their cost can be counted without their files.

Only shapes: weights, tokenizers and every setting that changes a number come from the hub.
"""

from typing import Any

from transformers import BertConfig, OPTConfig, RobertaConfig, ViTMAEConfig


def known_config(name: str) -> Any | None:
    """The configuration of an encoder of the paper by its hub name; None: unknown here."""
    make = _KNOWN.get(name)
    return make() if make else None


def _bert(layers: int, hidden: int) -> BertConfig:
    """A BERT of Turc et al. 2019: 64 wide heads, feed-forward four times as wide."""
    return BertConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        intermediate_size=4 * hidden,
    )


_KNOWN = {
    "google/bert_uncased_L-2_H-128_A-2": lambda: _bert(2, 128),
    "google/bert_uncased_L-4_H-256_A-4": lambda: _bert(4, 256),
    "google/bert_uncased_L-4_H-512_A-8": lambda: _bert(4, 512),
    "google/bert_uncased_L-8_H-512_A-8": lambda: _bert(8, 512),
    "bert-base-uncased": lambda: _bert(12, 768),
    "google-bert/bert-base-uncased": lambda: _bert(12, 768),
    "bert-large-uncased": lambda: _bert(24, 1024),
    "roberta-base": lambda: RobertaConfig(
        vocab_size=50265, max_position_embeddings=514, type_vocab_size=1
    ),
    "facebook/opt-125m": OPTConfig,
    "facebook/vit-mae-base": ViTMAEConfig,
}
