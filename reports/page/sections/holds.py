"""Does it hold? Each contrast under every condition: sentence, forest plot, and a row for each."""

from reports.page.section import Context, Section, drawing
from reports.plots.forest import forest
from reports.study.caveats import further_caveats
from reports.study.holds import HeldContrast
from reports.study.holds_words import format_family, holds_sentences
from reports.study.report import Report
from reports.study.statistics import ALPHA, MIN_SEEDS


def _context(report: Report) -> Context | None:
    if not report.summary.manifest.study.conditions:
        return None
    return {
        "sentences": holds_sentences(report.held),
        "tabs": {f"{held.better} − {held.than}": _contrast(held) for held in report.held},
        "further_caveats": further_caveats(report.summary, report.contrasts),
        "min_seeds": MIN_SEEDS,
        "alpha": ALPHA,
    }


def _contrast(held: HeldContrast) -> Context:
    """One contrast: its table, and its figure where a row that counts has a difference."""
    name = f"{held.better} − {held.than}"
    figure = forest(
        (row.contrast for row in held.counted), name=lambda contrast: contrast.place.key
    )
    caption = (
        f"{name}: difference under each condition with its 95% interval. Filled squares: better or "
        "worse, adjusted over the conditions; open squares: neither is shown."
    )
    return {
        "held": held,
        "drawing": drawing(f"holds {name}", caption, figure),
        "family": format_family(held),
    }


SECTION = Section("holds", "Does it hold?", _context, ("holds.csv", "holds.tex"))
