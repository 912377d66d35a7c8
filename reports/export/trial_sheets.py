"""The tables of single trials and epochs: one row each, unrounded."""

from collections.abc import Iterator

from reports.export.sheet import Row, Sheet, place_columns, sheet_of
from reports.study.summary import StudySummary
from reports.study.trial import Trial


def trials_sheet(summary: StudySummary) -> Sheet:
    """One row per trial; each split's metrics and each searched value in columns of their own."""
    paths = tuple(dict.fromkeys(path for trial in summary.trials for path in trial.params))
    header = ["dataset", "condition", "trial_id", "arm", "role", "seed", "status", *paths]
    header += [f"{split} {metric}" for split in ("valid", "test") for metric in summary.metrics]
    header += ["seconds", "epochs", "best_epoch", "error"]
    rows = []
    for names, trial in _labelled(summary):
        result = trial.result
        values = (trial.params.get(path) for path in paths)
        splits = (result.valid, result.test) if result else (None, None)
        numbers = [one.value(m) if one else None for one in splits for m in summary.metrics]
        tail = [len(result.epochs), result.best_epoch, result.error] if result else [None] * 3
        rows.append([*names, trial.status, *values, *numbers, trial.seconds, *tail])
    return sheet_of(summary, header, rows)


def epochs_sheet(summary: StudySummary) -> Sheet:
    """One row per epoch of each trial: mean training loss, validation metrics, seconds."""
    header = ["dataset", "condition", "trial_id", "arm", "role", "seed", "epoch", "train_loss"]
    header += [*(f"valid {metric}" for metric in summary.metrics), "train_s", "eval_s"]
    rows = []
    for names, trial in _labelled(summary):
        for one in trial.result.epochs if trial.result else ():
            values = (one.valid.get(metric) for metric in summary.metrics)
            rows.append([*names, one.epoch, one.train_loss, *values, one.train_s, one.eval_s])
    return sheet_of(summary, header, rows)


def _labelled(summary: StudySummary) -> Iterator[tuple[Row, Trial]]:
    for part in summary.parts:
        for arm in part.arms:
            for trial in arm.trials:
                names = trial.trial_id, arm.label, trial.role, trial.seed
                yield (*place_columns(part), *names), trial
