"""Everything that more than one form of a report shows, computed once."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reports.study.accuracy import AccuracyTable, accuracy_tables
from reports.study.complementarity import Pair, complementarity
from reports.study.contrasts import Contrast, compare
from reports.study.examples import ShownPair, shown_examples
from reports.study.holds import HeldContrast, held_contrasts
from reports.study.recommended import RecommendedTable, recommended_tables
from reports.study.slices import SliceTable, slice_tables
from reports.study.summary import StudySummary, summarise
from tune_space.ledger.examples import StudyExamples
from tune_space.ledger.records import Ledger


@dataclass(frozen=True)
class Report:
    """A study's numbers, and the contrasts and tables derived from them."""

    summary: StudySummary
    stored_examples: StudyExamples | None = None
    """The example users that the run stored; None in folders without any."""

    @cached_property
    def contrasts(self) -> tuple[Contrast, ...]:
        """Every comparison, with its statistics."""
        return compare(self.summary)

    @cached_property
    def accuracies(self) -> tuple[AccuracyTable, ...]:
        """The accuracy tables in the paper's layout."""
        return accuracy_tables(self.summary)

    @cached_property
    def held(self) -> tuple[HeldContrast, ...]:
        """Whether each contrast holds under every condition; empty without conditions."""
        return held_contrasts(self.summary, self.contrasts)

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Whom two arms find together, for every comparison of two arms."""
        return complementarity(self.summary, self.contrasts)

    @cached_property
    def sliced(self) -> tuple[SliceTable, ...]:
        """The slice tables of every place, on the study's main metric."""
        return slice_tables(self.summary, self.summary.main_metric)

    @cached_property
    def recommended(self) -> tuple[RecommendedTable, ...]:
        """What the final trials' lists hold, a table per data set that recorded it."""
        return recommended_tables(self.summary)

    @cached_property
    def examples(self) -> tuple[ShownPair, ...]:
        """Example users of two arms of each data set, with what both recommend them."""
        return shown_examples(self.summary, self.stored_examples)


def read_report(folder: Path) -> Report:
    """The report of the study in ``folder``, finished or not.

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    return Report(summarise(folder), Ledger(folder).read_examples())
