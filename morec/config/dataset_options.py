"""Options that several kinds of datasets have: how histories are cut, where images lie, how text
files are written.
"""

import codecs
import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from morec.config.base import Spec

Ties = Literal["hash", "file", "item"]
"""What orders a user's interactions at equal times, see ``WindowSpec.ties``."""
YEARS = ("%Y", "%y", "%c", "%x", "%G")
"""Parts of a time format that name the year."""
ESCAPES = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})
"""Python's ways of writing names and literals in ASCII, which it lists among its encodings."""


def _check_separator(text: str) -> str:
    if text in ("", '"') or any(end in text for end in "\r\n\0"):
        raise ValueError(f"{text!r} cannot separate fields; for example ';', '::', ' ' or \"\\t\"")
    # In YAML, '\t' in single quotes is a backslash and a t, and a tab is meant.
    return "\t" if text in ("\\t", "tab") else text


def _check_encoding(name: str) -> str:
    try:
        "a".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = None
    if found is None or found in ESCAPES:
        raise ValueError(f"{name!r} is no encoding; for example utf-16, latin-1 or gbk")
    return found


def _check_time_format(given: str) -> str:
    try:
        datetime.strptime("", given)
    except re.error as error:
        raise ValueError(f"{given!r} names a part twice: {error}") from error
    except ValueError as error:
        if "does not match" not in str(error):
            raise
    if not any(year in given for year in YEARS):
        raise ValueError(f"{given!r} names no year; write it like '%d/%m/%Y %H:%M'")
    return given


Separator = Annotated[str, AfterValidator(_check_separator)]
"""What separates the fields of a row: one or more characters; ``" "`` is any number of blanks."""
Encoding = Annotated[str, AfterValidator(_check_encoding)]
"""The name of one of Python's encodings of text; a byte order mark is no part of the text."""
TimeFormat = Annotated[str, AfterValidator(_check_time_format)]
"""How times are written, as ``datetime.strptime`` reads them; it names the year."""


class WindowSpec(Spec):
    """Base of every dataset: how a user's history is cut.

    Source: paper, section 3, and ``read_behaviors`` of the paper's code.
    """

    min_seq_len: int = Field(5, ge=3)
    """Users with fewer interactions are dropped before their window is cut."""
    max_seq_len: int = Field(20, ge=1)
    """L: model inputs per user; the latest L + 3 interactions are kept (paper: 20 or 10)."""
    max_users: int | None = Field(None, ge=10)
    """Number of users that are kept of those with enough interactions. They are drawn at random;
    every run draws the same ones (the paper's 50K subsets)."""
    warm: int = Field(0, ge=0)
    """Warm-N: items with fewer than N interactions in the full data are dropped first; 0 = off."""
    ties: Ties = "hash"
    """Order of a user's interactions at equal times: by a hash of user and item, as in the file, or
    as in the catalogue of items. A file's own order mostly follows item numbers, which only a model
    of item IDs can learn; ``file`` is right where rows are written as they happen."""


class MissingImagesSpec(WindowSpec):
    """Base of datasets whose images may be missing or broken."""

    missing_images: Literal["error", "drop"] = "error"
    """Items whose image is missing or broken: stop and say which, or drop and count them."""


class ImagesSpec(MissingImagesSpec):
    """Base of datasets whose images lie in a folder, an LMDB or a Parquet file."""

    images: str | None = None
    """Folder of ``<item>.jpg`` (.png, .webp, ...; also in folders below it), an LMDB of the
    paper's layout, or a Parquet file with the columns ``item_id`` and ``image``. Needed if an arm
    reads images."""

    @model_validator(mode="after")
    def _images_can_be_missing(self) -> Self:
        check_missing_images(self.missing_images, self.images, "images")
        return self


class RatingsSpec(Spec):
    """Base of datasets whose interactions may have ratings."""

    min_rating: float | None = None
    """Rows of a lower rating, or of none, are dropped; not given: every rating counts alike."""


class TitlesSpec(Spec):
    """Base of datasets whose titles may come from web pages."""

    html: Literal["unescape", "keep"] = "keep"
    """HTML in titles: replace entities (``&#039;``) by their characters and tags (``<b>``) by
    blanks, or keep both as text."""


def check_missing_images(choice: str, images: str | None, option: str) -> None:
    """Raise a ``ValueError`` for ``missing_images: drop`` where no images are given."""
    if choice == "drop" and images is None:
        raise ValueError(f"missing_images: drop has no effect: {option} is not given")
