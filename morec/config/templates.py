"""Templates: texts of several columns, like ``{title}. {brand}``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator

TITLE = "title"
"""Where the items' file has no column of this name, the title that the data set has."""


@dataclass(frozen=True)
class Piece:
    """Literal text, blanks kept, and the column right behind it; None where none follows."""

    literal: str
    column: str | None


def pieces_of(template: str) -> tuple[Piece, ...]:
    """Take a template apart.

    Raises:
        ValueError: it is none, or names no column.
    """
    try:
        pieces = tuple(_pieces(template))
    except ValueError as error:
        raise ValueError(
            f"template {template!r}: {error}; for example '{{title}}. {{brand}}'"
        ) from (error)
    if not any(piece.column for piece in pieces):
        raise ValueError(
            f"template {template!r} names no column; for example '{{title}}. {{brand}}'"
        )
    return pieces


def template_columns(template: str | None) -> tuple[str, ...]:
    """The columns that a template names, each once; none without a template."""
    pieces = pieces_of(template) if template is not None else ()
    return tuple(dict.fromkeys(piece.column for piece in pieces if piece.column is not None))


def fill(pieces: tuple[Piece, ...], value_of: Callable[[str], str]) -> str:
    """A template's text with the values of its columns.

    Where a value is empty, the literal text in front of its column is left out with it. Runs of
    blanks become one.
    """
    filled = []
    for piece in pieces:
        value = value_of(piece.column) if piece.column is not None else ""
        if value or piece.column is None:
            filled.append(piece.literal + value)
    return " ".join("".join(filled).split())


def _pieces(template: str) -> Iterator[Piece]:
    for literal, name, form, conversion in Formatter().parse(template):
        if name is not None and (form or conversion):
            raise ValueError(f"{{{name}...}} may hold a column's name and nothing else")
        if name is not None and not name.strip():
            raise ValueError("{} names no column")
        yield Piece(literal, name)


def _check(template: str) -> str:
    pieces_of(template)
    return template


Template = Annotated[str, AfterValidator(_check)]
"""Text with names of columns in braces; ``{{`` and ``}}`` are braces."""
