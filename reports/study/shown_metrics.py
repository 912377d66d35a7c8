"""Which metrics the accuracy tables show: all of them, or the paper's where columns are scarce."""

from collections.abc import Sequence

from morec.metrics import parse_metric
from reports.study.summary import StudySummary

LEFT_OUT_FIRST = frozenset({"MRR"})
"""Not in the paper's tables: HR and NDCG say whether a target is found, and how high. MRR stands
between them, so a crowded table does without it."""
MAX_MEASURES = 5
"""With more metrics and data sets than this, a table leaves these metrics out."""


def shown_metrics(parts: Sequence[StudySummary]) -> list[tuple[StudySummary, str]]:
    """Each data set of a table with each metric that is shown, in the order of the table.

    The metric that selects configurations is always shown.
    """
    found = [(part, metric) for part in parts for metric in part.metrics]
    if len(found) <= MAX_MEASURES:
        return found
    return [one for one in found if one[1] == one[0].main_metric or not _may_be_left_out(one[1])]


def _may_be_left_out(metric: str) -> bool:
    return parse_metric(metric)[0] in LEFT_OUT_FIRST
