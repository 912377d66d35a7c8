"""Optuna's dashboard: one Optuna study per arm, ``<study>/<arm>``, of its search trials.

What is written is a copy for looking at. The search itself is rebuilt from the ledger and reads
nothing of it. Optuna cannot change a trial that ended, so a study with changed trials is made anew.
"""

import warnings
from collections.abc import Sequence
from datetime import datetime

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState, create_trial

from morec.config import canonical_json
from morec.errors import SpecError
from reports.trackers.runs import RECORD, TRIAL, Run, TrackedStudy
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

STATES = {
    "completed": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "collapsed": TrialState.FAIL,
}
OURS = "morec.study"
"""Attribute of the Optuna studies that this project wrote."""


def send(study: TrackedStudy, address: str) -> int:
    """Send the search trials that the storage does not have; returns how many were written.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the storage is away, or refuses something.
        ValueError: an Optuna study of the same name is not ours.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(address)
    spaces = _spaces(study.summary.manifest.study)
    searched: dict[str, list[Run]] = {}
    for run in study.runs:
        if run.tags["role"] == "search":
            searched.setdefault(run.tags["arm"], []).append(run)
    return sum(
        _send_arm(storage, study, runs, space=spaces.get(arm, {})) for arm, runs in searched.items()
    )


def _spaces(study: StudySpec) -> dict[str, dict[str, ParamSpec]]:
    """Arm -> its search space; none if this code cannot build the study, perhaps an old one."""
    try:
        return {arm.name: arm.space for arm in expand(study)}
    except SpecError:
        return {}


def _send_arm(
    storage: optuna.storages.RDBStorage,
    study: TrackedStudy,
    runs: Sequence[Run],
    *,
    space: dict[str, ParamSpec],
) -> int:
    name = f"{study.name}/{runs[0].tags['arm']}"
    domains = {path: param.model_dump(mode="json") for path, param in space.items()}
    about = {"value": f"valid/{runs[0].select}", "search": canonical_json(domains)}
    copy = _load(storage, name)
    if copy is not None and not _is_beginning(copy, runs, about):
        optuna.delete_study(study_name=name, storage=storage)
        copy = None
    if copy is None:
        copy = _create(storage, name, study, about=about)
    num_known = len(copy.get_trials(deepcopy=False))
    for run in runs[num_known:]:
        copy.add_trial(_trial(run, space, about["value"]))
    return len(runs) - num_known


def _is_beginning(copy: optuna.Study, runs: Sequence[Run], about: dict[str, str]) -> bool:
    """Whether the copy holds the first of these trials as they are now, in the same space."""
    known = [trial.user_attrs.get(RECORD) for trial in copy.get_trials(deepcopy=False)]
    is_same = all(copy.user_attrs.get(key) == value for key, value in about.items())
    return is_same and known == [run.digest for run in runs[: len(known)]]


def _load(storage: optuna.storages.RDBStorage, name: str) -> optuna.Study | None:
    """The study of that name, if it is there and ours."""
    if name not in optuna.get_all_study_names(storage):
        return None
    found = optuna.load_study(study_name=name, storage=storage)
    if OURS not in found.user_attrs:
        raise ValueError(
            f"the storage has an Optuna study {name!r} that was not written by this project; "
            "rename or delete it, or name another storage"
        )
    return found


def _create(
    storage: optuna.storages.RDBStorage, name: str, study: TrackedStudy, *, about: dict[str, str]
) -> optuna.Study:
    made = optuna.create_study(storage=storage, study_name=name, direction="maximize")
    made.set_user_attr(OURS, study.name)
    for key, value in {"question": study.question, **about}.items():
        made.set_user_attr(key, value)
    with warnings.catch_warnings():
        # Optuna warns that names of values are experimental; the dashboard shows them.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made.set_metric_names([about["value"]])
    return made


def _trial(run: Run, space: dict[str, ParamSpec], value: str) -> FrozenTrial:
    distributions = {
        path: found
        for path, chosen in run.searched.items()
        if (found := distribution(space.get(path), chosen)) is not None
    }
    reported = {one.step: one.metrics[value] for one in run.epochs if value in one.metrics}
    trial = create_trial(
        state=STATES[run.status],
        value=run.score if run.status == "completed" else None,
        params={path: _shown(space.get(path), run.searched[path]) for path in distributions},
        distributions=distributions,
        user_attrs={**run.tags, **run.metrics, TRIAL: run.trial_id, RECORD: run.digest},
        intermediate_values=reported,
    )
    trial.datetime_start = datetime.fromtimestamp(run.began_s)
    trial.datetime_complete = datetime.fromtimestamp(run.ended_s)
    return trial


def distribution(param: ParamSpec | None, value: Value) -> BaseDistribution | None:
    """The domain of a searched value as Optuna shows it.

    Of a value outside today's search space: that number alone, and None where it is no number.
    """
    if param is None or not param.contains(value):
        is_number = type(value) in (int, float)
        return FloatDistribution(value, value) if is_number else None
    if param.choice is not None:
        return CategoricalDistribution([_shown(param, one) for one in param.choice])
    low, high = getattr(param, param.kind)
    if param.kind in ("int", "logint"):
        return IntDistribution(low, high, log=param.is_logarithmic, step=param.step or 1)
    return FloatDistribution(low, high, log=param.is_logarithmic, step=param.step)


def _shown(param: ParamSpec | None, value: Value) -> Value:
    """A value as Optuna shows it: choices as JSON text unless all are texts, or all numbers."""
    if param is None or param.choice is None:
        return value
    kinds = {type(one) for one in param.choice}
    return value if kinds == {str} or kinds <= {int, float} else canonical_json(value)
