"""What is guessed of a data set, with the reason, and what nobody but its owner can know."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guess:
    """One option of a dataset, or one key of a study."""

    key: str
    value: Any
    why: str
    """What it was guessed from."""


@dataclass(frozen=True)
class Question:
    """Options that fit in several ways equally well."""

    keys: tuple[str, ...]
    answers: tuple[tuple[Any, ...], ...]
    """Each has a value for every key; at least two answers."""
    text: str
    """The question, with what makes it one."""


@dataclass(frozen=True)
class Detected:
    """How a data set is laid out."""

    kind: str
    """Its reader."""
    name: str
    """What to call it."""
    options: tuple[Guess | Question, ...]
    """Options of its specification besides ``kind``."""
    why: str
    """What ``kind`` was guessed from."""
    has_text: bool
    """Whether its items have titles."""
    has_images: bool
    remarks: tuple[str, ...] = ()
    """What was seen and cannot be used, or might be wanted."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """The open ones."""
        return tuple(one for one in self.options if isinstance(one, Question))

    @property
    def modalities(self) -> tuple[str, ...]:
        """What items have besides their id: ``text``, ``image``."""
        given = {"text": self.has_text, "image": self.has_images}
        return tuple(name for name, is_there in given.items() if is_there)

    def answered(self) -> dict[str, Any]:
        """The dataset as a mapping; every question has its first answer."""
        return {"kind": self.kind, **dict(_settled(self.options))}


def _settled(options: tuple[Guess | Question, ...]) -> Iterator[tuple[str, Any]]:
    for one in options:
        if isinstance(one, Guess):
            yield one.key, one.value
        else:
            yield from zip(one.keys, one.answers[0], strict=True)
