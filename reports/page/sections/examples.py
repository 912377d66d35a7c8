"""Seeing why: a few test users, their last items, and what two arms recommend them."""

from reports.page.section import Context, Section
from reports.study.examples import NUM_SHOWN
from reports.study.examples_words import how_drawn, how_many_differ, which_trials
from reports.study.report import Report


def _context(report: Report) -> Context | None:
    if not report.examples:
        return None
    return {
        "pairs": [
            {
                "shown": pair,
                "trials": which_trials(pair),
                "differ": how_many_differ(pair),
                "sides": [(side, how_drawn(side)) for side in pair.sides],
            }
            for pair in report.examples
        ],
        "places": NUM_SHOWN,
        "has_pictures": any(item.picture for pair in report.examples for item in pair.stored.items),
    }


SECTION = Section("examples", "Seeing why", _context, ("examples.csv",))
