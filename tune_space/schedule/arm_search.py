"""The search of one arm: Optuna asked and told, rebuilt from the ledger at every start.

Nothing of Optuna is stored. An arm's trials run one after another. What the sampler suggests and
what the pruner stops therefore depend only on the arm, its seed and the results before. Neither
interruptions nor other arms change it.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial

import optuna

from morec.config import TrialConfig, canonical_json
from morec.results import TrialResult, TrialStatus
from tune_space.ledger.records import MIN_FOR_IMPORTANCE, SearchEntry, best_trial
from tune_space.schedule.jobs import search_budget
from tune_space.study.expand import Arm, configure, draw, start_values
from tune_space.study.spec import ParamSpec, StudySpec, Value

NUM_STARTUP_TRIALS = 5
"""Random suggestions before TPE takes over; fixed, so that a larger budget continues the search."""
MAX_REPEATS = 20
"""The space counts as exhausted after so many suggestions in a row that repeat a trial."""
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
        self._study = optuna.create_study(
            direction="maximize", pruner=_PRUNERS[study.scheduler](), storage=None
        )
        self._asked: dict[str, tuple[optuna.Trial, SearchEntry]] = {}
        self._results: list[TrialResult] = []
        self._chosen: set[str] = set()

    @property
    def entries(self) -> tuple[SearchEntry, ...]:
        """Every trial asked for, in order."""
        return tuple(entry for _, entry in self._asked.values())

    def ask(
        self, identify: Callable[[TrialConfig], str], params: Mapping[str, Value] | None = None
    ) -> tuple[SearchEntry, TrialConfig] | None:
        """Suggest the next trial, or ``params`` again; None when the space is exhausted.

        ``identify`` gives a configuration its trial id. The first suggestion is the arm's
        ``start``; where that says nothing, it is the study file's own configuration, as far as that
        lies in the space.
        """
        for attempt in range(MAX_REPEATS):
            wanted = start_values(self.arm) if params is None and not self._asked else params
            trial = self._new_trial(wanted if attempt == 0 else None, attempt)
            chosen = draw(self.arm, partial(_suggest, trial))
            if (key := canonical_json(chosen)) not in self._chosen:
                self._chosen.add(key)
                config = configure(self.arm.config, chosen, seed=self._seed, test=False)
                entry = SearchEntry(trial_id=identify(config), params=chosen)
                self._asked[entry.trial_id] = (trial, entry)
                return entry, config
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return None

    def should_prune(self, trial_id: str, epochs: Iterable[tuple[int, float]]) -> bool:
        """Report (epoch, score) pairs; True if the trial is too weak to go on."""
        trial, _ = self._asked[trial_id]
        known = self._study.trials[trial.number].intermediate_values
        is_weak = False
        for epoch, score in epochs:
            if epoch not in known:
                trial.report(score, epoch)
                is_weak = trial.should_prune()
        return is_weak

    def tell(self, result: TrialResult) -> None:
        """Take in a trial's end; a failed or collapsed one has no score, rather than a bad one."""
        trial, _ = self._asked[result.trial_id]
        select = result.config.evaluation.select
        self.should_prune(result.trial_id, ((e.epoch, e.valid[select]) for e in result.epochs))
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

    def _new_trial(self, params: Mapping[str, Value] | None, attempt: int) -> optuna.Trial:
        # Without defaults, so that a new option does not change what is drawn.
        config = self.arm.config.model_dump(mode="json", exclude_defaults=True)
        identity = [config, sorted(self.arm.space)]
        seed_text = canonical_json([self._seed, identity, len(self._asked), attempt])
        seed = int(hashlib.sha256(seed_text.encode()).hexdigest()[:8], 16)
        self._study.sampler = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=NUM_STARTUP_TRIALS
        )
        if params is not None:
            # Choices are JSON text to Optuna, so that lists and nulls can be choices too.
            choices = {path for path in params if self.arm.space[path].choice is not None}
            self._study.enqueue_trial(
                {p: canonical_json(v) if p in choices else v for p, v in params.items()}
            )
        return self._study.ask()


def _suggest(trial: optuna.Trial, path: str, param: ParamSpec) -> Value:
    if param.choice is not None:
        names = [canonical_json(value) for value in param.choice]
        return param.choice[names.index(trial.suggest_categorical(path, names))]
    low, high = getattr(param, param.kind)
    if param.kind == "int":
        return trial.suggest_int(path, low, high)
    return trial.suggest_float(path, low, high, log=param.kind == "loguniform")


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
