"""How a text encoder reads an item: its template, lower-casing and prompt, and what it pools."""

from dataclasses import dataclass
from typing import Literal

from morec.config import TextSpec
from morec.config.templates import TITLE, fill, pieces_of
from morec.data.dataset import Dataset
from morec.encoders.weights.sentence_folders import named_prompt, read_sentence_folder
from morec.encoders.weights.text import TINY_RANDOM, text_folder
from morec.errors import DataError, SpecError

Pooling = Literal["cls", "mean", "last"]


@dataclass(frozen=True)
class Reading:
    """What is done to a text before the tokenizer, and to the last states of its tokens."""

    pooling: Pooling
    normalizes: bool
    """Whether pooled vectors are scaled to length 1."""
    lowercases: bool
    prompt: str

    def text_of(self, content: str) -> str:
        """What the tokenizer reads of an item's content: with the prompt, lower-cased."""
        text = f"{self.prompt}{content}".strip() if self.prompt else content
        return text.lower() if self.lowercases else text

    @property
    def description(self) -> str:
        """The same in words, as plans and reports say it."""
        pooled = {"cls": "first token", "mean": "mean of the tokens", "last": "last token"}
        parts = [pooled[self.pooling], *(["scaled to length 1"] if self.normalizes else [])]
        parts.append("lower-cased" if self.lowercases else "case kept")
        parts += [f"prompt {self.prompt!r}"] if self.prompt else []
        return ", ".join(parts)


def reading_of(spec: TextSpec) -> Reading:
    """How an encoder reads an item, with what a sentence-transformers folder says where asked for.

    Raises:
        DataError: the folder cannot be had, or a file of it is broken.
        SpecError: the folder does not say what the specification asks for.
    """
    if spec.reads_words or spec.name == TINY_RANDOM:
        _check_own_vocabulary(spec)
    if spec.pooling == "own":
        return _own_reading(spec)
    prompt = spec.prompt or ""
    if spec.prompt_name is not None:
        prompt = named_prompt(text_folder(spec), spec.prompt_name, spec.name)
    return Reading(spec.pooling, False, spec.lowercase is not False, prompt)


def blank_reading(spec: TextSpec) -> Reading:
    """A reading without the encoder's files: any pooling of a text costs the same."""
    return Reading("mean" if spec.pooling == "own" else spec.pooling, False, False, "")


def texts_of(spec: TextSpec, dataset: Dataset) -> tuple[str, ...]:
    """What the tokenizer reads of items 1..N; raises as ``reading_of`` and ``contents_of`` do."""
    reading = reading_of(spec)
    return tuple(map(reading.text_of, contents_of(spec, dataset)))


def contents_of(spec: TextSpec, dataset: Dataset) -> tuple[str, ...]:
    """The texts of items 1..N before the prompt: their titles, or the template's columns.

    Raises:
        DataError: the dataset has none, or all items have the same.
    """
    if spec.template is None:
        return titles_of(dataset)
    columns = dict(dataset.columns)
    if dataset.titles is not None:
        columns.setdefault(TITLE, dataset.titles)
    pieces = pieces_of(spec.template)
    lacking = [one.column for one in pieces if one.column and one.column not in columns]
    if lacking:
        raise DataError(
            f"item.text.template: dataset {dataset.name!r} was read without {', '.join(lacking)}"
        )
    filled = tuple(
        fill(pieces, lambda name, place=place: columns[name][place])  # type: ignore[misc]
        for place in range(dataset.num_items)
    )
    if len(set(filled)) == 1 < dataset.num_items:
        raise DataError(
            f"item.text.template: all {dataset.num_items:,} items have the text {filled[0]!r}"
        )
    return filled


def titles_of(dataset: Dataset) -> tuple[str, ...]:
    """The titles of items 1..N.

    Raises:
        DataError: the dataset has none.
    """
    if dataset.titles is None:
        raise DataError(
            f"item.text: dataset {dataset.name!r} has no titles; a files dataset names their "
            "column in dataset.text_column"
        )
    return dataset.titles


def other_reading(spec: TextSpec) -> str:
    """How an encoder is read otherwise than its authors meant, in a sentence; empty if it is not.

    The scaling to length 1 does not count: the DT layer behind it has weights of its own.
    """
    if spec.pooling == "own" or spec.reads_words or spec.name == TINY_RANDOM:
        return ""
    try:
        own = read_sentence_folder(text_folder(spec), spec.name)
    except SpecError:
        return ""
    ours = reading_of(spec)
    differ = [f"pooling {own.pooling}"] if own.pooling != ours.pooling else []
    differ += (
        [f"the prompt {own.default_prompt!r}"] if own.default_prompt and not ours.prompt else []
    )
    if not differ:
        return ""
    return (
        f"{spec.name} is read with pooling {ours.pooling} (item.text.pooling); its authors mean "
        f"{' and '.join(differ)}, which pooling: own reads."
    )


def _own_reading(spec: TextSpec) -> Reading:
    folder = text_folder(spec)
    own = read_sentence_folder(folder, spec.name)
    prompt = own.default_prompt if spec.prompt is None else spec.prompt
    if spec.prompt_name is not None:
        prompt = named_prompt(folder, spec.prompt_name, spec.name)
    problems = []
    if prompt and not own.includes_prompt:
        problems.append(
            f"item.text.pooling: own, but {spec.name!r} leaves the prompt's tokens out of its "
            "pooling, which is not supported; allowed: cls, mean, last, or prompt: ''"
        )
    if own.max_tokens is not None and spec.max_tokens > own.max_tokens:
        problems.append(
            f"item.text.max_tokens: {spec.max_tokens}, but {spec.name!r} says that it reads at "
            f"most {own.max_tokens}"
        )
    if problems:
        raise SpecError(problems)
    lowercases = own.lowercases if spec.lowercase is None else spec.lowercase
    return Reading(own.pooling, own.normalizes, lowercases, prompt)


def _check_own_vocabulary(spec: TextSpec) -> None:
    """Refuse options that words of the catalogue itself make no difference to."""
    if spec.lowercase is False:
        raise SpecError(
            f"item.text.lowercase: false has no effect: {spec.name!r} reads lower-cased words"
        )
    if spec.pooling == "own" or spec.prompt_name is not None:
        option = "pooling: own" if spec.pooling == "own" else "prompt_name"
        raise SpecError(
            f"item.text.{option} needs a sentence-transformers folder, not {spec.name!r}"
        )
