"""What the benchmarks run on: users and titles of MIND's shape, and BERTs with random weights.

Nothing is downloaded. Titles have 13 tokens on average and at most 30; a user has 5 to 23
interactions, 14 on average; items are as popular as Zipf's law says.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from morec import torchvision_guard as torchvision_guard  # before transformers
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.trainer import Trainer
from morec.workers import Workers

VOCABULARY = 30_522
"""BERT's."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
SHAPES: Mapping[str, tuple[int, int, int]] = {
    "micro": (2, 16, 2),
    "tiny": (2, 128, 2),
    "small": (4, 512, 8),
    "minilm": (6, 384, 12),
}
"""Layers, width and heads; the feed-forward layers are four times as wide."""
MEAN_WORDS = 11
"""Of MIND's titles; with the first and the last token 13 tokens."""
CPU = torch.device("cpu")


def mind_like(
    num_users: int,
    num_items: int,
    *,
    max_seq_len: int = 20,
    mean_length: float = 14,
    mean_words: int = MEAN_WORDS,
    seed: int = 0,
) -> Dataset:
    """Draw users' windows without repeats, and a title for every item."""
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.poisson(mean_length, num_users), 5, max_seq_len + 3)
    popularity = 1 / np.arange(1, num_items + 1) ** 0.8
    cumulative = np.cumsum(popularity / popularity.sum())
    windows = [_without_repeats(rng, cumulative, length) for length in lengths.tolist()]
    return Dataset(
        name="mind-like",
        kind="synthetic",
        is_synthetic=True,
        sha256=f"mind-like {num_users} {num_items} {max_seq_len} {mean_length} {mean_words} {seed}",
        num_users=num_users,
        num_items=num_items,
        max_seq_len=max_seq_len,
        offsets_U1=np.concatenate([[0], np.cumsum(lengths)]),
        item_ids=np.concatenate(windows).astype(np.int32),
        counts={},
        titles=_titles(rng, num_items, mean_words),
    )


def bert_folder(shape: str, folder: Path) -> Path:
    """Write a BERT of one of ``SHAPES`` with random weights, unless it is there."""
    path = folder / shape
    if path.is_dir():
        return path
    layers, width, heads = SHAPES[shape]
    torch.manual_seed(0)
    config = hf.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        # Wide enough to tell titles apart, which the library's own random weights are not.
        initializer_range=2 / width**0.5,
    )
    hf.BertModel(config, add_pooling_layer=False).save_pretrained(path)
    _tokenizer().save_pretrained(path)
    return path


def trainer(dataset: Dataset, folder: Path, *, batch_size: int = 32, **changes: Any) -> Trainer:
    """Our side of every benchmark: a trial's trainer, with the artefacts in ``folder``."""
    training = {"batch_size": batch_size} | changes.pop("training", {})
    workers = changes.pop("workers", Workers())
    config = {
        # Never read: the data set is handed over.
        "dataset": {"kind": "synthetic", "max_seq_len": dataset.max_seq_len},
        "item": changes.pop("item", {"id": True}),
        "model": changes.pop("model", {}),
        "training": training,
        **changes,
    }
    trial = TrialConfig.model_validate_json(json.dumps(config))
    return Trainer(trial, dataset, ArtefactStore(folder), workers=workers, device=CPU)


def text(folder: Path, trainable_layers: int | str = "all") -> dict[str, Any]:
    """The item section of a trial that reads titles."""
    return {"text": {"name": str(folder), "trainable_layers": trainable_layers}}


def _without_repeats(
    rng: np.random.Generator, cumulative: np.ndarray[Any, Any], length: int
) -> np.ndarray[Any, Any]:
    items: dict[int, None] = {}
    while len(items) < length:
        draws = np.searchsorted(cumulative, rng.random(2 * length)) + 1
        items |= dict.fromkeys(np.minimum(draws, len(cumulative)).tolist())
    return np.array(list(items)[:length])


def _titles(rng: np.random.Generator, num_items: int, mean_words: int) -> tuple[str, ...]:
    scale = mean_words / MEAN_WORDS
    lengths = np.clip(rng.normal(mean_words, 4 * scale, num_items).round(), 2, 28 * scale)
    lengths = lengths.astype(int)
    words = rng.zipf(1.2, lengths.sum()) % (VOCABULARY - len(SPECIAL))
    parts = np.split(words, np.cumsum(lengths)[:-1])
    return tuple(" ".join(f"w{word}" for word in part.tolist()) for part in parts)


def _tokenizer() -> Any:
    words = [*SPECIAL, *(f"w{number}" for number in range(VOCABULARY - len(SPECIAL)))]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
