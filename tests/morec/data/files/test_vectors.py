"""Vectors are streamed from every format with the same numbers, and what is no vector is named."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from morec.data.files import vectors as module
from morec.data.files.vectors import VectorFile
from morec.errors import DataError

IDS = ["a", "b", "c", "d", "e"]
VALUES = np.arange(15, dtype=np.float32).reshape(5, 3) / 4


def lists(folder: Path, kind: pa.DataType) -> VectorFile:
    column = pa.array(VALUES.tolist(), type=kind)
    pq.write_table(pa.table({" item ": IDS, "vector": column}), folder / "lists.parquet")
    return VectorFile(folder / "lists.parquet", "item", "vector")


def numbers(folder: Path) -> VectorFile:
    columns = {f"d{place}": VALUES[:, place] for place in range(3)}
    pq.write_table(pa.table({"d0": columns["d0"], "item": IDS, **columns}), folder / "n.parquet")
    return VectorFile(folder / "n.parquet", "item")


def text(folder: Path, separator: str, name: str) -> VectorFile:
    rows = zip(IDS, VALUES.tolist(), strict=True)
    lines = [["item", "x", "y", "z"], *([one, *map(str, values)] for one, values in rows)]
    (folder / name).write_text("\n".join(separator.join(line) for line in lines) + "\n")
    return VectorFile(folder / name, "item")


def array(folder: Path, ids: str, dtype: str = "<f4") -> VectorFile:
    np.save(folder / "v.npy", VALUES.astype(dtype))
    if ids.endswith(".npy"):
        np.save(folder / ids, np.array(IDS))
    else:
        (folder / ids).write_bytes(b"\xef\xbb\xbf" + "\r\n".join(IDS).encode() + b"\r\n")
    return VectorFile(folder / "v.npy", str(folder / ids))


FORMATS: dict[str, Any] = {
    "lists": lambda folder: lists(folder, pa.list_(pa.float32())),
    "large lists of doubles": lambda folder: lists(folder, pa.large_list(pa.float64())),
    "fixed lists of halves": lambda folder: lists(folder, pa.list_(pa.float16(), 3)),
    "columns of Parquet": numbers,
    "csv": lambda folder: text(folder, ",", "v.csv"),
    "tsv": lambda folder: text(folder, "\t", "v.tsv"),
    "npy and text": lambda folder: array(folder, "ids.txt"),
    "npy and npy": lambda folder: array(folder, "ids.npy"),
    "big-endian doubles": lambda folder: array(folder, "ids.txt", ">f8"),
}


@pytest.mark.parametrize("rows", [2, 4096])
@pytest.mark.parametrize("name", FORMATS)
def test_ids_numbers_and_width_are_those_that_were_written(
    name: str, rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", rows)
    file = FORMATS[name](tmp_path)
    blocks = list(file.read_blocks())
    assert [one.strip() for one in file.read_ids().astype(str)] == IDS
    assert [n for block in blocks for n in block.lengths_n.tolist()] == [3] * 5
    assert all(block.values.dtype == np.float32 for block in blocks)
    np.testing.assert_array_equal(np.concatenate([b.values for b in blocks]), VALUES.ravel())
    assert file.width() == 3


def test_missing_lists_numbers_and_ids_are_kept_as_missing(tmp_path: Path) -> None:
    table = {"item": ["a", None, "c", "d"], "v": [[1.0, None], None, [], [2.0, 3.0, 4.0]]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    file = VectorFile(tmp_path / "v.parquet", "item", "v")
    (block,) = file.read_blocks()
    assert block.lengths_n.tolist() == [2, 0, 0, 3]
    np.testing.assert_array_equal(block.values, np.array([1, np.nan, 2, 3, 4], np.float32))
    assert file.read_ids().isna().tolist() == [False, True, False, False]
    (tmp_path / "ids.txt").write_text("a\n\nc\nd")
    np.save(tmp_path / "v.npy", np.ones((4, 2)))
    named = VectorFile(tmp_path / "v.npy", str(tmp_path / "ids.txt")).read_ids()
    assert named.isna().tolist() == [False, True, False, False]


def test_numbers_too_large_for_float32_become_infinite(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([[1e300, 1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (block,) = VectorFile(tmp_path / "v.npy", "ids.txt").read_blocks()
    assert block.values.tolist() == [np.inf, 1.0]


WRONG: dict[str, tuple[Any, str, str | None, str]] = {
    "no.parquet": (b"PAR1 no", "item", "v", "cannot be read"),
    "other.parquet": ({"item": ["a"], "v": ["x"]}, "item", "v", "holds string; expected a list"),
    "texts.parquet": ({"item": ["a"], "v": [["x"]]}, "item", "v", "expected a list of numbers"),
    "typo.parquet": (
        {"item": ["a"], "vector": [[1.0]]},
        "item",
        "vectr",
        "no column 'vectr' (column). Did you mean 'vector'?",
    ),
    "unnamed.parquet": ({"item": ["a"], "v": [[1.0]]}, "item", None, "v holds lists; name it by"),
    "alone.parquet": ({"item": ["a"]}, "item", None, "no column but the ids 'item'"),
    "words.csv": (b"item,x\na,1\nb,two\n", "item", None, "column 'x' holds no numbers"),
    "lists.csv": (b"item,x\na,1\n", "item", "x", "lists of numbers are read from Parquet only"),
    "pickled.npy": (np.array([{}]), "ids", None, "no array in numpy's .npy format"),
    "text.npy": (b"hello", "ids", None, "no array in numpy's .npy format"),
    "flat.npy": (np.ones(3), "ids", None, "float64 of shape (3,); expected numbers of shape"),
    "none.npy": (np.ones((0, 3)), "ids", None, "shape (0, 3)"),
    "complex.npy": (np.ones((2, 3), complex), "ids", None, "holds complex128"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_file_of_vectors_says_so_with_its_name(name: str, tmp_path: Path) -> None:
    content, ids, column, message = WRONG[name]
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif isinstance(content, dict):
        pq.write_table(pa.table(content), path)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(DataError) as caught:
        list(VectorFile(path, ids, column).read_blocks())
    assert str(caught.value).startswith(name)
    assert message in str(caught.value)


def test_an_archive_of_arrays_is_no_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", VALUES)
    (tmp_path / "v.npz").rename(tmp_path / "v.npy")
    with pytest.raises(DataError, match=r"v\.npy: an archive of arrays; expected a single one"):
        VectorFile(tmp_path / "v.npy", "ids.txt").width()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"item\na\nb\nc\nd\ne\n", "holds 6 ids for 5 rows of vectors. The first line may be a h"),
        (b"a\nb\n", "holds 2 ids for 5 rows of vectors."),
        (b"\xff\xfe", "cannot be read; expected one id a row"),
        (np.ones((5, 1)), "holds float64 of shape (5, 1); expected one id a row"),
        (np.ones(5, bool), "holds bool of shape (5,)"),
    ],
)
def test_ids_of_an_array_are_one_a_row(content: Any, message: str, tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", VALUES)
    is_text = isinstance(content, bytes)
    ids = tmp_path / ("ids.txt" if is_text else "ids.npy")
    ids.write_bytes(content) if is_text else np.save(ids, content)
    with pytest.raises(DataError) as caught:
        VectorFile(tmp_path / "v.npy", str(ids)).read_ids()
    assert str(caught.value).startswith(f"{ids.name}: ")
    assert message in str(caught.value)


def test_a_column_of_ids_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    file = lists(tmp_path, pa.list_(pa.float32()))
    with pytest.raises(DataError, match=r"no column 'itm' \(ids\)\. Did you mean 'item'\?"):
        VectorFile(file.path, "itm", "vector").read_ids()


def test_the_files_of_an_array_are_itself_and_that_of_its_ids() -> None:
    array, table = VectorFile(Path("V.NPY"), "b/ids.txt"), VectorFile(Path("v.parquet"), "ids", "v")
    assert (array.is_array, table.is_array) == (True, False)
    assert array.files == (Path("V.NPY"), Path("b/ids.txt"))
    assert table.files == (Path("v.parquet"),)


@pytest.mark.parametrize(
    ("vectors", "width"),
    [([[1.0, 2.0], [3.0], None], 2), ([None, [3.0]], None), ([[], [3.0]], None), ([], None)],
)
def test_the_width_of_lists_is_that_of_the_first(
    vectors: list[Any], width: int | None, tmp_path: Path
) -> None:
    column = pa.array(vectors, pa.list_(pa.float32()))
    table = pa.table({"item": [str(row) for row in range(len(vectors))], "v": column})
    pq.write_table(table, tmp_path / "v.parquet")
    assert VectorFile(tmp_path / "v.parquet", "item", "v").width() == width


def test_lists_and_columns_of_whole_numbers_are_vectors(tmp_path: Path) -> None:
    pq.write_table(pa.table({"v": [[1, 2], [3, 4]], "i": ["a", "b"]}), tmp_path / "v.parquet")
    (block,) = VectorFile(tmp_path / "v.parquet", "i", "v").read_blocks()
    assert (block.lengths_n.tolist(), block.values.tolist()) == ([2, 2], [1, 2, 3, 4])
    pq.write_table(pa.table({"x": [1, None], "i": ["a", "b"], "y": [3, 4]}), tmp_path / "v.parquet")
    (block,) = VectorFile(tmp_path / "v.parquet", "i").read_blocks()
    assert block.lengths_n.dtype == np.int64
    assert block.lengths_n.tolist() == [2, 2]
    np.testing.assert_array_equal(block.values, np.array([1, 3, np.nan, 4], np.float32))


def test_a_column_of_single_numbers_holds_no_vectors(tmp_path: Path) -> None:
    pq.write_table(pa.table({"i": ["a"], "v": [1.0]}), tmp_path / "v.parquet")
    with pytest.raises(DataError) as error:
        list(VectorFile(tmp_path / "v.parquet", "i", "v").read_blocks())
    assert str(error.value) == (
        "v.parquet: column 'v' (column) holds double; expected a list of numbers a row"
    )


def test_every_dimension_at_fault_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("x,item,x,y\n1,a,2,3\n")
    problem = "v.csv: 2 columns are named 'x' (dimension {}): columns 1 and 3"
    with pytest.raises(DataError) as error:
        list(VectorFile(tmp_path / "v.csv", "item").read_blocks())
    assert str(error.value) == "\n".join(problem.format(place) for place in (0, 1))
