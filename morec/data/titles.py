"""Titles as encoders read them: HTML replaced where wanted, and what is odd about them counted."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from html.entities import html5

from morec.config import DatasetSpec, TitlesSpec

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|img|"
    r"ins|li|ol|p|pre|q|s|script|small|span|strike|strong|style|sub|sup|table|tbody|td|th|tr|tt|u|"
    r"ul)(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
"""Known tags alone: ``<3`` and ``x < y`` are text."""
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True)
class Titles:
    """A text per item, and how many of them are odd."""

    titles: tuple[str, ...]
    counts: Mapping[str, int]


def read_titles(spec: DatasetSpec, titles: Sequence[str]) -> Titles:
    """Unescape HTML if ``spec`` says so, and count odd titles.

    Counts are ``empty_titles`` and, where there are any, ``titles_with_html``,
    ``titles_with_line_breaks`` (both before HTML is replaced) and ``repeated_titles``: items whose
    title an earlier item has.
    """
    has_html = [_has_html(title) for title in titles]
    unescapes = isinstance(spec, TitlesSpec) and spec.html == "unescape"
    pairs = zip(titles, has_html, strict=True)
    read = tuple(_unescape(title) if odd and unescapes else title for title, odd in pairs)
    filled = Counter(filter(None, read))
    counts = {
        "titles_with_html": sum(has_html),
        "titles_with_line_breaks": sum("\n" in title or "\r" in title for title in titles),
        "repeated_titles": filled.total() - len(filled),
    }
    left = {name: count for name, count in counts.items() if count}
    return Titles(read, {"empty_titles": read.count(""), **left})


def _has_html(title: str) -> bool:
    if "<" in title and _TAG.search(title):
        return True
    return "&" in title and any(_character(found) != found for found in _ENTITY.findall(title))


def _unescape(title: str) -> str:
    """Replace tags by blanks and entities by characters; pages escape some entities twice."""
    text = _TAG.sub(" ", title)
    for _ in range(2):
        text = _ENTITY.sub(lambda found: _character(found[0]), text)
    return _BLANKS.sub(" ", text).strip()


def _character(entity: str) -> str:
    """Return what a known entity stands for; an unknown one stays, its beginning included."""
    is_known = entity.startswith("&#") or entity[1:] in html5
    return unescape(entity) if is_known else entity
