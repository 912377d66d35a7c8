"""The search of one arm: Optuna asked and told, rebuilt from the ledger at every start.

Nothing of Optuna is stored. An arm's trials are asked for in rounds of ``budget.parallel`` and told
in the same order once a round is over. What the sampler suggests and what the pruner stops
therefore depend only on the arm, its seed and the rounds before. Neither interruptions, nor other
arms, nor which trial of a round ends first change it.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import repeat
from random import Random

import optuna

from morec.config import TrialConfig, canonical_json
from morec.results import TrialResult, TrialStatus
from tune_space.ledger.manifest import MIN_FOR_IMPORTANCE, SearchEntry
from tune_space.ledger.records import best_trial
from tune_space.schedule.jobs import NUM_STARTUP_TRIALS, search_budget
from tune_space.study.arm import Arm, draw, start_values
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.expand import configure
from tune_space.study.points import Points
from tune_space.study.spec import StudySpec

MAX_REPEATS = 20
"""After so many suggestions in a row that repeat a trial, the sampler is not asked any more."""
MAX_REPEATS_ENDLESS = 10_000
"""So many random suggestions of an endless space that all repeat a trial end the search: the space
has hardly more values than were tried."""
IMPORTANCE_DIGITS = 4
"""Further digits carry no information, and the last ones differ between machines."""
optuna.logging.set_verbosity(optuna.logging.WARNING)

REDUCTION_FACTOR = 3
"""ASHA: one trial in three passes a rung (Li et al. 2020: one in four)."""


class ArmSearch:
    """Chooses the configurations of one arm by validation score alone."""

    def __init__(self, arm: Arm, study: StudySpec) -> None:
        self.arm = arm
        self.num_trials = search_budget(study, arm)
        self._seed = study.search_seed
        self._scheduler = study.scheduler
        self._study = self._new_study()
        self._asked: dict[str, tuple[optuna.Trial, SearchEntry]] = {}
        self._running: dict[str, optuna.Trial] = {}
        """Trials that report epochs, each in a study of its own beside those that were told."""
        self._results: list[TrialResult] = []
        self._sampler = study.sampler
        self._points = Points(arm)
        self._chosen: dict[str, dict[str, Value]] = {}
        """Every point asked for, by its JSON text."""

    @property
    def entries(self) -> tuple[SearchEntry, ...]:
        """Every trial asked for, in order."""
        return tuple(entry for _, entry in self._asked.values())

    def ask(
        self, identify: Callable[[TrialConfig], str], params: Mapping[str, Value] | None = None
    ) -> tuple[SearchEntry, TrialConfig] | None:
        """Suggest the next trial, or ``params`` again; None when every point was tried.

        ``identify`` gives a configuration its trial id. The first suggestion is the arm's
        ``start``; where that says nothing, it is the study file's own configuration, as far as that
        lies in the space.
        """
        for attempt, wanted in enumerate(self._attempts(params)):
            trial = self._new_trial(wanted, attempt)
            chosen = draw(self.arm, partial(_suggest, trial))
            if (key := canonical_json(chosen)) not in self._chosen:
                self._chosen[key] = chosen
                config = configure(self.arm, chosen, seed=self._seed, test=False)
                entry = SearchEntry(trial_id=identify(config), params=chosen)
                self._asked[entry.trial_id] = (trial, entry)
                return entry, config
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None

    def weak_epoch(self, trial_id: str, epochs: Iterable[tuple[int, float]]) -> int | None:
        """Report (epoch, score) pairs; the first new epoch after which the trial is too weak.

        None: it may go on. A driver that was ended may hear of several epochs at once. The trial is
        compared with the trials that were told. How far others of its round have come depends on
        the machine.
        """
        if self._scheduler == "none":
            return None  # Nothing to compare: ``tell`` takes the epochs in.
        if trial_id not in self._running:
            told = self._new_study()
            told.add_trials([one for one in self._study.trials if one.state.is_finished()])
            self._running[trial_id] = told.ask()
        return _report(self._running[trial_id], epochs)

    def tell(self, result: TrialResult) -> None:
        """Take in a trial's end; a failed or collapsed one has no score, rather than a bad one."""
        trial, _ = self._asked[result.trial_id]
        self._running.pop(result.trial_id, None)
        select = result.config.evaluation.select
        _report(trial, ((e.epoch, e.valid[select]) for e in result.epochs))
        # Optuna takes a pruned trial's value from the epochs reported above.
        is_completed = result.status is TrialStatus.COMPLETED
        score = result.best_score() if is_completed else None
        self._study.tell(trial, score, state=_STATES[result.status])
        self._results.append(result)

    def best(self) -> SearchEntry | None:
        """The arm's choice: its best trial, None if none completed; ``start`` without a search."""
        if self.num_trials == 0:
            return SearchEntry(trial_id="", params=dict(self.arm.start))
        best = best_trial(self._results)
        return None if best is None else self._asked[best.trial_id][1]

    def importance(self) -> dict[str, float]:
        """Searched path -> its share in what sets the best tenth of the trials apart; sum 1.

        PED-ANOVA (Watanabe, Bansal, Hutter, IJCAI 2023), Optuna's own, over completed trials and
        their validation scores. Empty with fewer than ``MIN_FOR_IMPORTANCE`` of them, fewer than
        two searched values, or no difference between the scores.
        """
        scores = [one.best_score() for one in self._results if one.status is TrialStatus.COMPLETED]
        if len(scores) < MIN_FOR_IMPORTANCE or len(set(scores)) < 2 or len(self.arm.space) < 2:
            return {}
        with warnings.catch_warnings():
            # Optuna warns where hardly any trial met a parameter's condition; its share is small.
            warnings.simplefilter("ignore", UserWarning)
            shares = optuna.importance.get_param_importances(self._study)
        return {path: round(share, IMPORTANCE_DIGITS) for path, share in shares.items()}

    def _new_study(self) -> optuna.Study:
        return optuna.create_study(
            direction="maximize", pruner=_PRUNERS[self._scheduler](), storage=None
        )

    def _attempts(self, params: Mapping[str, Value] | None) -> Iterator[Mapping[str, Value] | None]:
        """The values that each attempt at a new trial fixes; None leaves all to the sampler.

        Where the sampler only repeats itself, a point of a finite space is drawn among those that
        were not tried.
        """
        start = start_values(self.arm) if params is None and not self._asked else params
        num_left = MAX_REPEATS
        if start is not None:
            yield start
            num_left -= 1
        if self._sampler != "grid":
            yield from repeat(None, num_left)
        if self._points.count() is None:
            yield from repeat(None, MAX_REPEATS_ENDLESS)
        elif (point := self._untried()) is not None:
            yield point

    def _attempt_seed(self, attempt: int) -> int:
        # Without defaults, so that a new option does not change what is drawn.
        config = self.arm.config.model_dump(mode="json", exclude_defaults=True)
        identity = [config, sorted(self.arm.space)]
        seed_text = canonical_json([self._seed, identity, len(self._asked), attempt])
        return int(hashlib.sha256(seed_text.encode()).hexdigest()[:8], 16)

    def _untried(self) -> dict[str, Value] | None:
        """A point that was not tried; it depends on the arm, the seed and what was tried."""
        tried = map(self._points.number_of, self._chosen.values())
        return self._points.draw_untried(tried, Random(self._attempt_seed(MAX_REPEATS)))

    def _new_trial(self, params: Mapping[str, Value] | None, attempt: int) -> optuna.Trial:
        seed = self._attempt_seed(attempt)
        self._study.sampler = (
            optuna.samplers.TPESampler(seed=seed, n_startup_trials=NUM_STARTUP_TRIALS)
            if self._sampler == "tpe" and attempt < MAX_REPEATS
            else optuna.samplers.RandomSampler(seed=seed)
        )
        if params is not None:
            self._study.enqueue_trial(
                {path: _as_told(self.arm.space[path], value) for path, value in params.items()}
            )
        return self._study.ask()


def _report(trial: optuna.Trial, epochs: Iterable[tuple[int, float]]) -> int | None:
    """Report the epochs that the trial does not know yet; the first after which it is too weak."""
    known = trial.study.trials[trial.number].intermediate_values
    weak = []
    for epoch, score in epochs:
        if epoch not in known:
            trial.report(score, epoch)
            if trial.should_prune():
                weak.append(epoch)
    return weak[0] if weak else None


def _suggest(trial: optuna.Trial, path: str, param: ParamSpec) -> Value:
    if param.choice is not None:
        names = [canonical_json(value) for value in param.choice]
        return param.choice[names.index(trial.suggest_categorical(path, names))]
    if param.step is not None and param.size is not None:
        return param.value_at(trial.suggest_int(path, 0, param.size - 1))
    low, high = getattr(param, param.kind)
    if param.size is not None:
        return trial.suggest_int(path, low, high, log=param.is_logarithmic)
    return trial.suggest_float(path, low, high, log=param.is_logarithmic)


def _as_told(param: ParamSpec, value: Value) -> Value:
    """A value as Optuna knows it.

    Choices are JSON text to Optuna, so that lists and nulls can be choices too. Steps are counted,
    so that a value told again is the same to the last bit.
    """
    if param.choice is not None:
        return canonical_json(value)
    return value if param.step is None else param.index_of(value)


_STATES = {
    TrialStatus.COMPLETED: optuna.trial.TrialState.COMPLETE,
    TrialStatus.PRUNED: optuna.trial.TrialState.PRUNED,
    TrialStatus.FAILED: optuna.trial.TrialState.FAIL,
    TrialStatus.COLLAPSED: optuna.trial.TrialState.FAIL,
}
_PRUNERS = {
    "none": optuna.pruners.NopPruner,
    "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(reduction_factor=REDUCTION_FACTOR),
    "median": lambda: optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=2),
}
