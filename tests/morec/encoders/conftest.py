"""A small catalogue with titles of very different lengths, and saved encoders to read."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from huggingface_hub import constants
from torch import Tensor

from morec.config import SyntheticSpec
from morec.data.dataset import Dataset, load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import ItemEncoder
from morec.encoders.text.tokens import _word_level_tokenizer
from morec.encoders.weights.text import PACKAGED
from tests.morec.encoders.contract import Builder, Encoded, vectors_of

NUM_LAYERS = 3
LIKE_BERT = ("bert", "roberta", "distilbert", "mpnet", "modernbert", "deberta-v2")
BOTH_WAYS = (*LIKE_BERT, "deberta-v2 convolved", "llama both ways", "gemma3_text both ways")
CAUSAL = ("opt", "llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text")
CUT = (*BOTH_WAYS, *CAUSAL)
"""Encoders of ``saved_encoders`` that can be cut at any layer."""
WHOLE = ("electra", "deberta", "gpt2")
DISTANCES = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "norm_rel_ebd": "layer_norm",
    "position_buckets": 4,
    "share_att_key": True,
    "position_biased_input": False,
}
"""What makes a DeBERTa-v2 a DeBERTa-v3."""


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    spec = SyntheticSpec(kind="synthetic", num_users=30, num_items=24, image_size=16)
    drawn = load_dataset(spec, Path())
    assert drawn.titles is not None
    # Of 1 to 12 words, so that length groups and truncation have something to do.
    words = " ".join(drawn.titles).split()
    titles = tuple(
        " ".join(words[index : index + 1 + 5 * index % 12]) for index in range(len(drawn.titles))
    )
    return replace(drawn, titles=titles)


@pytest.fixture(scope="session")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Skip where the packaged weights are not installed; what is converted stays in the test."""
    try:
        for packaged in PACKAGED.values():
            distribution(packaged.distribution)
    except PackageNotFoundError:
        pytest.skip("the demo extra is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HOME", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    return ArtefactStore(tmp_path / "artefacts")


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> ArtefactStore:
    """One store for the tests that only read: what they need is made once."""
    return ArtefactStore(tmp_path_factory.mktemp("artefacts"))


@pytest.fixture(scope="session")
def saved_encoders(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One local folder per supported family: random weights wide enough to tell titles apart."""
    folders = {}
    for kind, model in _models().items():
        folder = tmp_path_factory.mktemp(kind)
        model.save_pretrained(folder)
        _word_level_tokenizer(dataset.titles or ()).save_pretrained(folder)
        folders[kind] = folder
    return folders


def _models() -> dict[str, Any]:
    width = {"hidden_size": 8, "intermediate_size": 16, "initializer_range": 0.5}
    depth = {"num_hidden_layers": NUM_LAYERS, "num_attention_heads": 2}
    reads = {"vocab_size": 120, "max_position_embeddings": 40, "pad_token_id": 0}
    opt = {"hidden_size": 8, "ffn_dim": 16, "word_embed_proj_dim": 6, "init_std": 0.5}
    ends = {"bos_token_id": 2, "eos_token_id": 3}
    configs = {
        "bert": hf.BertConfig(**width, **depth, **reads),
        "roberta": hf.RobertaConfig(**width, **depth, **reads),
        "opt": hf.OPTConfig(**opt, **depth, **reads),
        "distilbert": hf.DistilBertConfig(
            **reads, dim=8, hidden_dim=16, n_layers=3, n_heads=2, initializer_range=0.5
        ),
        "mpnet": hf.MPNetConfig(**width, **depth, **{**reads, "pad_token_id": 1}),
        "deberta-v2": hf.DebertaV2Config(**width, **depth, **reads, **DISTANCES),
        "deberta-v2 convolved": hf.DebertaV2Config(
            **width, **depth, **reads, **DISTANCES, conv_kernel_size=3
        ),
        "modernbert": hf.ModernBertConfig(
            **width, **depth, **reads, **ends, local_attention=4, global_attn_every_n_layers=2
        ),
        **_decoders({**width, **depth, **reads, **ends, "num_key_value_heads": 1, "head_dim": 4}),
        "electra": hf.ElectraConfig(**width, **depth, **reads, embedding_size=6),
        "deberta": hf.DebertaConfig(
            **width, **depth, **reads, relative_attention=True, pos_att_type=["c2p", "p2c"]
        ),
        "gpt2": hf.GPT2Config(
            **reads, **ends, n_embd=8, n_layer=3, n_head=2, initializer_range=0.5
        ),
    }
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return {kind: hf.AutoModel.from_config(config) for kind, config in configs.items()}


def _decoders(shape: dict[str, Any]) -> dict[str, Any]:
    """Windows are shorter than titles, so that they matter."""
    kinds = ["sliding_attention", "full_attention", "sliding_attention"]
    qwen = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
    return {
        "llama": hf.LlamaConfig(**shape),
        "llama both ways": hf.LlamaConfig(**shape, is_causal=False),
        "mistral": hf.MistralConfig(**shape, sliding_window=4),
        "qwen2": hf.Qwen2Config(**shape, **qwen),
        "qwen3": hf.Qwen3Config(**shape),
        "gemma": hf.GemmaConfig(**shape),
        "gemma2": hf.Gemma2Config(**shape, sliding_window=4, layer_types=kinds),
        "gemma3_text": hf.Gemma3TextConfig(**shape, sliding_window=4, layer_types=kinds),
        "gemma3_text both ways": hf.Gemma3TextConfig(
            **shape, sliding_window=6, layer_types=kinds, use_bidirectional_attention=True
        ),
    }


@pytest.fixture(scope="module")
def built(builder: Builder, case: tuple[str, str]) -> ItemEncoder:
    """What a contract's own ``builder`` makes of its ``case``, for tests that only read it."""
    return builder.build(*case).eval()


@pytest.fixture(scope="module")
def encoded(built: ItemEncoder, builder: Builder) -> Encoded:
    """What it makes of all items, once for the tests that look at it."""
    items = torch.arange(1, builder.dataset.num_items + 1)
    return Encoded(built(items), vectors_of(built, items))


@pytest.fixture
def encoder(built: ItemEncoder) -> ItemEncoder:
    """A copy of it, for tests that train it or change its type."""
    return copy.deepcopy(built)


@pytest.fixture
def items(dataset: Dataset) -> Tensor:
    return torch.arange(1, dataset.num_items + 1)
