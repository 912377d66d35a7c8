"""The trials of a study as trackers show them: one run a trial, made from the ledger alone."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from morec.config import canonical_json
from morec.results import TrialResult
from reports.study.summary import StudySummary
from reports.study.trial import Trial
from tune_space.ledger.manifest import ArmEntry

RECORD = "morec.record"
"""Name under which a tracker keeps a run's digest: what was sent, and whether it is ours."""
TRIAL = "morec.trial_id"
"""Name under which a tracker keeps a run's trial id."""


@dataclass(frozen=True)
class Epoch:
    """One epoch of a run."""

    step: int
    """Counts from 1."""
    metrics: Mapping[str, float]
    """``train_loss``, and ``valid/<metric>`` in [0, 1]."""
    ended_s: float
    """Seconds from 1970, reckoned back from the trial's end: records have no time per epoch."""


@dataclass(frozen=True)
class Run:
    """One trial that ended, as trackers show it. Every value is a plain one."""

    trial_id: str
    name: str
    """For people: ``ID search 3``, ``ID final seed 1``; unique in the study."""
    tags: Mapping[str, str]
    """Arm, role, status and the like; only those that the trial has."""
    params: Mapping[str, Any]
    """Dotted path of a setting -> its value: searched ones and fixed ones, without nulls."""
    searched: Mapping[str, Any]
    """The values that the search chose."""
    epochs: tuple[Epoch, ...]
    metrics: Mapping[str, float]
    """``best/<metric>`` on validation at the best epoch, ``test/<metric>`` of final trials, and
    ``cost/<part>`` in the units of ``morec.results.Cost``; only what is known."""
    select: str
    """The validation metric that the search maximises, like ``HR@10``."""
    score: float | None
    """That metric at its best epoch; None if the trial has no score."""
    began_s: float
    """Seconds from 1970."""
    ended_s: float

    @property
    def status(self) -> str:
        """``completed``, ``pruned``, ``failed`` or ``collapsed``."""
        return self.tags["status"]

    @cached_property
    def digest(self) -> str:
        """The same text for the same contents, and another for a record that changed."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class TrackedStudy:
    """A study as trackers show it."""

    folder: Path
    summary: StudySummary

    @property
    def name(self) -> str:
        """The study's name, with that of its form: ``fusion``, ``fusion-quick``."""
        return self.summary.manifest.study.folder

    @property
    def question(self) -> str:
        """What the study asks."""
        return self.summary.manifest.study.question

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every trial that ended, arm by arm, search before final; a shared trial comes once."""
        entries = {arm.name: arm.entry for arm in self.summary.arms}
        counts: Counter[tuple[str, str]] = Counter()
        found = []
        for trial in self.summary.trials:
            counts[trial.arm, trial.role] += 1
            if trial.result is not None:
                number = counts[trial.arm, trial.role]
                found.append(_run(self.name, entries[trial.arm], trial, trial.result, number))
        return tuple(found)


def run_key(study: TrackedStudy, run: Run) -> str:
    """An id of a run among the runs of all studies: of study and trial, letters and digits."""
    digest = hashlib.sha256(study.name.encode()).hexdigest()[:8]
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{digest}-{run.trial_id}")


def plain_name(metric: str) -> str:
    """A metric's name where no ``@`` is allowed, in MLflow and TensorBoard: ``test/HR_10``."""
    return metric.replace("@", "_")


def _run(study: str, entry: ArmEntry, trial: Trial, result: TrialResult, number: int) -> Run:
    ended_s = _seconds(result.finished_at)
    total_s = trial.seconds or 0.0
    which = f"{number}" if trial.role == "search" else f"seed {trial.seed}"
    return Run(
        trial_id=trial.trial_id,
        name=f"{trial.arm} {trial.role} {which}",
        tags=_tags(study, entry, trial, result),
        params=dict(_leaves(result.config.model_dump(mode="json"))),
        searched=trial.params,
        epochs=tuple(_epochs(result, ended_s)),
        metrics=dict(_metrics(result)),
        select=result.config.evaluation.select,
        score=result.best_score(),
        began_s=ended_s - total_s,
        ended_s=ended_s,
    )


def _tags(study: str, entry: ArmEntry, trial: Trial, result: TrialResult) -> dict[str, str]:
    tags = {
        "study": study,
        "arm": entry.name,
        "group": entry.group,
        "dataset": entry.dataset or result.config.dataset.kind,
        "condition": entry.condition,
        "role": trial.role,
        "seed": str(trial.seed),
        "searched": canonical_json(trial.params) if trial.params else "",
        "status": trial.status,
        "reason": str(result.reason or ""),
        "error": result.error,
        "device": result.cost.device if result.cost else "",
        TRIAL: trial.trial_id,
    }
    return {name: value for name, value in tags.items() if value}


def _epochs(result: TrialResult, ended_s: float) -> Iterator[Epoch]:
    left_s = sum(one.train_s + one.eval_s for one in result.epochs)
    for one in result.epochs:
        left_s -= one.train_s + one.eval_s
        valid = {f"valid/{name}": value for name, value in one.valid.items()}
        yield Epoch(one.epoch, {"train_loss": one.train_loss, **valid}, ended_s - max(left_s, 0.0))


def _metrics(result: TrialResult) -> Iterator[tuple[str, float]]:
    for split, evaluation in (("best", result.valid), ("test", result.test)):
        for name, value in evaluation.metrics.items() if evaluation else ():
            yield f"{split}/{name}", value
    if result.best_epoch is not None:
        yield "best_epoch", result.best_epoch
    for name, value in result.cost.model_dump().items() if result.cost else ():
        if type(value) in (int, float):
            yield f"cost/{name}", value


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted path -> value; a list is one value, as JSON text."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        if value:
            yield path, canonical_json(value)
    elif value is not None:
        yield path, value


def _seconds(time: str) -> float:
    """Seconds from 1970 of a record's time; 0 in records without one."""
    return datetime.fromisoformat(time).timestamp() if time else 0.0
