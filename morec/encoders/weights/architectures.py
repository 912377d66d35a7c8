"""The shapes of well-known encoders, so that their cost can be counted without their files.

Only shapes: weights, tokenizers and every setting that changes a number come from the hub. What is
not given here is the library's default.
"""

from typing import Any

from transformers import (
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ModernBertConfig,
    MPNetConfig,
    OPTConfig,
    Qwen3Config,
    RobertaConfig,
    ViTMAEConfig,
)


def known_config(name: str) -> Any | None:
    """The configuration of an encoder by its hub name; None: unknown here."""
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


def _minilm() -> BertConfig:
    return BertConfig(hidden_size=384, num_hidden_layers=6, intermediate_size=1536)


def _deberta_v3() -> DebertaV2Config:
    return DebertaV2Config(
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        relative_attention=True,
        position_buckets=256,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
    )


def _qwen3_embedding() -> Qwen3Config:
    return Qwen3Config(
        vocab_size=151669,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
    )


_KNOWN = {
    "google/bert_uncased_L-2_H-128_A-2": lambda: _bert(2, 128),
    "google/bert_uncased_L-4_H-256_A-4": lambda: _bert(4, 256),
    "google/bert_uncased_L-4_H-512_A-8": lambda: _bert(4, 512),
    "google/bert_uncased_L-8_H-512_A-8": lambda: _bert(8, 512),
    "bert-base-uncased": lambda: _bert(12, 768),
    "google-bert/bert-base-uncased": lambda: _bert(12, 768),
    "bert-large-uncased": lambda: _bert(24, 1024),
    "roberta-base": lambda: RobertaConfig(max_position_embeddings=514, type_vocab_size=1),
    "facebook/opt-125m": OPTConfig,
    "distilbert-base-uncased": DistilBertConfig,
    "sentence-transformers/all-MiniLM-L6-v2": _minilm,
    "sentence-transformers/all-mpnet-base-v2": lambda: MPNetConfig(max_position_embeddings=514),
    "intfloat/e5-base-v2": lambda: _bert(12, 768),
    "BAAI/bge-base-en-v1.5": lambda: _bert(12, 768),
    "answerdotai/ModernBERT-base": ModernBertConfig,
    "microsoft/deberta-v3-base": _deberta_v3,
    "Qwen/Qwen3-Embedding-0.6B": _qwen3_embedding,
    "facebook/vit-mae-base": ViTMAEConfig,
}
