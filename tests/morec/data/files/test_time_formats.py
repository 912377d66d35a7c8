"""The formats that times seem to have are those that read most of them."""

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest

from morec.data.files import time_formats
from morec.data.files.time_formats import FORMATS, likely_formats, marks_of

MOMENT = datetime(2023, 7, 18, 21, 30, 5, 123456, timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("times", "formats"),
    [
        (["13/01/2023", "02/01/2023"], ["%d/%m/%Y"]),
        (["01/13/2023", "02/01/2023"], ["%m/%d/%Y"]),
        (["02/01/2023"], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["13/01/2023", "soon"], ["%d/%m/%Y"]),
        (["13/01/2023", "soon", "late"], []),
        (["18/Jul/2023:09:30:00 +0200"], ["%d/%b/%Y:%H:%M:%S %z"]),
        (["Tue Jul 18 09:30:00 +0000 2023"], ["%a %b %d %H:%M:%S %z %Y"]),
        ([], []),
    ],
)
def test_most_times_decide(times: list[str], formats: list[str]) -> None:
    assert likely_formats(pd.Series(times, dtype="str")) == formats


def test_a_format_that_could_read_a_time_is_tried() -> None:
    for one in FORMATS:
        assert marks_of(one) <= marks_of(MOMENT.strftime(one)), one


@pytest.mark.parametrize(
    ("times", "formats"),
    [
        (["18\u00a0Jul  2023,\t09:30 PM"], ["%d %b %Y, %I:%M %p"]),
        (["18.07.2023 09:30:05.5", "17.07.2023 09:30:05.25"], ["%d.%m.%Y %H:%M:%S.%f"]),
        (["20231807", "20230718"], ["%Y%m%d"]),
    ],
)
def test_marks_and_spaces_of_any_kind_are_read(times: list[str], formats: list[str]) -> None:
    assert likely_formats(pd.Series(times, dtype="str")) == formats


def test_a_format_whose_marks_are_missing_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(time_formats, "_num_read", lambda times, one: tried.append(one) or 0)
    assert likely_formats(pd.Series(["u12", "u7"], dtype="str")) == []
    assert tried == ["%Y%m%d"]


def test_times_of_several_time_zones_are_read_by_one_format() -> None:
    times = ["18/Jul/2023:09:30:00 +0200", "18/Jul/2023:09:30:00 +0000", "18/Jul/2023"]
    assert likely_formats(pd.Series(times, dtype="str")) == ["%d/%b/%Y:%H:%M:%S %z"]


def test_half_of_the_times_are_enough() -> None:
    times = pd.Series(["13.01.2023", "14.01.2023", "a", "b"], dtype="str")
    assert likely_formats(times) == ["%d.%m.%Y"]
    assert likely_formats(pd.Series(["13.01.2023", "a", "b"], dtype="str")) == []
