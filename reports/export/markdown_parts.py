"""Lists and tables of GitHub's Markdown, and text that is none."""

from collections.abc import Iterable, Iterator, Sequence

_SPECIAL = {ord(char): f"\\{char}" for char in "\\`*_{}[]()#+!|~"} | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord("\n"): " ",
}


def bullets(lines: Iterable[str]) -> Iterator[str]:
    """A list; the first line stands at once, each other one on a line of its own."""
    for index, line in enumerate(lines):
        yield f"{'' if index else chr(10)}- {plain(line)}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, line by line: the first column to the left, all others to the right."""
    yield _row(header)
    yield _row([Raw("---"), *[Raw("---:")] * (len(header) - 1)])
    for row in rows:
        yield _row(row)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell if isinstance(cell, Raw) else plain(cell) for cell in cells)} |"


class Raw(str):
    """Text that is Markdown already and is not escaped."""


def plain(text: str) -> str:
    """Text in which nothing is Markdown or HTML."""
    return text.translate(_SPECIAL)
