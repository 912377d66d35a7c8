"""The formats that times seem to have are those that read most of them."""

import pandas as pd
import pytest

from morec.data.files.time_formats import likely_formats


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
