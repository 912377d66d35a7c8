"""Times of a column become sortable whole numbers; a time of another kind is named."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from morec.data.files.times import as_sortable
from morec.errors import DataError

ALLOWED = "Allowed are numbers or ISO dates (2023-07-18, 2023-07-18 09:30:00), not a mixture"
NAMES = {10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}


def sortable(*values: object, time_format: str | None = None) -> list[object]:
    """Times of rows from line 1 on."""
    lines = pd.RangeIndex(1, len(values) + 1)
    column = pd.Series(values, dtype=object, index=lines)
    found = as_sortable(column, "t.csv: column 'when'", time_format)
    assert found.index.equals(lines)
    assert found.dtype == "Int64"
    return found.tolist()


def message_of(*values: object, time_format: str | None = None) -> str:
    with pytest.raises(DataError) as error:
        sortable(*values, time_format=time_format)
    return str(error.value)


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
        (("1", "2", "soon"), "1 of 3 times cannot be read: 'soon' (line 3)"),
        (("soon", None, "1", "2"), "1 of 3 times cannot be read: 'soon' (line 1)"),
        (("inf", "1"), "1 of 2 times cannot be read: 'inf' (line 1)"),
        (("true", "false"), "2 of 2 times cannot be read: 'true' (line 1), 'false' (line 2)"),
    ],
)
def test_times_of_another_kind_are_counted_and_shown(times: tuple[str, ...], bad: str) -> None:
    assert message_of(*times) == f"t.csv: column 'when': {bad}. {ALLOWED}"


@pytest.mark.parametrize(
    ("times", "likely"),
    [
        (("18/07/2023", "01/02/2023"), "'%d/%m/%Y'"),
        (("01/02/2023",), "'%d/%m/%Y' or '%m/%d/%Y'"),
        (("07/18/2023 9:30 AM", "07/19/2023 10:05 PM"), "'%m/%d/%Y %I:%M %p'"),
        (("18.07.2023 09:30",), "'%d.%m.%Y %H:%M'"),
        (("Jul 18, 2023",), "'%b %d, %Y'"),
        (("09 13, 2009",), "'%m %d, %Y'"),
        (("2023-01-01", "2023-01-02", "18/07/2023"), "'%d/%m/%Y'"),
        (("2023-01-01", "2023-01-02", "2023-01-03x"), None),
        (("2023-01-01", "2023-01-02", "7"), None),
    ],
)
def test_an_unreadable_time_names_the_format_that_it_seems_to_have(
    times: tuple[str, ...], likely: str | None
) -> None:
    said = f"; for times like these, kind: files reads time_format: {likely}" if likely else ""
    message = message_of(*times)
    assert message.partition(f". {ALLOWED}")[2] == said
    assert f"{times[-1]!r} (line {len(times)})" in message


@pytest.mark.parametrize(
    ("written", "time_format"),
    [
        ("18/07/2023 9:30 PM", "%d/%m/%Y %I:%M %p"),
        ("07/18/23 21:30", "%m/%d/%y %H:%M"),
        ("202307182130", "%Y%m%d%H%M"),
        ("18 Jul 2023 23:30 +0200", "%d %b %Y %H:%M %z"),
    ],
)
def test_times_are_read_by_their_format(written: str, time_format: str) -> None:
    moment = datetime(2023, 7, 18, 21, 30, tzinfo=UTC)
    expected = int(moment.timestamp()) * 10**6
    assert sortable(written, "NULL", time_format=time_format) == [expected, pd.NA]


def test_numbers_are_read_by_a_format_too() -> None:
    days = pd.Series([20230718, 20230719])
    first, second = as_sortable(days, "t", "%Y%m%d").tolist()
    assert second - first == 86_400 * 10**6


def test_times_that_do_not_fit_their_format_are_named() -> None:
    times = ("18/07/2023", "07/18/2023")
    assert message_of(*times, time_format="%d/%m/%Y") == (
        "t.csv: column 'when': 1 of 2 times cannot be read: '07/18/2023' (line 2). "
        "Wanted: time_format '%d/%m/%Y'; these fit '%m/%d/%Y'"
    )


def test_a_format_for_stored_dates_is_refused() -> None:
    with pytest.raises(DataError, match="time_format has no effect: the file stores"):
        as_sortable(pd.Series(pd.to_datetime(["1970-01-02"])), "t", "%Y")


@pytest.mark.parametrize(
    "missing", [None, "", " ", "NaN", "nan", "NULL", "None", r"\N", "NaT", "NA"]
)
def test_a_missing_time_is_missing_however_it_is_written(missing: str | None) -> None:
    assert sortable("5", missing, "7") == [5, pd.NA, 7]
    assert sortable("1970-01-02", missing) == [24 * 3600 * 10**6, pd.NA]


@pytest.mark.parametrize("values", [[None, None], ["NULL", ""], [np.nan, np.nan]])
def test_a_column_without_times_is_refused(values: list[object]) -> None:
    assert message_of(*values) == (
        "t.csv: column 'when': none of 2 rows has a time. Interactions without times are "
        "read by kind: files with order: file or order: none"
    )


def test_a_boolean_column_is_refused() -> None:
    with pytest.raises(DataError, match="t: holds true and false, no times"):
        as_sortable(pd.Series([True, False]), "t")
    with pytest.raises(DataError, match="t: holds true and false, no times"):
        as_sortable(pd.Series([True, None], dtype="boolean"), "t")


@pytest.mark.parametrize("unit", [10**3, 10**6, 10**9])
def test_clock_times_of_several_units_are_refused(unit: int) -> None:
    later = 1_689_681_600 * unit
    assert message_of("1672574400", "1672574401", str(later)) == (
        "t.csv: column 'when': times of several units: 2 in seconds (1672574400 to 1672574401, "
        f"2023-01-01 to 2023-01-01), 1 in {NAMES[unit]} ({later} to {later}, 2023-07-18 to "
        "2023-07-18); write all of them in one unit"
    )


def test_numbers_of_64_bits_without_a_sign_are_read() -> None:
    assert sortable(str(2**64 - 1), "3") == [2**63 - 1, 3]
    stored = pd.Series(np.array([2**64 - 1, 3], dtype=np.uint64))
    assert as_sortable(stored, "t").tolist() == [2**63 - 1, 3]


def test_a_spreadsheets_spelling_is_a_whole_number() -> None:
    assert sortable("1.60E+09", "1600000123", "1.6e9", "7.0") == [
        *(1_600_000_000, 1_600_000_123, 1_600_000_000, 7),
    ]


def test_clock_times_with_fractions_become_microseconds() -> None:
    assert sortable("1600000000.25", "1600000001") == [1_600_000_000_250_000, 1_600_000_001 * 10**6]
    assert sortable("1600000000000.5", "1600000000001") == [
        *(1_600_000_000_000_500, 1_600_000_000_001_000),
    ]


def test_numeric_columns_need_not_be_text() -> None:
    assert as_sortable(pd.Series(np.array([3, 1])), "t").tolist() == [3, 1]
    assert as_sortable(pd.Series([0.5, np.nan, 0.25]), "t").tolist() == [1, pd.NA, 0]


def test_times_of_several_zones_in_a_format_are_moments() -> None:
    times = ("02/01/1970 02:00 +0200", "02/01/1970 02:00 +0000")
    hour = 3600 * 10**6
    assert sortable(*times, time_format="%d/%m/%Y %H:%M %z") == [24 * hour, 26 * hour]


def test_stored_dates_of_another_zone_are_moments() -> None:
    dates = pd.Series(pd.to_datetime(["1970-01-02 01:00", "1970-01-01 01:00:00.000001"],
                                     format="ISO8601"))  # fmt: skip
    found = as_sortable(dates.dt.tz_localize("Europe/Berlin"), "t").tolist()
    assert found == [24 * 3600 * 10**6, 1]


def test_three_times_that_cannot_be_read_are_shown_with_their_lines() -> None:
    assert message_of("x", "1", "y", None, "x", "z").startswith(
        "t.csv: column 'when': 4 of 5 times cannot be read: 'x' (line 1), 'y' (line 3), 'x' "
        "(line 5). Allowed"
    )


def test_numbers_too_large_for_whole_ones_are_ranked() -> None:
    """Two whole numbers beyond 2**53 may be one float."""
    assert as_sortable(pd.Series([2.0**53, 0.0]), "t").tolist() == [1, 0]
    assert as_sortable(pd.Series([2.0**53 - 1, -5.0]), "t").tolist() == [2**53 - 1, -5]
    assert as_sortable(pd.Series([-(2.0**53), 0.0]), "t").tolist() == [0, 1]


def test_microseconds_with_fractions_are_ranked() -> None:
    """As whole microseconds they would tie."""
    times = ("1600000000000000.25", "1600000000000000.5", "1600000000000000")
    assert sortable(*times) == [1, 2, 0]


def test_whole_numbers_beside_fractions_are_ranked() -> None:
    assert sortable("7.5", "7", "1000") == [1, 0, 2]
