"""Files of word vectors in GloVe's format: what is read, which lines are refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from morec.encoders.text.word_vectors import read_word_vectors
from morec.errors import DataError

GLOVE = "the 0.5 -1 2e-1\nmoon 1 2 3\nred 4 5 6\n"
WORDS = ("red", "blue", "moon")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "glove.txt"


def read(path: Path, text: str) -> tuple[list[list[float]], list[bool]]:
    path.write_bytes(text.encode())
    vectors, is_found = read_word_vectors(path, WORDS)
    assert (vectors.dtype, is_found.dtype) == (np.float32, np.bool_)
    return vectors.tolist(), is_found.tolist()


def test_rows_follow_the_words_asked_for_and_missing_ones_are_zero(path: Path) -> None:
    assert read(path, GLOVE) == ([[4, 5, 6], [0, 0, 0], [1, 2, 3]], [True, False, True])


@pytest.mark.parametrize(
    "extra",
    [
        "4 3\n",  # word2vec's header
        "caf\u00a0e\u0301 1 2 3\n",
        "moon landing 7 8 9\n",  # a word with a blank
        "\x85 1 2 3\n\u2028 1 2 3\n",  # line ends to Python, words to GloVe
        "a\rb 1 2 3\n",
        "7 1 2 3\n",  # a word that is a number
    ],
)
def test_what_real_files_also_hold_changes_nothing(path: Path, extra: str) -> None:
    assert read(path, extra + GLOVE) == read(path, GLOVE)


def test_bytes_that_are_no_text_and_windows_line_ends_are_read(path: Path) -> None:
    path.write_bytes(b"\xff\xfe 1 2 3\r\nmoon 1 2 3 \r\n")
    vectors, is_found = read_word_vectors(path, WORDS)
    assert (vectors[2].tolist(), is_found.tolist()) == ([1, 2, 3], [False, False, True])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("red 4 5\n", "'red' has 2 numbers, other words 3"),
        ("red 4 5 6 7\n", "'red' has 4 numbers, other words 3"),
        ("red 4 x 5 6 7\n", "'red' has 5 numbers, other words 3"),
        ("red 4 five 6\n", "'five' is not a number"),
        ("red 4 nan 6\n", "'nan' is not a number"),
    ],
)
def test_a_broken_vector_is_refused_with_its_line(path: Path, line: str, problem: str) -> None:
    with pytest.raises(DataError, match=re.escape(f"{path}, line 3: {problem}")):
        read(path, "the 1 2 3\nmoon 1 2 3\n" + line)


def test_a_broken_vector_of_a_word_that_no_title_has_is_not_read(path: Path) -> None:
    assert read(path, GLOVE + "green 1\n") == read(path, GLOVE)


def test_a_word_that_is_a_number_may_begin_one_with_a_blank(path: Path) -> None:
    path.write_text("7 up 1 2 3\n7 4 5 6\n")
    vectors, is_found = read_word_vectors(path, ("7",))
    assert (vectors.tolist(), is_found.tolist()) == ([[4, 5, 6]], [True])


def test_a_file_of_other_words_is_refused(path: Path) -> None:
    expected = f"{path}: has none of the catalogue's 3 words, such as 'red', 'blue', 'moon'; is it"
    with pytest.raises(DataError, match=re.escape(expected)):
        read(path, "der 1 2\ndie 3 4\n")


@pytest.mark.parametrize("text", ["", "word\n", "400000 300\n"])
def test_a_file_without_vectors_is_refused(path: Path, text: str) -> None:
    with pytest.raises(DataError, match="the first line is no word with its numbers, as GloVe"):
        read(path, text)
