"""The data of the page's trial explorer: every trial as a row, every arm's configuration once."""

from collections.abc import Mapping
from typing import Any

from reports import formats
from reports.page import tables
from reports.study.summary import StudySummary
from reports.study.trial import Trial

FIELDS = (
    *("id", "arm", "role", "seed", "status", "valid", "test", "epochs", "seconds", "values"),
    *("params", "shown", "error", "curve"),
)
"""The columns of a trial's row. ``arm`` is an index into the list of arms. ``params`` holds the
searched values, ``values`` their text; ``shown`` is the text of epochs and seconds; ``curve`` holds
the validation score of each epoch."""
_PER_UNIT = 10_000
"""Scores are stored as whole hundredths of a percent."""


def explorer_data(summary: StudySummary) -> dict[str, Any]:
    """Every trial as a row of ``FIELDS``, and every arm's configuration by dotted path."""
    arms = [
        {"name": arm.name, "config": _flat(arm.entry.config.model_dump(mode="json"))}
        for arm in summary.arms
    ]
    index = {arm.name: number for number, arm in enumerate(summary.arms)}
    rows = [_row(trial, index[trial.arm], summary.main_metric) for trial in summary.trials]
    return {"metric": summary.main_metric, "arms": arms, "fields": FIELDS, "trials": rows}


def _row(trial: Trial, arm: int, metric: str) -> list[Any]:
    records = trial.result.epochs if trial.result else ()
    scores = _scaled(trial.valid_score), _scaled(trial.test_value(metric))
    return [
        *(trial.trial_id, arm, trial.role, trial.seed, trial.status),
        *(*scores, len(records), trial.seconds, tables.parameters(trial.params)),
        trial.params,
        [tables.epochs(trial), formats.duration(trial.seconds)],
        tables.error(trial),
        [_scaled(record.valid.get(metric)) for record in records],
    ]


def _scaled(value: float | None) -> int | None:
    return None if value is None else round(_PER_UNIT * value)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted path -> value; a part of the configuration that is switched off is one null."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
