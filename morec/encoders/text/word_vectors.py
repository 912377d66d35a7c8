"""Pretrained word vectors in GloVe's text format: a word and its numbers per line.

Shapes: V words asked for, E numbers per vector.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from morec.errors import DataError


def read_word_vectors(
    path: Path, words: Sequence[str]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The vectors_VE of ``words`` and is_found_V; the vectors of words not found are zero.

    The file is streamed once and only what is asked for is kept. A first line of two numbers
    (word2vec's and fastText's header) is skipped.

    Raises:
        DataError: a line of a word asked for is not its vector, or no word is found.
    """
    row_of = {word: row for row, word in enumerate(words)}
    dim = _dim(path)
    vectors_VE = np.zeros((len(words), dim), dtype=np.float32)
    is_found_V = np.zeros(len(words), dtype=np.bool_)
    for number, line in _lines(path):
        row = row_of.get(line.partition(" ")[0])
        if row is None:
            continue
        vector_E = _vector(line, dim, f"{path}, line {number}")
        if vector_E is not None:
            vectors_VE[row], is_found_V[row] = vector_E, True
    if not is_found_V.any():
        raise DataError(
            f"{path}: has none of the catalogue's {len(words)} words, such as "
            f"{', '.join(map(repr, words[:5]))}; is it of another language?"
        )
    return vectors_VE, is_found_V


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    # Some words hold other line ends, and bytes that are no UTF-8.
    with path.open(encoding="utf-8", errors="replace", newline="\n") as stream:
        for number, line in enumerate(stream, start=1):
            yield number, line.rstrip("\r\n ")


def _dim(path: Path) -> int:
    rows = (line.split(" ") for _, line in _lines(path))
    first = next((row for row in rows if len(row) != 2), [])
    dim = sum(1 for _ in takewhile(_is_number, reversed(first[1:])))
    if dim < 1:
        raise DataError(f"{path}: the first line is no word with its numbers, as GloVe writes them")
    return dim


def _vector(line: str, dim: int, where: str) -> npt.NDArray[np.float32] | None:
    """None: the line is of a word with blanks, which the catalogue does not have."""
    word, *numbers = line.rsplit(" ", dim)
    is_other_word = " " in word and not any(map(_is_number, word.split(" ")[1:]))
    if is_other_word and len(numbers) == dim:
        return None
    found = line.split(" ")
    if len(found) != dim + 1:
        raise DataError(f"{where}: {found[0]!r} has {len(found) - 1} numbers, other words {dim}")
    wrong = next((number for number in numbers if not _is_number(number)), None)
    if wrong is not None:
        raise DataError(f"{where}: {wrong!r} is not a number")
    return np.array(numbers, dtype=np.float32)


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False
