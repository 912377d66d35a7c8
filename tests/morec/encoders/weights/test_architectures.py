"""The shapes of well-known encoders are those that their authors state."""

import pytest
import torch
from transformers import AutoModel

from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.text import KNOWN_HUB_NAMES

STATED = {
    "distilbert-base-uncased": 66e6,  # Sanh et al. 2019
    "sentence-transformers/all-MiniLM-L6-v2": 22.7e6,
    "sentence-transformers/all-mpnet-base-v2": 109e6,
    "intfloat/e5-base-v2": 109e6,
    "BAAI/bge-base-en-v1.5": 109e6,
    "answerdotai/ModernBERT-base": 149e6,
    "microsoft/deberta-v3-base": 184e6,  # 86M, and 98M of its vocabulary
    "Qwen/Qwen3-Embedding-0.6B": 596e6,
    "facebook/opt-125m": 125e6,  # Zhang et al. 2022, table 1
    "bert-base-uncased": 110e6,  # Devlin et al. 2019, section 3
    "roberta-base": 125e6,
}
"""From the papers, the others from the model cards."""
SHAPES = {
    "bert-base-uncased": (12, 768, 12, 3072),
    "google-bert/bert-base-uncased": (12, 768, 12, 3072),
    "bert-large-uncased": (24, 1024, 16, 4096),
    "intfloat/e5-base-v2": (12, 768, 12, 3072),
    "BAAI/bge-base-en-v1.5": (12, 768, 12, 3072),
    "sentence-transformers/all-MiniLM-L6-v2": (6, 384, 12, 1536),
    "sentence-transformers/all-mpnet-base-v2": (12, 768, 12, 3072),
    "roberta-base": (12, 768, 12, 3072),
    "microsoft/deberta-v3-base": (12, 768, 12, 3072),
    "Qwen/Qwen3-Embedding-0.6B": (28, 1024, 16, 3072),
    "facebook/vit-mae-base": (12, 768, 12, 3072),
}
"""Layers, width, heads and width of the feed-forward, from each one's ``config.json``."""


@pytest.mark.parametrize("name", STATED)
def test_a_well_known_text_encoder_is_as_large_as_stated(name: str) -> None:
    with torch.device("meta"):
        model = AutoModel.from_config(known_config(name))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(STATED[name], rel=0.01)


def test_every_text_encoder_that_is_proposed_is_known() -> None:
    proposed = [name for name in KNOWN_HUB_NAMES if name != "minilm"]
    assert all(known_config(name) is not None for name in proposed)


@pytest.mark.parametrize("name", SHAPES)
def test_a_well_known_encoder_has_the_published_shape(name: str) -> None:
    config = known_config(name)
    assert config is not None
    found = (config.num_hidden_layers, config.hidden_size, config.num_attention_heads)
    assert (*found, config.intermediate_size) == SHAPES[name]


@pytest.mark.parametrize("shape", [(2, 128, 2), (4, 256, 4), (4, 512, 8), (8, 512, 8)])
def test_small_berts_have_the_shape_that_their_name_says(shape: tuple[int, int, int]) -> None:
    layers, width, heads = shape
    config = known_config(f"google/bert_uncased_L-{layers}_H-{width}_A-{heads}")
    assert config is not None
    found = (config.num_hidden_layers, config.hidden_size, config.num_attention_heads)
    assert (*found, config.intermediate_size) == (layers, width, heads, 4 * width)


def test_what_differs_from_a_bert_is_as_published() -> None:
    roberta = known_config("roberta-base")
    assert roberta is not None
    assert (roberta.vocab_size, roberta.max_position_embeddings) == (50265, 514)
    assert roberta.type_vocab_size == 1
    mpnet = known_config("sentence-transformers/all-mpnet-base-v2")
    assert mpnet is not None
    assert mpnet.max_position_embeddings == 514
    qwen = known_config("Qwen/Qwen3-Embedding-0.6B")
    assert qwen is not None
    assert (qwen.vocab_size, qwen.num_key_value_heads, qwen.head_dim) == (151669, 8, 128)
    deberta = known_config("microsoft/deberta-v3-base")
    assert deberta is not None
    published = {
        "vocab_size": 128100,
        "type_vocab_size": 0,
        "relative_attention": True,
        "position_buckets": 256,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
    }
    assert {name: getattr(deberta, name) for name in published} == published


def test_another_name_is_not_known() -> None:
    assert known_config("somebody/something") is None
