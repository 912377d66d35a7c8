"""Items' texts to packed token ids: cut to ``max_tokens``, no padding."""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from morec.config import TextSpec, canonical_json
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.text.reading import contents_of, reading_of, texts_of
from morec.encoders.weights.read_errors import as_data_error
from morec.encoders.weights.text import TINY_RANDOM, text_folder, text_hash
from morec.errors import DataError, SpecError

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "*.model")
"""Where the tokenizers of the supported encoders keep their words."""
PAD, UNKNOWN, FIRST, LAST = "[PAD]", "[UNK]", "[CLS]", "[SEP]"


@dataclass(frozen=True)
class TitleTokens:
    """The token ids of all items' texts, one text after the other."""

    ids: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int64]
    """Number of tokens per text, special tokens included."""
    vocab_size: int
    pad_id: int


def title_tokens(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make the tokens of the texts of a catalogue's items.

    Raises:
        DataError: the dataset has no texts, or the tokenizer cannot be had.
        SpecError: the encoder cannot read texts as asked.
    """
    tokenizer = text_hash(spec)
    return packed_tokens(
        spec, dataset, store, tokenizer=tokenizer, load=partial(load_tokenizer, spec)
    )


def packed_tokens(
    spec: TextSpec,
    dataset: Dataset,
    store: ArtefactStore,
    *,
    tokenizer: str,
    load: Callable[[tuple[str, ...]], Any],
) -> Artefact:
    """Find or make the tokens of a tokenizer, which ``load`` gives for the items' texts.

    ``tokenizer`` is a hash that identifies it.
    """

    def make(folder: Path) -> None:
        texts = texts_of(spec, dataset)
        loaded = load(texts)
        _check_prompt(spec, loaded)
        _write_tokens(loaded, texts, dataset, spec.max_tokens, folder)

    return store.get_or_make("tokens", titles_key(spec, dataset, tokenizer=tokenizer), make)


def open_tokens(artefact: Artefact) -> TitleTokens:
    """Memory-map what ``title_tokens`` made."""
    about = json.loads((artefact.path / "vocabulary.json").read_text(encoding="utf-8"))
    return TitleTokens(artefact.array("ids"), artefact.array("lengths"), **about)


def tokens_key(spec: TextSpec, dataset: Dataset) -> dict[str, object]:
    """What the tokens depend on. The weights' hash covers the tokenizer, which lies with them."""
    return titles_key(spec, dataset, tokenizer=text_hash(spec))


def titles_key(spec: TextSpec, dataset: Dataset, *, tokenizer: str) -> dict[str, object]:
    """What the tokens depend on; ``tokenizer`` is a hash that identifies their tokenizer."""
    contents = canonical_json(list(contents_of(spec, dataset))).encode()
    reading = reading_of(spec)
    return {
        "titles": hashlib.sha256(contents).hexdigest(),
        "tokenizer": tokenizer,
        "max_tokens": spec.max_tokens,
        # Without the defaults, so that what was prepared before these options is found again.
        **({} if reading.lowercases else {"lowercase": False}),
        **({"prompt": reading.prompt} if reading.prompt else {}),
    }


def load_tokenizer(spec: TextSpec, titles: tuple[str, ...]) -> Any:
    """A transformer's own tokenizer; ``tiny-random`` makes one of the titles' words.

    Raises:
        DataError: there is none, or none that can be read.
    """
    if spec.name == TINY_RANDOM:
        return _word_level_tokenizer(titles)
    folder = text_folder(spec)
    # Without these files transformers makes an empty vocabulary and says nothing.
    if not any(file for pattern in VOCABULARIES for file in folder.glob(pattern)):
        raise DataError(f"{folder}: no tokenizer; one of {', '.join(VOCABULARIES)} is needed")
    with as_data_error(f"{folder}: no tokenizer that can be read"):
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)


def word_tokenizer(titles: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer that knows the titles' words and nothing else."""
    return PreTrainedTokenizerFast(tokenizer_object=_word_tokenizer(titles, special_tokens=[]))


def _word_level_tokenizer(titles: Iterable[str]) -> PreTrainedTokenizerFast:
    """A word-level tokenizer that adds a first and a last token to a title, as BERT's does."""
    tokenizer = _word_tokenizer(titles, special_tokens=[PAD, UNKNOWN, FIRST, LAST])
    ends = [(token, tokenizer.token_to_id(token)) for token in (FIRST, LAST)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{FIRST} $A {LAST}", special_tokens=ends
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, unk_token=UNKNOWN)


def _word_tokenizer(titles: Iterable[str], special_tokens: list[str]) -> Tokenizer:
    """One token per word of the catalogue; the same titles give the same ids."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(
        vocab_size=sys.maxsize, special_tokens=special_tokens, show_progress=False
    )
    tokenizer.train_from_iterator((title.lower() for title in titles), trainer)
    return tokenizer


def _check_prompt(spec: TextSpec, tokenizer: Any) -> None:
    """Refuse a prompt that leaves no token for the text behind it."""
    reading = reading_of(spec)
    if not reading.prompt:
        return
    num_tokens = len(tokenizer(reading.text_of(""))["input_ids"])
    if num_tokens >= spec.max_tokens:
        raise SpecError(
            f"item.text.max_tokens: {spec.max_tokens}, but the prompt {reading.prompt!r} alone has "
            f"{num_tokens} tokens, so that nothing is read of the texts; allowed: more"
        )


def _write_tokens(
    tokenizer: Any, texts: tuple[str, ...], dataset: Dataset, max_tokens: int, folder: Path
) -> None:
    ids = tokenizer(list(texts), max_length=max_tokens, truncation=True)["input_ids"]
    lengths = np.array([len(row) for row in ids], dtype=np.int64)
    empty = np.flatnonzero(lengths == 0) + 1
    if len(empty):
        names = [dataset.name_of(item) for item in empty[:5]]
        raise DataError(
            f"item.text: {len(empty):,} of {len(lengths):,} titles have no tokens, since this "
            f"tokenizer adds none of its own; fill in those of the items {names}"
        )
    np.save(folder / "ids.npy", np.concatenate(ids).astype(np.int32))
    np.save(folder / "lengths.npy", lengths)
    about = {"vocab_size": len(tokenizer), "pad_id": tokenizer.pad_token_id or 0}
    (folder / "vocabulary.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
