"""Word average and TextCNN: their words, and their vectors with and without a file."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs, weights_hash
from morec.encoders.macs import count_macs
from morec.encoders.tables import FeatureTable
from morec.encoders.text.tokens import open_tokens, titles_key
from morec.encoders.text.words import WORDS, TextCnn, WordEncoder
from morec.errors import DataError

TITLES = ("red moon", "Moon, blue!", "red red sun", "a b c d e f g h")
VECTORS = {"red": [1.0, 2.0], "moon": [3.0, -4.0], "sun": [5.0, 0.0]}
NUM_WORDS = len({"red", "moon", ",", "blue", "!", "sun", *"abcdefgh"})


def spec_of(name: str = "word-average", **changes: Any) -> TextSpec:
    fields = {"name": name, "pretrained": "word_vectors" in changes, **changes}
    return TextSpec.model_validate(fields)


@pytest.fixture
def catalogue(dataset: Dataset) -> Dataset:
    return replace(dataset, titles=TITLES, num_items=len(TITLES))


@pytest.fixture
def glove(tmp_path: Path) -> str:
    path = tmp_path / "glove.txt"
    lines = [" ".join([word, *map(str, vector)]) for word, vector in VECTORS.items()]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_the_average_of_a_title_is_that_of_its_words(
    catalogue: Dataset, store: ArtefactStore, glove: str
) -> None:
    encoder = build_encoder(spec_of(word_vectors=glove), catalogue, store)
    expected = [[(1 + 1 + 5) / 3, (2 + 2 + 0) / 3], [(1 + 3) / 2, (2 - 4) / 2]]
    torch.testing.assert_close(encoder(torch.tensor([2, 0])), torch.tensor(expected))


def test_titles_are_cut_to_max_tokens_words_without_special_tokens(
    catalogue: Dataset, store: ArtefactStore
) -> None:
    spec = spec_of(max_tokens=4, trainable_layers="all")
    tokens = open_tokens(encoder_inputs(spec, catalogue, store))
    assert tokens.lengths.tolist() == [2, 4, 3, 4]
    assert tokens.vocab_size == NUM_WORDS


def test_words_that_the_file_lacks_are_drawn_with_its_deviation(
    catalogue: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    many = tuple(f"known{n} unknown{n} new{n}" for n in range(400))
    drawn = np.random.default_rng(1).normal(0, 0.7, (400, 20)).round(4)
    path = tmp_path / "glove.txt"
    path.write_text("".join(f"known{n} {' '.join(map(str, drawn[n]))}\n" for n in range(400)))
    spec = spec_of(word_vectors=str(path), trainable_layers="all")
    artefact = encoder_inputs(spec, replace(catalogue, titles=many, num_items=400), store)
    vectors = artefact.array("vectors")
    is_known = (vectors[:, None] == drawn.astype(np.float32)).all(2).any(1)
    assert is_known.sum() == 400
    assert len(vectors) == 1200
    # 16,000 draws: the deviation is known to 1 %, the mean to 0.006.
    assert vectors[~is_known].std() == pytest.approx(0.7, rel=0.03)
    assert vectors[~is_known].mean() == pytest.approx(0, abs=0.03)


def test_without_a_file_words_are_drawn_between_plus_and_minus_a_quarter(
    catalogue: Dataset, store: ArtefactStore
) -> None:
    encoder = build_encoder(spec_of(trainable_layers="all"), catalogue, store)
    assert isinstance(encoder, WordEncoder)
    words = encoder.words.weight
    assert words.shape == (NUM_WORDS, 300)
    assert words.abs().max() <= 0.25
    assert words.std().item() == pytest.approx(0.5 / 12**0.5, rel=0.05)


def response(cnn: TextCnn, words: Tensor) -> list[float]:
    """Every filter laid over every place that touches a word, one at a time."""
    strongest: list[float] = []
    for convolution in cnn.convolutions:
        assert isinstance(convolution, torch.nn.Conv1d)
        assert convolution.bias is not None
        width = convolution.weight.shape[2]
        edge = words.new_zeros(width - 1, words.shape[1])
        padded = torch.cat([edge, words, edge])
        places = range(len(padded) - width + 1)
        for filter_EW, bias in zip(convolution.weight, convolution.bias, strict=True):
            sums = [(padded[p : p + width].T * filter_EW).sum() + bias for p in places]
            strongest.append(F.relu(torch.stack(sums)).max().item())
    return strongest


def test_text_cnn_is_a_loop_over_filters_and_places() -> None:
    torch.manual_seed(1)
    cnn = TextCnn(6).double().eval()
    words = torch.randn(3, 9, 6, dtype=torch.float64)
    lengths = torch.tensor([9, 1, 4])
    found = cnn(words, torch.arange(9) < lengths[:, None])
    assert found.shape == (3, 3 * 100)
    for row, length in enumerate(lengths):
        expected = torch.tensor(response(cnn, words[row, :length]), dtype=torch.float64)
        torch.testing.assert_close(found[row], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["word-average", "text-cnn"])
def test_a_padded_item_is_the_first_word_in_every_slot(
    catalogue: Dataset, store: ArtefactStore, glove: str, name: str
) -> None:
    fields = {"word_vectors": glove, "trainable_layers": "all", "max_tokens": 5}
    encoder = build_encoder(spec_of(name, **fields), catalogue, store).eval()
    assert isinstance(encoder, WordEncoder)
    words = encoder.words.weight[:1].expand(5, -1)
    reader = encoder.reader
    expected = torch.tensor(response(reader, words)) if name == "text-cnn" else words[0]
    torch.testing.assert_close(encoder.encode_padded_item()[0], expected)
    assert encoder.dim == (300 if name == "text-cnn" else 2)


def key_of(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> tuple[str, dict[str, Any]]:
    """The kind of an artefact, and what it depends on."""
    path = WORDS.inputs(spec, dataset, store).path
    return path.name.rpartition("-")[0], json.loads((path / "meta.json").read_text())["key"]


def test_what_is_prepared_depends_on_this_and_on_nothing_else(
    catalogue: Dataset, store: ArtefactStore, glove: str
) -> None:
    drawn, read = spec_of("text-cnn"), spec_of(word_vectors=glove)
    words = [titles_key(one, catalogue, tokenizer=weights_hash(one)) for one in (drawn, read)]
    frozen = {"encoder": "text-cnn", "weights": weights_hash(drawn), "seed": 0}
    assert key_of(drawn, catalogue, store) == ("features", {**words[0], **frozen})
    drawn, read = (one.model_copy(update={"trainable_layers": "all"}) for one in (drawn, read))
    assert key_of(drawn, catalogue, store) == ("tokens", words[0])
    assert key_of(read, catalogue, store) == ("word-vectors", words[1])


def test_text_cnn_costs_its_filters_at_every_place(
    catalogue: Dataset, store: ArtefactStore
) -> None:
    spec = spec_of("text-cnn", trainable_layers="all", max_tokens=30)
    encoder = build_encoder(spec, catalogue, store).eval()
    macs = sum(300 * 100 * width * (30 + width - 1) for width in (3, 4, 5))
    assert count_macs(encoder.encode_padded_item) == (macs, set())


@pytest.mark.parametrize("name", ["word-average", "text-cnn"])
def test_frozen_features_do_not_depend_on_the_seed(
    catalogue: Dataset, tmp_path: Path, name: str
) -> None:
    features = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        store = ArtefactStore(tmp_path / str(seed))
        encoder = build_encoder(spec_of(name), catalogue, store)
        assert isinstance(encoder, FeatureTable)
        features.append(encoder(torch.arange(4)))
    assert torch.equal(*features)


def test_trials_share_the_vectors_and_train_their_own_copy(
    catalogue: Dataset, store: ArtefactStore, glove: str
) -> None:
    spec = spec_of(word_vectors=glove, trainable_layers="all")
    one, other = (build_encoder(spec, catalogue, store) for _ in range(2))
    assert torch.equal(one(torch.tensor([0])), other(torch.tensor([0])))
    next(one.parameters()).data.zero_()
    assert other(torch.tensor([0])).any()
    cnn = spec.model_copy(update={"name": "text-cnn"})
    assert encoder_inputs(cnn, catalogue, store).path == encoder_inputs(spec, catalogue, store).path


def test_the_weights_hash_is_that_of_the_file_or_else_of_the_name(glove: str) -> None:
    with_vectors = weights_hash(spec_of(word_vectors=glove))
    Path(glove).write_text("red 1\n")
    assert weights_hash(spec_of(word_vectors=glove)) != with_vectors
    assert weights_hash(spec_of()).startswith("random-")
    assert weights_hash(spec_of()) != weights_hash(spec_of("text-cnn"))


def test_a_missing_file_is_named(catalogue: Dataset, store: ArtefactStore, tmp_path: Path) -> None:
    spec = spec_of(word_vectors=str(tmp_path / "glove.txt"))
    expected = f"item.text.word_vectors: there is no file {tmp_path / 'glove.txt'}"
    with pytest.raises(DataError, match=re.escape(expected)):
        encoder_inputs(spec, catalogue, store)


def test_a_title_without_words_is_refused(catalogue: Dataset, store: ArtefactStore) -> None:
    empty = replace(catalogue, titles=("moon", " ", "red", ""))
    with pytest.raises(DataError, match=r"2 of \d+ titles have no tokens, .*of the items"):
        encoder_inputs(spec_of(), empty, store)
