"""Vectors meet their items by id alone, and every fault of a file is said at once."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from morec.data.files import vectors as files
from morec.data.files.vectors import VectorFile
from morec.data.item_vectors import write_aligned
from morec.errors import DataError

Row = tuple[str | None, list[float | None] | None]
NAMES = ("7", "x", " y", "8.5")


def write(folder: Path, rows: list[Row]) -> VectorFile:
    ids = pa.array([one for one, _ in rows], pa.string())
    values = pa.array([values for _, values in rows], pa.list_(pa.float64()))
    pq.write_table(pa.table({"item": ids, "v": values}), folder / "v.parquet")
    return VectorFile(folder / "v.parquet", "item", "v")


def faults(folder: Path, rows: list[Row], names: tuple[str, ...] = NAMES) -> list[str]:
    with pytest.raises(DataError) as caught:
        write_aligned(write(folder, rows), names, folder / "out.npy")
    return str(caught.value).removeprefix("v.parquet: ").split("\nv.parquet: ")


GOOD: list[Row] = [("y", [1, 2]), ("7.0", [3, 4]), ("8.5", [5, 6]), ("x", [7, 8])]


@pytest.mark.parametrize("block_rows", [1, 3, 4096])
def test_vectors_are_matched_by_id_as_ids_are_and_the_others_are_counted(
    block_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BLOCK_ROWS", block_rows)
    rows: list[Row] = [("unknown", [np.nan]), *GOOD[:2], (None, None), *GOOD[2:], ("z", [])]
    counts = write_aligned(write(tmp_path, rows), NAMES, tmp_path / "out.npy")
    written = np.load(tmp_path / "out.npy")
    assert written.dtype == np.float32
    np.testing.assert_array_equal(written, [[3, 4], [7, 8], [1, 2], [5, 6]])
    assert counts == {
        "vectors": 7,
        "vectors_of_items_not_in_the_data": 2,
        "vectors_without_id": 1,
        "item_ids_matched_by_float_spelling": 1,
        "item_ids_matched_by_blanks_at_the_ends": 1,
    }


def test_all_faults_are_said_at_once_with_numbers_and_items(tmp_path: Path) -> None:
    names = tuple("abcdefgh")
    rows: list[Row] = [
        ("a", [1, 2]), ("b", [1, None]), ("c", [1, float("inf")]), ("d", [0, 0]), ("e", [2, 2]),
        ("f", [1, 2, 3]), ("g", None), ("a", [1, 2]), ("q", [9]),
    ]  # fmt: skip
    assert faults(tmp_path, rows, names) == [
        "1 of 8 items without a vector: 'h'",
        "1 of 8 items with several vectors: 'a'",
        "1 of 8 items with an empty or missing list: 'g'",
        "1 of 8 items with a vector of another width than the first, 2: 'f'",
        "2 of 8 items with a vector that holds NaN, infinity or nothing: 'b', 'c'",
        "2 of 8 items with a constant vector, all of whose numbers are equal: 'd', 'e'",
    ]


def test_five_items_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    names = tuple(map(str, range(9)))
    (said,) = faults(tmp_path, [("0", [1, 2]), ("1", [1, 3])], names)
    assert said == "7 of 9 items without a vector: '2', '3', '4', '5', '6' and 2 more"


def test_without_an_id_in_common_both_sides_are_shown_with_the_reason(tmp_path: Path) -> None:
    (said,) = faults(tmp_path, [("007", [1, 2]), ("008", [1, 3])], ("7", "8"))
    assert said.startswith("no id of its rows is an item's: '007', '008'; items have '7', '8'.")
    assert "Leading zeros are lost on one side" in said
    assert faults(tmp_path, [(None, [1, 2])]) == [
        "no id of its rows is an item's: every id is missing"
    ]


def test_numbers_are_ids_as_they_are_in_data_sets(tmp_path: Path) -> None:
    table = {"item": [8, None, 7], "x": [1.0, 2.0, 3.0], "y": [4, 5, 6]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    file = VectorFile(tmp_path / "v.parquet", "item")
    write_aligned(file, ("7", "8"), tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), [[3, 6], [1, 4]])


def test_equal_vectors_of_all_items_are_refused(tmp_path: Path) -> None:
    rows: list[Row] = [(name, [1, 2]) for name in NAMES]
    assert faults(tmp_path, rows) == ["the vectors of all items are equal"]


def test_a_single_dimension_is_no_constant_vector(tmp_path: Path) -> None:
    rows: list[Row] = [(name, [place]) for place, name in enumerate(NAMES)]
    write_aligned(write(tmp_path, rows), NAMES, tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), [[0], [1], [2], [3]])


def test_files_whose_first_rows_have_no_list_still_have_a_width(tmp_path: Path) -> None:
    rows: list[Row] = [("x", None), ("7", [1, 2]), ("y", [2, 3]), ("8.5", [3, 4])]
    assert faults(tmp_path, rows) == ["1 of 4 items with an empty or missing list: 'x'"]
    assert faults(tmp_path, [(name, []) for name in NAMES]) == [
        "4 of 4 items with an empty or missing list: '7', 'x', ' y', '8.5'"
    ]


numbers = st.sampled_from([0.0, 1.0, -2.5, None, float("nan"), float("inf"), 1e300])
anything = st.lists(
    st.tuples(
        st.sampled_from([None, "", " ", "7", "7.0", "x", "y", "8.5", "q", "x"]),
        st.none() | st.lists(numbers, max_size=3),
    ),
    max_size=8,
)


@given(anything)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_gives_every_item_its_own_finite_vector_or_is_refused(
    tmp_path: Path, rows: list[Row]
) -> None:
    try:
        write_aligned(write(tmp_path, rows), NAMES, tmp_path / "out.npy")
    except DataError as error:
        assert str(error).startswith("v.parquet: ")
        return
    written = np.load(tmp_path / "out.npy")
    meant = {"7": 0, "7.0": 0, "x": 1, "y": 2, "8.5": 3}
    expected = dict(sorted((meant[name], values) for name, values in rows if name in meant))
    assert sum(name in meant for name, _ in rows) == len(NAMES)
    assert np.isfinite(written).all()
    np.testing.assert_array_equal(written, np.array(list(expected.values()), np.float32))


def test_five_items_are_all_there_are(tmp_path: Path) -> None:
    names = tuple(map(str, range(7)))
    (said,) = faults(tmp_path, [("0", [1, 2]), ("1", [1, 3])], names)
    assert said == "5 of 7 items without a vector: '2', '3', '4', '5', '6'"


def test_a_single_item_has_its_vector(tmp_path: Path) -> None:
    counts = write_aligned(write(tmp_path, [("7", [1, 2])]), ("7",), tmp_path / "out.npy")
    assert np.load(tmp_path / "out.npy").tolist() == [[1, 2]]
    assert counts["vectors"] == 1
