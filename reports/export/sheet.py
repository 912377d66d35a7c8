"""One table of a report as plain rows; each row names its place and the study's profile."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.study.summary import StudySummary

Row = Sequence[object]


@dataclass(frozen=True)
class Sheet:
    """One table: a header and rows of the same length."""

    header: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    def records(self) -> list[dict[str, object]]:
        """Each row by the names of its columns."""
        return [dict(zip(self.header, row, strict=True)) for row in self.rows]


def place_columns(part: StudySummary) -> Row:
    """Data set and condition, the first columns of most tables."""
    return part.dataset, part.place.condition


def sheet_of(summary: StudySummary, header: Sequence[str], rows: Iterable[Row]) -> Sheet:
    """A table with the study's profile as its last column."""
    profile = summary.manifest.study.profile
    return Sheet((*header, "profile"), tuple((*row, profile) for row in rows))
