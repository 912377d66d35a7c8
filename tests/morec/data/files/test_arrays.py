"""numpy's arrays are read as they lie; what is no array, or has other ids, is named."""

import gc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from morec.data.files.arrays import array_blocks, array_ids, load_array, open_vectors
from morec.errors import DataError

VALUES = np.arange(15).reshape(5, 3)
SAY_IDS = "expected one id a row: text or numbers"


def saved(folder: Path, values: Any, name: str = "v.npy") -> Path:
    with (folder / name).open("wb") as stream:
        np.save(stream, values, allow_pickle=True)
    return folder / name


def message_of(path: Path, num_rows: int | None = None) -> str:
    with pytest.raises(DataError) as error:
        open_vectors(path) if num_rows is None else array_ids(path, num_rows=num_rows)
    return str(error.value)


@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f2", "<i8", "|u1"])
def test_vectors_of_numbers_are_mapped(kind: str, tmp_path: Path) -> None:
    found = open_vectors(saved(tmp_path, VALUES.astype(kind)))
    assert isinstance(found, np.memmap)
    assert found.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.ones(3), "float64 of shape (3,)"),
        (np.ones((2, 3, 4)), "float64 of shape (2, 3, 4)"),
        (np.ones((0, 3)), "float64 of shape (0, 3)"),
        (np.ones((3, 0), np.int8), "int8 of shape (3, 0)"),
        (np.ones((2, 3), complex), "complex128 of shape (2, 3)"),
        (np.ones((2, 3), bool), "bool of shape (2, 3)"),
    ],
)
def test_vectors_have_rows_and_columns_of_real_numbers(
    values: Any, what: str, tmp_path: Path
) -> None:
    expected = f"v.npy: holds {what}; expected numbers of shape (rows, width)"
    assert message_of(saved(tmp_path, values)) == expected


@pytest.mark.parametrize(("num_rows", "sizes"), [(2, [2, 2, 1]), (5, [5]), (7, [5]), (1, [1] * 5)])
def test_blocks_are_all_rows_in_order(num_rows: int, sizes: list[int], tmp_path: Path) -> None:
    blocks = list(array_blocks(saved(tmp_path, VALUES), num_rows))
    assert [len(block) for block in blocks] == sizes
    np.testing.assert_array_equal(np.concatenate(blocks), VALUES)


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (np.array([7, 2**60]), ["7", str(2**60)]),
        (np.array([7, 2**64 - 1], np.uint64), ["7", str(2**64 - 1)]),
        (np.array([0.5, 2]), ["0.5", "2.0"]),
        (np.array(["é", "007"]), ["é", "007"]),
        (np.array([b"a", b"bc"]), ["a", "bc"]),
    ],
)
@pytest.mark.parametrize("name", ["ids.npy", "IDS.NPY"])
def test_stored_ids_are_text(values: Any, ids: list[str], name: str, tmp_path: Path) -> None:
    assert array_ids(saved(tmp_path, values, name), num_rows=2).tolist() == ids


@pytest.mark.parametrize("end", ["", "\n"])
def test_lines_are_ids_and_an_empty_one_is_missing(end: str, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_bytes(b"\xef\xbb\xbf" + f"é\n\nc{end}".encode())
    found = array_ids(tmp_path / "ids.txt", num_rows=3)
    assert found.isna().tolist() == [False, True, False]
    assert found.dropna().tolist() == ["é", "c"]
    (tmp_path / "ids.txt").write_bytes(b"")
    none = array_ids(tmp_path / "ids.txt", num_rows=0)
    assert isinstance(none.dtype, pd.StringDtype) and not len(none)


@pytest.mark.parametrize(("num", "is_near"), [(3, False), (4, False), (6, True), (7, False)])
def test_one_line_too_many_may_be_a_header(num: int, is_near: bool, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("x\n" * num)
    cure = " The first line may be a header: take it out." * is_near
    assert message_of(tmp_path / "ids.txt", 5) == (
        f"ids.txt: holds {num} ids for 5 rows of vectors.{cure}"
    )


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.ones((5, 1)), "float64 of shape (5, 1)"),
        (np.array("a"), "<U1 of shape ()"),
        (np.ones(5, bool), "bool of shape (5,)"),
        (np.array([["a"] * 5]), "<U1 of shape (1, 5)"),
    ],
)
def test_stored_ids_are_one_a_row(values: Any, what: str, tmp_path: Path) -> None:
    path = saved(tmp_path, values, "ids.npy")
    assert message_of(path, 5) == f"ids.npy: holds {what}; {SAY_IDS}"


def test_ids_that_are_no_text_are_refused(tmp_path: Path) -> None:
    stored = saved(tmp_path, np.array([b"\xff"]), "ids.npy")
    assert message_of(stored, 1).startswith("ids.npy: holds bytes that are no text: 'ascii' codec")
    (tmp_path / "ids.txt").write_bytes(b"\xff\n")
    assert message_of(tmp_path / "ids.txt", 1).startswith(
        f"ids.txt: cannot be read; {SAY_IDS}: 'utf-8' codec"
    )
    assert message_of(tmp_path / "none.txt", 1).startswith(
        f"none.txt: cannot be read; {SAY_IDS}: [Errno 2]"
    )


def test_no_object_is_unpickled(tmp_path: Path) -> None:
    path = saved(tmp_path, np.array([{}]))
    with pytest.raises(DataError, match=r"^no array in numpy's \.npy format: Object arrays cannot"):
        load_array(path)
    assert message_of(path).startswith("v.npy: no array in numpy's .npy format: ")


@pytest.mark.parametrize("num_bytes", [None, 5], ids=["whole", "broken"])
def test_an_archive_is_no_single_array_and_no_file_stays_open(
    num_bytes: int | None, tmp_path: Path
) -> None:
    """A warning of a file that is left open would fail the test."""
    np.savez(tmp_path / "v.npz", VALUES)
    (tmp_path / "v.npy").write_bytes((tmp_path / "v.npz").read_bytes()[:num_bytes])
    with pytest.raises(DataError) as error:
        load_array(tmp_path / "v.npy")
    assert str(error.value) == "an archive of arrays; expected a single one"
    gc.collect()


def test_a_file_with_fewer_numbers_than_it_says_is_refused_without_a_warning(
    tmp_path: Path,
) -> None:
    with (tmp_path / "v.npy").open("wb") as stream:
        said = {"descr": "<f8", "fortran_order": False, "shape": (2**40, 2**40)}
        np.lib.format.write_array_header_1_0(stream, said)
        stream.write(bytes(64))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert message_of(tmp_path / "v.npy").startswith("v.npy: no array in numpy's .npy format: ")


@pytest.mark.parametrize("code", [0xD800, 0xDFFF, 0x110000, 0x69000000])
@pytest.mark.parametrize("order", "<>")
def test_stored_ids_of_codes_that_are_no_characters_are_refused(
    code: int, order: str, tmp_path: Path
) -> None:
    texts = np.array([ord("a"), ord("b"), code, 0], f"{order}u4").view(f"{order}U2")
    path = saved(tmp_path, texts, "ids.npy")
    assert message_of(path, 2) == (
        f"ids.npy: holds U+{code:X}, which is no character; expected one id a row: text or numbers"
    )


def test_stored_ids_of_any_character_are_read(tmp_path: Path) -> None:
    ids = ["a", "\ud7ff", "\ue000", "\U0010ffff"]
    for texts in (np.array(ids), np.array(ids)[::-1].astype(">U1")[::-1]):
        assert array_ids(saved(tmp_path, texts, "ids.npy"), num_rows=4).tolist() == ids
    empty = saved(tmp_path, np.array(["", ""], "U0"), "none.npy")
    assert array_ids(empty, num_rows=2).isna().all()


def test_an_array_that_python_2_has_written_is_read_without_a_warning(tmp_path: Path) -> None:
    path = saved(tmp_path, np.ones((2, 3), np.float32), "v.npy")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"(2, 3), }  ", b"(2L, 3L), }"))
    assert path.read_bytes() != whole
    assert open_vectors(path).tolist() == [[1.0] * 3] * 2
