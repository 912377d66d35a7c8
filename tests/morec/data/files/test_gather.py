"""Gathered batches keep every value, and texts, numbers and missing values their types."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.files import gather as module
from morec.data.files.gather import explode, gather
from tests.morec.data.hand_made import quick

words = st.sampled_from(["a", "b", "NA", "long name", "", None])


def batch_of(**columns: list[object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(columns)


@quick
@given(st.lists(st.lists(words, min_size=1, max_size=5), min_size=1, max_size=8))
def test_merging_batches_at_any_size_keeps_all_texts(
    monkeypatch_merge: None, batches: list[list[str | None]]
) -> None:
    schema = pa.schema([("t", pa.string())])
    table = gather(pa.RecordBatch.from_pydict({"t": batch}, schema) for batch in batches)
    found = [None if text is np.nan else text for text in table["t"].tolist()]
    assert found == [text or None for batch in batches for text in batch]
    assert table["t"].cat.categories.is_unique


@pytest.fixture(scope="module")
def monkeypatch_merge() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MERGE_ROWS", 4)
        yield


def test_whole_numbers_with_missing_values_become_int64() -> None:
    table = gather([batch_of(n=["9007199254740993", None]), batch_of(n=["-2"])], numbers=["n"])
    assert table["n"].dtype == "Int64"
    assert table["n"].dropna().tolist() == [9007199254740993, -2]


@pytest.mark.parametrize("order", [1, -1])
def test_a_column_with_one_text_that_is_no_number_stays_text(order: int) -> None:
    batches = [batch_of(n=["1", "2"]), batch_of(n=["soon"]), batch_of(n=["3"])][::order]
    table = gather(batches, numbers=["n"])
    assert sorted(table["n"].tolist()) == ["1", "2", "3", "soon"]


def test_other_types_are_kept() -> None:
    table = gather([batch_of(n=[1, None], x=[0.5, 1.5])])
    assert table["n"].tolist()[0] == 1
    assert table["n"].isna().tolist() == [False, True]
    assert table["x"].tolist() == [0.5, 1.5]


def test_every_word_gets_a_row_and_an_empty_list_a_row_without_a_word() -> None:
    batch = batch_of(user=["u", "v", None, "w"], items=[" b  a ", "", "c", None], time=[1, 2, 3, 4])
    assert explode(batch, "items").to_pylist() == [
        {"user": "u", "time": 1, "items": "b"},
        {"user": "u", "time": 1, "items": "a"},
        {"user": "v", "time": 2, "items": ""},
        {"user": None, "time": 3, "items": "c"},
        {"user": "w", "time": 4, "items": ""},
    ]


def test_rows_are_numbered_from_one_and_types_are_kept() -> None:
    columns = {
        "small": pa.array([1, None, 3], pa.int32()),
        "day": pa.array([19_000, 0, None], pa.date32()),
        "code": pa.array([7, 8, 7]).dictionary_encode(),
    }
    table = gather([pa.RecordBatch.from_pydict(columns)])
    assert table.index.tolist() == [1, 2, 3]
    assert [str(kind) for kind in table.dtypes[:2]] == ["Int32", "datetime64[ms]"]
    assert table["day"].tolist()[:2] == [pd.Timestamp("2022-01-08"), pd.Timestamp("1970-01-01")]
    assert table["code"].tolist() == [7, 8, 7]


@pytest.mark.parametrize(
    "kind",
    [
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.dictionary(pa.int32(), pa.string()),
        pa.dictionary(pa.int8(), pa.large_string()),
    ],
)
def test_texts_of_every_type_are_categories_and_empty_ones_missing(kind: pa.DataType) -> None:
    texts = pa.array(["a", "", None, "NA", "a"])
    values = (
        texts.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else texts.cast(kind)
    )
    found = gather([pa.RecordBatch.from_pydict({"t": values})])["t"]
    assert found.cat.categories.tolist() == ["a", "NA"]
    assert found.cat.codes.tolist() == [0, -1, -1, 1, 0]


def test_what_programs_write_for_a_missing_number_is_missing() -> None:
    texts = ["1", "NULL", r"\N", "n/a", None, "-7"]
    table = gather([batch_of(n=texts, t=texts)], numbers=["n"])
    assert table["n"].dtype == "Int64"
    assert table["n"].fillna(0).tolist() == [1, 0, 0, 0, 0, -7]
    assert table["t"].dropna().tolist() == ["1", "NULL", r"\N", "n/a", "-7"]


def test_columns_beside_words_keep_their_texts() -> None:
    batch = batch_of(items=["b a"], user=["007"], other=[""])
    assert explode(batch, "items").to_pylist() == [
        {"user": "007", "other": None, "items": "b"},
        {"user": "007", "other": None, "items": "a"},
    ]
