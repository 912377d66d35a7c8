"""Text encoders without a transformer: ``word-average`` and ``text-cnn`` (paper, figure 4).

They read the words of the titles, lower-cased, split at blanks and punctuation. Word vectors come
from a file, or are drawn from U[-0.25, 0.25] as in Kim's code; words that the file lacks are drawn
with mean 0 and the file's deviation (Kim 2014, section 3.1). Word vectors and convolutions train
together or not at all. Frozen ones are drawn with a fixed seed, the same in every trial: a frozen
``text-cnn`` has random filters.
Shapes: N items asked for, row r = item r + 1; T words, V words of the catalogue, E word width,
H width.
"""

import math
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.dropout import Dropout
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import FROZEN_SEED, frozen_randomness, write_features
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.tables import FeatureTable, PackedTable, is_token_of, padded
from morec.encoders.text.reading import texts_of
from morec.encoders.text.stack import pool
from morec.encoders.text.tokens import open_tokens, packed_tokens, titles_key, word_tokenizer
from morec.encoders.text.word_vectors import read_word_vectors
from morec.encoders.weights.files import cached_sha256, random_hash
from morec.errors import DataError
from morec.placement import beside

WORD_DIM = 300
"""Width of word vectors that are drawn; a file has its own."""
DRAWN = 0.25
"""Bound of the uniform draw of word vectors without a file."""
FILTER_WIDTHS = (3, 4, 5)
FILTERS = 100
"""Filters of each width (Kim 2014)."""
DROPOUT = 0.5
"""Share of a title's strongest responses that is dropped in training (Kim 2014)."""


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
        self.dropout = Dropout(DROPOUT)
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


class WordEncoder(Encoder):
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
        words_NTE = padded(words_PE, is_word_NT)
        return cast(Tensor, self.reader(words_NTE, beside(is_word_NT, words_NTE)))

    def encode_padded_item(self) -> Tensor:
        """Encode one item of ``max_tokens`` words, shape (1, H)."""
        ids_1T = self.table.blank_item(self.max_tokens)[None]
        is_word_1T = torch.ones_like(ids_1T, dtype=torch.bool)
        return cast(Tensor, self.reader(self.words(ids_1T), is_word_1T))


class WordFamily(EncoderFamily[TextSpec]):
    """``word-average`` and ``text-cnn``: the vectors of a title's words, and what reads them."""

    part = "text"

    def weights_hash(self, spec: TextSpec) -> str:
        """Identify the file of word vectors; without one, the encoder by its name."""
        if spec.word_vectors is None:
            return random_hash({"words": spec.name})
        path = Path(spec.word_vectors)
        if not path.is_file():
            raise DataError(f"item.text.word_vectors: there is no file {path.absolute()}")
        return cached_sha256(path)

    def inputs(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or make frozen features, or the vectors of the catalogue's words, or its words."""
        if spec.trainable_layers == 0:
            return self._features(spec, dataset, store)
        if spec.word_vectors is not None:
            return self._vectors(spec, dataset, store)
        return self._words(spec, dataset, store)

    def build(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        """Build the encoder; torch's random state draws what no file gives."""
        if spec.trainable_layers == 0:
            return FeatureTable(self._features(spec, dataset, store).array("features"))
        return self._encoder(spec, dataset, store)

    def _key(self, spec: TextSpec, dataset: Dataset) -> dict[str, object]:
        return titles_key(spec, dataset, tokenizer=self.weights_hash(spec))

    def _words(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        tokenizer = self.weights_hash(spec)
        return packed_tokens(spec, dataset, store, tokenizer=tokenizer, load=word_tokenizer)

    def _features(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        key = {
            **self._key(spec, dataset),
            "encoder": spec.name,
            "weights": self.weights_hash(spec),
            "seed": FROZEN_SEED,
        }

        def make(folder: Path) -> None:
            with frozen_randomness():
                encoder = self._encoder(spec, dataset, store)
            write_features(encoder, dataset.num_items, folder)

        return store.get_or_make("features", key, make)

    def _encoder(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> WordEncoder:
        tokens = open_tokens(self._words(spec, dataset, store))
        if spec.word_vectors is None:
            words_VE = torch.empty(tokens.vocab_size, WORD_DIM).uniform_(-DRAWN, DRAWN)
        else:
            vectors = self._vectors(spec, dataset, store)
            words_VE = torch.from_numpy(vectors.array("vectors")).clone()
        reader = (TextCnn if spec.name == "text-cnn" else WordAverage)(words_VE.shape[1])
        table = PackedTable(tokens.ids, tokens.lengths)
        return WordEncoder(table, words_VE, reader, spec.max_tokens)

    def _vectors(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """The vectors_VE of the catalogue's words; those that the file lacks are drawn.

        They count as pretrained weights: every trial has the same, whatever its seed.
        """

        def make(folder: Path) -> None:
            assert spec.word_vectors is not None
            vectors_VE = _read_or_draw(Path(spec.word_vectors), texts_of(spec, dataset))
            np.save(folder / "vectors.npy", vectors_VE)

        return store.get_or_make("word-vectors", self._key(spec, dataset), make)


def _read_or_draw(path: Path, titles: tuple[str, ...]) -> npt.NDArray[np.float32]:
    """The vectors_VE of the titles' words; those that the file lacks have its deviation."""
    ids = word_tokenizer(titles).get_vocab()
    vectors_VE, is_found_V = read_word_vectors(path, sorted(ids, key=ids.__getitem__))
    bound = math.sqrt(3) * vectors_VE[is_found_V].std()
    shape = (int((~is_found_V).sum()), vectors_VE.shape[1])
    vectors_VE[~is_found_V] = np.random.default_rng(FROZEN_SEED).uniform(-bound, bound, shape)
    return vectors_VE


WORDS = WordFamily()
