"""Guesses in which format unreadable times are written, so that an error can name it."""

from itertools import product

import pandas as pd

NUM_TRIED = 200
"""Distinct times that a format is tried on."""
DATES = (
    *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"),
    *("%d-%b-%Y", "%d-%b-%y", "%m %d, %Y", "%Y-%m-%d", "%Y%m%d"),
)
CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p"),
    *(", %H:%M", ", %H:%M:%S", ", %I:%M %p", ", %I:%M:%S %p", " %H:%M:%S %z"),
)
WHOLE = ("%d/%b/%Y:%H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y", "%a, %d %b %Y %H:%M:%S %z")
"""Of web servers, tweets and mails."""


def likely_formats(times: pd.Series) -> list[str]:
    """Return the formats that read most of ``times``, at least half; several if they tie."""
    tried = times.drop_duplicates().head(NUM_TRIED)
    candidates = (*("".join(parts) for parts in product(DATES, CLOCKS)), *WHOLE)
    fitting = {one: _num_read(tried, one) for one in candidates}
    most = max(fitting.values())
    if 2 * most < max(len(tried), 1):
        return []
    return [one for one, num_read in fitting.items() if num_read == most]


def _num_read(times: pd.Series, time_format: str) -> int:
    parsed = pd.to_datetime(times, errors="coerce", format=time_format, utc=True)
    return int(parsed.notna().sum())
