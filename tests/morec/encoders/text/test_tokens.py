"""Titles become packed token ids, by the encoder's tokenizer or one of the titles' words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.text.tokens import (
    load_tokenizer,
    open_tokens,
    packed_tokens,
    title_tokens,
    tokens_key,
    word_tokenizer,
)
from morec.errors import DataError

TINY = TextSpec(name="tiny-random", pretrained=False, max_tokens=6)


def tokens_of(titles: tuple[str, ...], dataset: Dataset, store: ArtefactStore) -> list[list[int]]:
    tokens = open_tokens(title_tokens(TINY, replace(dataset, titles=titles), store))
    ids = iter(tokens.ids.tolist())
    return [[next(ids) for _ in range(length)] for length in tokens.lengths]


def test_titles_are_packed_between_first_and_last_token(
    dataset: Dataset, store: ArtefactStore
) -> None:
    # Specials are 0 to 3; then words by how often they occur, then by the alphabet.
    found = tokens_of(("red moon", "Moon", "moon BLUE red"), dataset, store)
    assert found == [[2, 5, 4, 3], [2, 4, 3], [2, 4, 6, 5, 3]]


def test_a_long_title_is_cut_and_keeps_its_last_token(
    dataset: Dataset, store: ArtefactStore
) -> None:
    assert tokens_of(("a b c d e f g h",), dataset, store) == [[2, 4, 5, 6, 7, 3]]


def test_an_empty_title_has_its_special_tokens(dataset: Dataset, store: ArtefactStore) -> None:
    assert tokens_of(("", "moon"), dataset, store) == [[2, 3], [2, 4, 3]]


def test_the_vocabulary_is_counted_with_its_specials(
    dataset: Dataset, store: ArtefactStore
) -> None:
    artefact = title_tokens(TINY, replace(dataset, titles=("red moon", "moon")), store)
    assert open_tokens(artefact).vocab_size == 4 + 2


def test_a_large_catalogue_keeps_all_its_words(dataset: Dataset, store: ArtefactStore) -> None:
    titles = tuple(f"w{number}" for number in range(30_010))  # the library's default ends at 30,000
    artefact = title_tokens(TINY, replace(dataset, titles=titles), store)
    assert open_tokens(artefact).vocab_size == 4 + len(titles)


def test_a_saved_tokenizer_is_read_from_its_folder(
    dataset: Dataset, store: ArtefactStore, saved_encoders: dict[str, object]
) -> None:
    spec = TextSpec(name=str(saved_encoders["bert"]), max_tokens=6)
    saved = open_tokens(title_tokens(spec, dataset, store))
    own = open_tokens(title_tokens(TINY, dataset, store))
    assert saved.ids.tolist() == own.ids.tolist()


def test_a_folder_without_a_tokenizer_is_refused(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    spec = TextSpec(name=str(tmp_path), pretrained=False)
    with pytest.raises(DataError, match=rf"{tmp_path}: no tokenizer; one of tokenizer.json, "):
        title_tokens(spec, dataset, store)


def test_a_broken_tokenizer_is_refused(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text("{}")
    spec = TextSpec(name=str(tmp_path), pretrained=False)
    with pytest.raises(DataError, match=rf"{tmp_path}: no tokenizer that can be read"):
        title_tokens(spec, dataset, store)


def test_the_key_holds_titles_tokenizer_and_length_and_nothing_else(dataset: Dataset) -> None:
    key = tokens_key(TINY, dataset)
    assert key == tokens_key(TINY.model_copy(update={"trainable_layers": 1}), dataset)
    assert key != tokens_key(TINY.model_copy(update={"max_tokens": 7}), dataset)
    assert key != tokens_key(TINY, replace(dataset, titles=("other",) * dataset.num_items))


def test_a_dataset_without_titles_is_refused_by_name(
    dataset: Dataset, store: ArtefactStore
) -> None:
    with pytest.raises(DataError, match=r"dataset 'synthetic' has no titles; .*text_column"):
        title_tokens(TINY, replace(dataset, titles=None), store)


def test_titles_without_tokens_are_named_by_the_items_own_ids(
    dataset: Dataset, store: ArtefactStore
) -> None:
    titles = ("moon", "", "red", "\u200b", "", "", "", "")
    names = ("B00X", "B00Y", "B00Z", "0012", "a", "b", "c", "d")
    named = replace(dataset, titles=titles, item_names=names)
    with pytest.raises(DataError) as caught:
        packed_tokens(TINY, named, store, tokenizer="words", load=word_tokenizer)
    assert str(caught.value) == (
        "item.text: 6 of 8 titles have no tokens, since this tokenizer adds none of its own; "
        "fill in those of the items ['B00Y', '0012', 'a', 'b', 'c']"
    )


def test_padding_is_the_tokenizers_or_else_token_0(dataset: Dataset, store: ArtefactStore) -> None:
    def pad_id(name: str, tokenizer: Any) -> int:
        made = packed_tokens(TINY, dataset, store, tokenizer=name, load=lambda _: tokenizer)
        return open_tokens(made).pad_id

    tokenizer = load_tokenizer(TINY, dataset.titles or ())
    assert pad_id("own", tokenizer) == tokenizer.convert_tokens_to_ids("[PAD]") == 0
    tokenizer.pad_token = "[SEP]"
    assert pad_id("other", tokenizer) == 3
    assert pad_id("none", word_tokenizer(dataset.titles or ())) == 0


def test_a_title_may_have_words_that_the_catalogue_has_not_in_any_case() -> None:
    tokenizer = load_tokenizer(TINY, ("red Moon", "moon"))
    assert tokenizer(["RED blue moon"])["input_ids"] == [[2, 5, 1, 4, 3]]
    assert word_tokenizer(("red", "Moon", "moon"))(["MOON red"])["input_ids"] == [[0, 1]]


def test_a_folders_own_code_is_not_run_whoever_says_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    auto_map = {"AutoTokenizer": ["ours.Ours", None]}
    (tmp_path / "config.json").write_text('{"model_type": "ours"}')
    about = {"tokenizer_class": "Ours", "auto_map": auto_map}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(about))
    (tmp_path / "tokenizer.json").write_text("{}")
    canary = tmp_path / "ran"
    (tmp_path / "ours.py").write_text(f"open({str(canary)!r}, 'w')\nclass Ours: pass\n")
    with pytest.raises(DataError, match="no tokenizer that can be read"):
        load_tokenizer(TextSpec(name=str(tmp_path), pretrained=False), ())
    assert not canary.exists()
