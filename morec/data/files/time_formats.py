"""Guesses in which format unreadable times are written, so that an error can name it."""

import re
from collections import Counter
from functools import reduce
from itertools import product
from operator import or_

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
FORMATS = (*("".join(parts) for parts in product(DATES, CLOCKS)), *WHOLE)


def likely_formats(times: pd.Series) -> list[str]:
    """Return the formats that read most of ``times``, at least half; several if they tie."""
    tried = times.drop_duplicates().head(NUM_TRIED)
    none: Counter[str] = Counter()
    marks = reduce(or_, map(marks_of, map(str, tried)), none)
    fitting = {one: _num_read(tried, one) for one in FORMATS if marks_of(one) <= marks}
    most = max(fitting.values())
    if 2 * most < max(len(tried), 1):
        return []
    return [one for one, num_read in fitting.items() if num_read == most]


def marks_of(text: str) -> Counter[str]:
    """How often each mark stands in a time or in a format; all kinds of space are one.

    A format reads no time that has fewer of any mark. Trying a format takes a millisecond.
    """
    return Counter(" " if mark.isspace() else mark for mark in re.findall(r"[/.,:\s-]", text))


def _num_read(times: pd.Series, time_format: str) -> int:
    parsed = pd.to_datetime(times, errors="coerce", format=time_format, utc=True)
    return int(parsed.notna().sum())
