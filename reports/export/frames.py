"""A study for notebooks: its tables as pandas frames, its figures, and its verdict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from morec.errors import did_you_mean
from reports import formats
from reports.export import sheets as exports
from reports.export.list_sheets import recommended_sheet
from reports.export.sheet import Sheet
from reports.export.trial_sheets import epochs_sheet, trials_sheet
from reports.page.colours import coloured
from reports.page.figures import drawings
from reports.page.section import Drawing
from reports.study import verdict
from reports.study.caveats import caveats
from reports.study.progress import progress, unfinished
from reports.study.report import Report, read_report

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


@dataclass(frozen=True)
class StudyFrames:
    """What one study found; metrics in [0, 1], times in seconds, NaN where unknown."""

    report: Report = field(repr=False)
    """The numbers that all of the rest is made from."""
    trials: pd.DataFrame
    """A row per trial asked for: arm, role, seed, status, searched values, metrics, error."""
    epochs: pd.DataFrame
    """A row per epoch of each trial: training loss, validation metrics, seconds."""
    arms: pd.DataFrame
    """A row per arm and metric: test mean, standard deviation, each seed's value."""
    contrasts: pd.DataFrame
    """A row per comparison: difference, 95% interval, p, Holm's p, finding in words."""
    holds: pd.DataFrame
    """A row per contrast and condition, adjusted over the conditions; empty without conditions."""
    complementarity: pd.DataFrame
    """A row per pair of arms: whom both find, whom one finds, and what two seeds of one find."""
    slices: pd.DataFrame
    """A row per dimension, label and arm; empty where the study has no slices."""
    recommended: pd.DataFrame
    """A row per arm and metric of its lists; empty where no trial recorded any."""
    cost: pd.DataFrame
    """A row per arm with a recorded cost."""
    importance: pd.DataFrame
    """A row per arm and searched parameter: its share; empty where none was computed."""
    data: pd.DataFrame
    """A row per data set and measure: sizes, quantiles, shares, counts of the rules."""

    @property
    def figures(self) -> dict[str, str]:
        """Name of each figure of the page, as ``plot`` takes it -> what it shows."""
        return {name: one.caption for name, one in self._drawings.items()}

    def plot(self, name: str) -> "Figure":
        """One figure of the page, of the same data, in the colours of its light theme.

        Raises:
            ValueError: the page has no figure of this name; says which it has.
        """
        from plotly.graph_objects import Figure

        if name not in self._drawings:
            near, known = did_you_mean(name, self._drawings), ", ".join(self._drawings) or "none"
            raise ValueError(f"no figure {name!r}.{near} Figures of this study: {known}")
        return Figure(coloured(self._drawings[name].figure))

    def verdict(self) -> str:
        """The verdict in words, a sentence a line, between what the page says around it.

        Before it: what restricts all numbers. Behind it, with dashes: the caveats.
        """
        summary, contrasts = self.report.summary, self.report.contrasts
        said = verdict.overview(summary, contrasts) or verdict.headline(summary, contrasts)
        behind = (f"- {line}" for line in caveats(summary, contrasts))
        return "\n".join([*_restrictions(self.report), *said, *behind])

    @cached_property
    def _drawings(self) -> Mapping[str, Drawing]:
        return drawings(self.report)


def _restrictions(report: Report) -> Iterator[str]:
    """What a reader of any number of a study must know first."""
    summary = report.summary
    if summary.is_quick:
        yield formats.QUICK_FORM
    if summary.is_synthetic:
        yield "Synthetic data: the interactions behind these numbers were generated, not observed."
    if running := progress(summary):
        yield f"Running. {running}"
    yield from (f"Not complete. {line}" for line in unfinished(summary))


def load_study(folder: Path | str) -> StudyFrames:
    """Read a study's output folder, finished or not; needs neither Ray nor torch.

    For example, in a notebook::

        from reports.export.frames import load_study

        study = load_study("runs/fusion")
        study.arms.pivot(index="arm", columns="metric", values="mean")
        study.epochs.groupby(["arm", "epoch"])["valid HR@10"].median().unstack("arm").plot()
        study.trials.query("role == 'search'").plot.scatter("optim.lr", "valid HR@10", logx=True)
        print(study.verdict())
        study.plot("curves HR@10")  # study.figures has all names

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    report = read_report(Path(folder))
    return StudyFrames(
        report=report,
        trials=_frame(trials_sheet(report.summary)),
        epochs=_frame(epochs_sheet(report.summary)),
        arms=_frame(exports.accuracy_sheet(report.summary)),
        contrasts=_frame(exports.contrasts_sheet(report)),
        holds=_frame(exports.holds_sheet(report)),
        complementarity=_frame(exports.complementarity_sheet(report)),
        slices=_frame(exports.slices_sheet(report)),
        recommended=_frame(recommended_sheet(report)),
        cost=_frame(exports.cost_sheet(report.summary)),
        importance=_frame(exports.importance_sheet(report.summary)),
        data=_frame(exports.data_sheet(report.summary)),
    )


def _frame(sheet: Sheet) -> pd.DataFrame:
    return pd.DataFrame(sheet.rows, columns=list(sheet.header))
