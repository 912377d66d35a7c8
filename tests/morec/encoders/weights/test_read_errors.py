"""Whatever a library raises about a file is one sentence, and our own errors stay as they are."""

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from morec.encoders.weights.read_errors import as_data_error
from morec.errors import DataError, SpecError


def test_a_plain_exception_of_the_tokenizers_says_where(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"a": 1 "b"}')
    with (
        pytest.raises(DataError, match=r"^here: expected `,` or `\}` at line 1") as caught,
        as_data_error("here"),
    ):
        Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert type(caught.value.__cause__) is Exception


@pytest.mark.parametrize("error", [SpecError("as it is"), DataError("as it is"), MemoryError()])
def test_our_own_errors_and_missing_memory_stay(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, as_data_error("here"):
        raise error
    assert caught.value is error


@pytest.mark.parametrize("error", [KeyError("a"), TypeError("b\nc"), AttributeError("d")])
def test_any_other_error_has_its_first_line_behind_the_place(error: Exception) -> None:
    with pytest.raises(DataError, match=r"^here: ") as caught, as_data_error("here"):
        raise error
    assert "\n" not in str(caught.value)
