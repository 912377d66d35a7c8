"""A study as pandas frames, for notebooks."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reports.export import sheets as exports
from reports.export.list_sheets import recommended_sheet
from reports.export.sheet import Sheet
from reports.export.trial_sheets import epochs_sheet, trials_sheet
from reports.study.report import read_report


@dataclass(frozen=True)
class StudyFrames:
    """The tables of one study; metrics in [0, 1], times in seconds, NaN where unknown."""

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


def load_study(folder: Path | str) -> StudyFrames:
    """Read a study's output folder, finished or not; needs neither Ray nor torch.

    For example, in a notebook::

        from reports.export.frames import load_study

        study = load_study("runs/fusion")
        study.arms.pivot(index="arm", columns="metric", values="mean")
        study.epochs.groupby(["arm", "epoch"])["valid HR@10"].median().unstack("arm").plot()
        study.trials.query("role == 'search'").plot.scatter("optim.lr", "valid HR@10", logx=True)

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    report = read_report(Path(folder))
    return StudyFrames(
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
