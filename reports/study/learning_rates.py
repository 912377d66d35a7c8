"""Learning-rate grids (paper, figure 5): which pairs of rates train, and which collapse.

Comes in: the trials of arms that differ only in ``optim.lr`` and ``optim.encoder_lr``. The arms
set both rates, or search them on a grid. Goes out: the best validation score per pair.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from morec.config import canonical_json
from reports.study.places import Place
from reports.study.summary import ArmSummary, StudySummary
from reports.study.trial import Trial
from tune_space.study.spec import StudySpec

PATHS = ("optim.lr", "optim.encoder_lr")
"""The recommender's rate and the encoder's."""

_Pair = tuple[float, float]


@dataclass(frozen=True)
class LearningRateCell:
    """One pair of rates."""

    score: float | None = None
    """Best validation score in [0, 1], mean over seeds; None where no trial has one."""
    trouble: str = ""
    """Status of the trials without a score, like ``collapsed`` or ``1 of 3 failed``."""
    shade: float = 0.0
    """The score's position between the grid's lowest score (0) and its highest (1)."""


@dataclass(frozen=True)
class LearningRateGrid:
    """Every tried pair of rates of otherwise equal arms, at one place."""

    place: Place
    metric: str
    arms: tuple[str, ...]
    rates: tuple[float, ...]
    """Rates of the recommender, rising: the columns."""
    encoder_rates: tuple[float, ...]
    """Rates of the encoder, falling: the rows."""
    cells: dict[_Pair, LearningRateCell]

    @property
    def key(self) -> str:
        """As in ``StudySummary``."""
        return self.place.key


def learning_rate_grids(summary: StudySummary) -> tuple[LearningRateGrid, ...]:
    """A grid per place and per set of otherwise equal arms in which both rates vary."""
    return tuple(found for part in summary.parts for found in _grids(part))


def _grids(part: StudySummary) -> Iterator[LearningRateGrid]:
    families: dict[str, list[ArmSummary]] = {}
    for arm in part.arms:
        if _is_on_grid(part.manifest.study, arm):
            others = _without_rates(arm.entry.config.model_dump(mode="json"))
            families.setdefault(others, []).append(arm)
    for arms in families.values():
        by_pair = _trials_by_pair(arms)
        rates, encoder_rates = ({pair[axis] for pair in by_pair} for axis in (0, 1))
        if len(rates) > 1 and len(encoder_rates) > 1:
            yield LearningRateGrid(
                place=part.place,
                metric=part.main_metric,
                arms=tuple(arm.label for arm in arms),
                rates=tuple(sorted(rates)),
                encoder_rates=tuple(sorted(encoder_rates, reverse=True)),
                cells=_shaded({pair: _cell(trials) for pair, trials in by_pair.items()}),
            )


def _is_on_grid(study: StudySpec, arm: ArmSummary) -> bool:
    """Whether each of the two rates is fixed in the arm or one of finitely many."""
    own = study.arms[arm.label].search if arm.label in study.arms else {}
    space = {**study.search, **own}
    return all(space[path].size is not None for path in PATHS if path in space)


def _without_rates(config: dict[str, Any]) -> str:
    optim = {name: value for name, value in config["optim"].items() if "lr" not in name}
    return canonical_json(config | {"optim": optim})


def _trials_by_pair(arms: Iterable[ArmSummary]) -> dict[_Pair, list[Trial]]:
    found: dict[_Pair, list[Trial]] = {}
    for arm in arms:
        for trial in arm.trials:
            if (pair := _pair(arm, trial)) is not None:
                found.setdefault(pair, []).append(trial)
    return found


def _pair(arm: ArmSummary, trial: Trial) -> _Pair | None:
    """The trial's rates; None where the encoder has none of its own."""
    optim = (trial.result.config if trial.result else arm.entry.config).optim
    rate: float = trial.params.get(PATHS[0], optim.lr)
    encoder_rate: float | None = trial.params.get(PATHS[1], optim.encoder_lr)
    return None if encoder_rate is None else (rate, encoder_rate)


def _cell(trials: Iterable[Trial]) -> LearningRateCell:
    """The best mean score over seeds, where trials with these rates differ in other parameters."""
    known = list(trials)
    scores: dict[str, list[float]] = {}
    for trial in known:
        if trial.valid_score is not None:
            scores.setdefault(canonical_json(trial.params), []).append(trial.valid_score)
    best = max(map(fmean, scores.values()), default=None)
    broken = [trial.status for trial in known if trial.valid_score is None]
    status = "collapsed" if "collapsed" in broken else next(iter(broken), "")
    number = broken.count(status)
    share = f"{number} of {len(known)} " if number < len(known) else ""
    return LearningRateCell(best, f"{share}{status}" if status else "")


def _shaded(cells: dict[_Pair, LearningRateCell]) -> dict[_Pair, LearningRateCell]:
    scores = [cell.score for cell in cells.values() if cell.score is not None]
    low = min(scores, default=0.0)
    span = max(scores, default=0.0) - low or 1.0
    return {
        pair: LearningRateCell(cell.score, cell.trouble, ((cell.score or low) - low) / span)
        for pair, cell in cells.items()
    }
