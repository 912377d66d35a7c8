"""Times of a column become sortable whole numbers; a time of another kind is named."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from morec.data.files.times import as_sortable
from morec.errors import DataError


def sortable(*values: object) -> list[object]:
    return as_sortable(pd.Series(values, dtype=object), "t.csv: column 'when'").tolist()


def test_whole_numbers_with_missing_values_stay_exact() -> None:
    nanoseconds = 1_700_000_000_000_000_001
    assert sortable(str(nanoseconds), None, "5") == [nanoseconds, pd.NA, 5]


def test_fractions_become_ranks() -> None:
    assert sortable("2.5", "10", "-1") == [1, 2, 0]


@pytest.mark.parametrize(
    "times",
    [
        ("2023-07-18", "2023-07-18 09:30:00", "2022-12-31T23:59:59Z"),
        ("2023-01-01T10:00:00+02:00", "2023-01-01T09:00:00Z", "2023-01-01T07:00:00Z"),
    ],
)
def test_dates_become_microseconds_of_one_time_zone(times: tuple[str, ...]) -> None:
    moments = [datetime.fromisoformat(time) for time in times]
    expected = [moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() for moment in moments]
    assert sortable(*times) == [int(seconds) * 10**6 for seconds in expected]


def test_parquet_dates_sort() -> None:
    dates = pd.Series(pd.to_datetime(["1970-01-02", None, "1970-01-01"]))
    assert as_sortable(dates, "t").tolist() == [24 * 3600 * 10**6, pd.NA, 0]


@pytest.mark.parametrize(
    ("times", "bad"),
    [
        (("1", "2", "soon"), "1 of 3 times are not like the rest"),
        (("2023-01-01", "2023-01-02", "7"), "1 of 3 times are not like the rest"),
        (("inf", "1"), "1 of 2 times are not like the rest"),
    ],
)
def test_times_of_another_kind_are_counted_and_shown(times: tuple[str, ...], bad: str) -> None:
    with pytest.raises(DataError) as error:
        sortable(*times)
    row = next(row for row, time in enumerate(times) if time in ("soon", "7", "inf"))
    assert str(error.value) == (
        f"t.csv: column 'when': {bad}, allowed are numbers or ISO dates "
        f"(2023-07-18, 2023-07-18 09:30:00), not a mixture: {times[row]!r} (row {row + 1})"
    )


def test_numeric_columns_need_not_be_text() -> None:
    assert as_sortable(pd.Series(np.array([3, 1])), "t").tolist() == [3, 1]
    assert as_sortable(pd.Series([0.5, np.nan, 0.25]), "t").tolist() == [1, pd.NA, 0]
