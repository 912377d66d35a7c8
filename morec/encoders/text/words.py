"""Text encoders without a transformer: ``word-average`` and ``text-cnn`` (paper, figure 4).

They read the words of the titles, lower-cased, split at blanks and punctuation. Word vectors come
from a file, or are drawn from U[-0.25, 0.25] as in Kim's code; words that the file lacks are drawn
with mean 0 and the file's deviation (Kim 2014, section 3.1). What trains, trains altogether: word
vectors and convolutions. Frozen, all that is drawn is one fixed draw, the same in every trial; a
frozen ``text-cnn`` has random filters.
Shapes: N items asked for, row r = item r + 1; T words, V words of the catalogue, E word width,
H width.
"""

import json
import math
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import FROZEN_SEED, frozen_randomness, write_features
from morec.encoders.tables import FeatureTable, PackedTable, is_token_of, padded
from morec.encoders.text.stack import pool
from morec.encoders.text.tokens import (
    load_tokenizer,
    open_tokens,
    title_tokens,
    titles_of,
    tokens_key,
)
from morec.encoders.text.word_vectors import read_word_vectors
from morec.encoders.weights.text import weights_hash

WORD_DIM = 300
"""Width of word vectors that are drawn; a file has its own."""
DRAWN = 0.25
"""Bound of the uniform draw of word vectors without a file."""
FILTER_WIDTHS = (3, 4, 5)
FILTERS = 100
"""Filters of each width (Kim 2014)."""
DROPOUT = 0.5
"""Share of a title's strongest responses that is dropped in training (Kim 2014)."""
COVERAGE = "coverage.json"


class WordAverage(nn.Module):
    """The mean of the words' vectors."""

    def __init__(self, word_dim: int) -> None:
        super().__init__()
        self.dim = word_dim

    def forward(self, words_NTE: Tensor, is_word_NT: Tensor) -> Tensor:
        """Average the words, result (N, E)."""
        return pool(words_NTE, is_word_NT, "mean")


class TextCnn(nn.Module):
    """Each filter's strongest response anywhere in the title (Kim 2014, CNN-non-static).

    Convolutions over up to 5 words, ReLU, maximum over time, dropout; filters start as
    ``nn.Conv1d`` draws them. Kim's bound on the norm of the layer after it is left out: here that
    is the DT layer, which all encoders share.
    """

    def __init__(self, word_dim: int) -> None:
        super().__init__()
        # As in Kim's code, a filter may begin before a title and end behind it.
        self.convolutions = nn.ModuleList(
            nn.Conv1d(word_dim, FILTERS, width, padding=width - 1) for width in FILTER_WIDTHS
        )
        self.dropout = nn.Dropout(DROPOUT)
        self.dim = FILTERS * len(FILTER_WIDTHS)

    def forward(self, words_NTE: Tensor, is_word_NT: Tensor) -> Tensor:
        """Respond to the words, result (N, H)."""
        inputs_NET = (words_NTE * is_word_NT[:, :, None]).transpose(1, 2)
        strongest = [
            _strongest(convolution(inputs_NET), is_word_NT) for convolution in self.convolutions
        ]
        return cast(Tensor, self.dropout(torch.cat(strongest, dim=1)))


def _strongest(responses_NFS: Tensor, is_word_NT: Tensor) -> Tensor:
    """The maximum over the S places of a filter that touch a word, (N, F)."""
    num_padded = responses_NFS.shape[2] - is_word_NT.shape[1]
    num_places_N1 = is_word_NT.sum(1, keepdim=True) + num_padded
    places_S = torch.arange(responses_NFS.shape[2], device=responses_NFS.device)
    is_outside_NS = places_S >= num_places_N1
    inside_NFS = responses_NFS.masked_fill(is_outside_NS[:, None, :], -math.inf)
    return F.relu(inside_NFS.amax(2))


class WordEncoder(nn.Module):
    """Word vectors and what reads them, over the packed words of all titles."""

    def __init__(
        self, table: PackedTable, words_VE: Tensor, reader: WordAverage | TextCnn, max_tokens: int
    ) -> None:
        super().__init__()
        self.table = table
        num_words, word_dim = words_VE.shape
        self.words = nn.Embedding(num_words, word_dim, _weight=words_VE)
        self.reader = reader
        self.max_tokens = max_tokens
        self.dim = reader.dim

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into (N, H)."""
        lengths_N = self.table.lengths_of(rows_N)
        is_word_NT = is_token_of(lengths_N, int(lengths_N.max()))
        words_PE = self.words(self.table.packed(rows_N)[0])
        return cast(Tensor, self.reader(padded(words_PE, is_word_NT), is_word_NT))

    def encode_padded_item(self) -> Tensor:
        """Encode one item of ``max_tokens`` words, shape (1, H)."""
        ids_1T = self.table.blank_item(self.max_tokens)[None]
        is_word_1T = torch.ones_like(ids_1T, dtype=torch.bool)
        return cast(Tensor, self.reader(self.words(ids_1T), is_word_1T))


def word_inputs(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make what a trial starts from: frozen features, word vectors, or words alone.

    Raises:
        DataError: the titles or the word vectors cannot be had.
    """
    if spec.trainable_layers == 0:
        key = {
            **tokens_key(spec, dataset),
            "encoder": spec.name,
            "weights": weights_hash(spec),
            "seed": FROZEN_SEED,
        }

        def make(folder: Path) -> None:
            with frozen_randomness():
                encoder = _word_encoder(spec, dataset, store)
            write_features(encoder, dataset.num_items, folder)

        return store.get_or_make("features", key, make)
    if spec.word_vectors is not None:
        return _vectors_of_catalogue(spec, dataset, store)
    return title_tokens(spec, dataset, store)


def build_word_encoder(
    spec: TextSpec, dataset: Dataset, store: ArtefactStore
) -> WordEncoder | FeatureTable:
    """The encoder that a trial runs; what is drawn for it comes from torch's random state."""
    if spec.trainable_layers == 0:
        return FeatureTable(word_inputs(spec, dataset, store).array("features"))
    return _word_encoder(spec, dataset, store)


def word_coverage(vectors: Artefact) -> dict[str, int]:
    """How many of the catalogue's words the file of word vectors has: ``found``, ``missing``."""
    found: dict[str, int] = json.loads((vectors.path / COVERAGE).read_text(encoding="utf-8"))
    return found


def _word_encoder(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> WordEncoder:
    tokens = open_tokens(title_tokens(spec, dataset, store))
    if spec.word_vectors is None:
        words_VE = torch.empty(tokens.vocab_size, WORD_DIM).uniform_(-DRAWN, DRAWN)
    else:
        vectors = _vectors_of_catalogue(spec, dataset, store)
        words_VE = torch.from_numpy(vectors.array("vectors")).clone()
    reader = (TextCnn if spec.name == "text-cnn" else WordAverage)(words_VE.shape[1])
    table = PackedTable(tokens.ids, tokens.lengths)
    return WordEncoder(table, words_VE, reader, spec.max_tokens)


def _vectors_of_catalogue(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """The vectors_VE of the catalogue's words, those that the file lacks drawn, and the coverage.

    The same for every trial, whatever its seed: pretrained weights, as far as trials see.
    """
    assert spec.word_vectors is not None
    path = Path(spec.word_vectors)

    def make(folder: Path) -> None:
        ids = load_tokenizer(spec, titles_of(dataset)).get_vocab()
        words = sorted(ids, key=ids.__getitem__)
        vectors_VE, is_found_V = read_word_vectors(path, words)
        bound = math.sqrt(3) * vectors_VE[is_found_V].std()
        shape = (int((~is_found_V).sum()), vectors_VE.shape[1])
        drawn = np.random.default_rng(FROZEN_SEED).uniform(-bound, bound, shape)
        vectors_VE[~is_found_V] = drawn
        np.save(folder / "vectors.npy", vectors_VE)
        found = int(is_found_V.sum())
        coverage = {"found": found, "missing": len(words) - found}
        (folder / COVERAGE).write_text(json.dumps(coverage) + "\n", encoding="utf-8")

    return store.get_or_make("word-vectors", tokens_key(spec, dataset), make)
