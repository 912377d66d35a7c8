"""The unit of clock times is found, and numbers among them that are no times are told apart."""

from datetime import UTC, datetime

import numpy as np
import pytest

from morec.data.clock import LAST_CLOCK_S, check_one_unit, look_rounded, read_clock
from morec.errors import DataError

NOON = 1_672_574_400
"""1 January 2023, 12:00, in seconds from 1970."""
DAY = 86_400
YEAR_9999 = 253_402_214_400
"""30 December 9999 in seconds from 1970."""


def clock_of(*times: int) -> tuple[int | None, list[int], list[int]]:
    """The unit, and the rows without a usable time: zero or before, and far."""
    clock = read_clock(np.array(times, dtype=np.int64))
    masks = (clock.is_zero, clock.is_far)
    zero, far = ([] if mask is None else np.flatnonzero(mask).tolist() for mask in masks)
    return clock.ticks_per_s, zero, far


@pytest.mark.parametrize("ticks", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("zero", [0, -1, -(2**63), 3600])
def test_a_zero_or_negative_time_among_real_ones_is_told_apart(ticks: int, zero: int) -> None:
    assert clock_of(NOON * ticks, zero, (NOON + 5) * ticks) == (ticks, [1], [])


@pytest.mark.parametrize("ticks", [1, 10**3, 10**6])
@pytest.mark.parametrize("far", [YEAR_9999, LAST_CLOCK_S, 2**32, 2**31 - 1, 99_999_999_999_999])
def test_a_time_in_the_far_future_is_told_apart(ticks: int, far: int) -> None:
    times = np.array([NOON * ticks, (NOON + 5) * ticks, min(far * ticks, 2**63 - 1)])
    assert clock_of(*times.tolist()) == (ticks, [], [2])
    if far != 99_999_999_999_999:
        check_one_unit(times, "never raised")


def test_the_largest_whole_number_is_no_time() -> None:
    assert clock_of(NOON * 10**9, 2**63 - 1, NOON * 10**9) == (10**9, [], [1])


def test_zero_and_far_times_may_occur_together() -> None:
    assert clock_of(NOON, 0, YEAR_9999, NOON, NOON, NOON) == (1, [1], [2])


@pytest.mark.parametrize(
    "times",
    [
        [NOON, NOON, 0, 0],
        [NOON, NOON, NOON, 40 * DAY],
        [NOON] * 20 + list(range(-11, 0)),
    ],
    ids=["half are zero", "a number between", "many different ones"],
)
def test_numbers_are_an_order_where_too_much_is_odd(times: list[int]) -> None:
    assert clock_of(*times) == (None, [], [])


def test_many_different_zeros_are_none_if_they_are_few_of_all() -> None:
    zeros = list(range(-11, 0))
    assert clock_of(*[NOON] * 2000, *zeros) == (1, list(range(2000, 2011)), [])


def test_half_in_milliseconds_and_half_in_seconds_is_an_error_with_both_ranges() -> None:
    times = np.array([NOON, NOON * 1000, NOON + DAY, (NOON + 2 * DAY) * 1000, 0])
    with pytest.raises(DataError) as error:
        check_one_unit(times, "log.csv: column 'time'")
    assert str(error.value) == (
        "log.csv: column 'time': times of several units: "
        "2 in seconds (1672574400 to 1672660800, 2023-01-01 to 2023-01-02), "
        "2 in milliseconds (1672574400000 to 1672747200000, 2023-01-01 to 2023-01-03); "
        "write all of them in one unit"
    )


@pytest.mark.parametrize(
    "times",
    [
        [],
        [NOON, NOON + 1],
        [0, 1, 2],
        [20230718, 20230719, NOON],
        list(range(0, 40_000_000_000, 10**9)),
        [NOON, YEAR_9999, NOON],
        [NOON, NOON * 1000, 0, 0],
    ],
)
def test_times_of_one_unit_and_mere_numbers_pass(times: list[int]) -> None:
    check_one_unit(np.array(times, dtype=np.int64), "never raised")


@pytest.mark.parametrize(
    ("times", "ticks", "num_ties", "rounded"),
    [
        ([1_600_000_000, 1_610_000_000] * 5, 1, 8, True),
        ([NOON, NOON + DAY] * 5, 1, 3, True),
        ([NOON, NOON + DAY] * 5, 1, 2, False),
        ([NOON * 1000, (NOON + 59) * 1000] * 5, 1000, 8, False),
        ([NOON * 1000, (NOON + 60) * 1000] * 5, 1000, 8, True),
        ([NOON] * 4, 1, 3, True),
        ([2019, 2020] * 10, None, 9, True),
        ([2019, 2020] * 9, None, 9, False),
    ],
)
def test_times_look_rounded_if_many_tie_and_they_are_coarse(
    times: list[int], ticks: int | None, num_ties: int, rounded: bool
) -> None:
    assert look_rounded(np.array(times, dtype=np.int64), num_ties, ticks) is rounded


def seconds(*day: int) -> int:
    """The beginning of a day, in seconds from 1970."""
    return int(datetime(*day, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


IN_1971, IN_2100 = seconds(1971, 1, 1), seconds(2100, 1, 1)


@pytest.mark.parametrize("ticks", [1, 10**3, 10**6])
def test_clock_times_lie_from_1971_up_to_2100(ticks: int) -> None:
    first, last = IN_1971 * ticks, IN_2100 * ticks
    assert clock_of(first) == clock_of(last - 1) == (ticks, [], [])
    assert clock_of(first - 1) == clock_of(last) == (None, [], [])
    noon = NOON * ticks
    assert clock_of(noon, last, noon) == (ticks, [], [1])
    assert clock_of(noon, first, noon, 0) == (ticks, [3], [])
    assert clock_of(noon, first - 1, noon) == (None, [], [])


@pytest.mark.parametrize("ticks", [1, 10**3, 10**6, 10**9])
def test_times_up_to_two_days_after_1970_stand_for_zero(ticks: int) -> None:
    noon = NOON * ticks
    assert clock_of(noon, 2 * DAY * ticks - 1, noon) == (ticks, [1], [])
    assert clock_of(noon, 2 * DAY * ticks, noon) == (None, [], [])


def test_the_largest_number_of_32_bits_is_far_among_later_times_too() -> None:
    later = seconds(2050, 1, 1)
    assert clock_of(2**31 - 1, later, later, later) == (1, [], [0])
    assert clock_of(NOON, later) == clock_of(later, later + 1) == (1, [], [])


def test_ten_different_numbers_or_one_in_a_hundred_may_be_no_times() -> None:
    assert clock_of(*[NOON] * 21, *range(-10, 0)) == (1, list(range(21, 31)), [])
    zeros = list(range(-11, 0))
    assert clock_of(*[NOON] * 1089, *zeros) == (1, list(range(1089, 1100)), [])
    assert clock_of(*[NOON] * 1088, *zeros) == (None, [], [])


def test_the_year_9999_is_told_from_milliseconds_of_1978() -> None:
    begin, end = seconds(9999, 1, 1), seconds(9999, 12, 31) + 2 * DAY
    for time in (begin, end - 1):
        check_one_unit(np.array([NOON, time, NOON]), "never raised")
    for time in (begin - 1, end):
        with pytest.raises(DataError, match="1 in milliseconds"):
            check_one_unit(np.array([NOON, time, NOON]), "log.csv")


def test_times_look_rounded_by_their_distances_not_by_their_numbers() -> None:
    assert look_rounded(np.array([NOON + 7, NOON + 7 + DAY] * 5), 8, 1)


@pytest.mark.parametrize(("num_distinct", "rounded"), [(10_000, True), (10_001, False)])
def test_more_than_ten_thousand_different_times_do_not_look_rounded(
    num_distinct: int, rounded: bool
) -> None:
    times = np.repeat(np.arange(num_distinct), 10)
    assert look_rounded(times, 9 * num_distinct, None) is rounded


def test_the_unit_is_that_of_more_than_half_of_the_times() -> None:
    in_1972 = seconds(1972, 1, 1)
    # As milliseconds, these seconds lie in the first two days of 1970.
    assert clock_of(*[in_1972] * 4, *[NOON * 1000] * 6) == (1000, [0, 1, 2, 3], [])
    assert clock_of(*[in_1972] * 5, *[NOON * 1000] * 5) == (None, [], [])
