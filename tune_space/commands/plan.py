"""What running a study would do, how long that takes and what it needs; starts nothing.

Data sets that have not been prepared yet are read, so that their profiles can be printed.
"""

from collections.abc import Iterator, Sequence
from contextlib import chdir
from dataclasses import replace

from morec.config import TrialConfig
from morec.encoders.weights.hub import offline
from morec.errors import DataError
from tune_space.capacity.forecast import make_forecast, read_state
from tune_space.capacity.model_profiles import known_counts, model_profiles
from tune_space.commands.request import PlanAnswer, StudyRequest
from tune_space.inputs.check_texts import check_texts, format_readings
from tune_space.inputs.data_profile import format_profile
from tune_space.inputs.dataset_entries import dataset_entry, datasets_of, profile_dataset
from tune_space.inputs.missing import Missing, find_missing, format_missing, inactive_arms
from tune_space.inputs.prepare import Prepared, data_key
from tune_space.ledger.manifest import DatasetEntry
from tune_space.ledger.records import Ledger
from tune_space.schedule.changes import find_changes
from tune_space.schedule.plan import Plan, make_plan
from tune_space.study.arm import Arm
from tune_space.study.points import num_points
from tune_space.study.rankings import format_wide_cutoffs
from tune_space.study.spec import StudySpec, place_of


def answer(request: StudyRequest) -> PlanAnswer:
    """Compare the study with its records and with the machine or cluster it is to run on.

    Data and weights may be missing: the plan then counts what it knows and says what to download.

    Raises:
        SpecError: an arm is impossible.
        DataError: a record or the manifest cannot be read, or texts cannot be read as asked.
        ClusterError: there is no cluster at the address.
    """
    study, ledger = request.study.spec, Ledger(request.out)
    prepared = Prepared.beside(request.out, request.root)
    plan, missing = _compare(request, prepared, ledger)
    names = {arm.name for arm in plan.arms}
    arms = [arm for arm in request.study.arms if arm.name in names]
    state = read_state(study, arms, plan, ledger)
    capacity = request.find_capacity()
    # Folders of encoders and files of vectors are looked up from the study file's folder.
    with chdir(prepared.root):
        forecast = make_forecast(state, capacity, prepared.store.folder)
        profiles = model_profiles(study, arms, state.datasets)
    return PlanAnswer(
        lines=(
            *_format_spaces(study, arms),
            *_format_shared(arms),
            *forecast.format_lines(request.out),
            *forecast.format_shortages(request.out),
            *format_missing(missing),
            *_reading_lines(prepared, arms, missing),
            *_data_lines(prepared, arms, missing),
            *format_wide_cutoffs(arms, _num_items(study, arms, state.datasets)),
        ),
        plan=plan,
        num_seeds=len(study.seeds),
        num_concurrent=forecast.num_concurrent,
        profiles=profiles,
    )


def _format_spaces(study: StudySpec, arms: Sequence[Arm]) -> Iterator[str]:
    """Arms whose search space is smaller than the budget, or larger where all of it is wanted."""
    budget, found = study.budget.trials, dict[int, list[str]]()
    for arm in arms:
        if points := num_points(arm):
            found.setdefault(points, []).append(arm.name)
    for points, names in sorted(found.items()) if budget else ():
        space = f"search space of {', '.join(names)}: {points:,} point{'s' * (points > 1)}"
        if points < budget:
            yield f"{space}, all of which are tried; budget.trials {budget} allows more"
        elif points > budget and study.sampler == "grid":
            yield f"{space}, of which sampler: grid tries {budget} (budget.trials)"


def _format_shared(arms: Sequence[Arm]) -> Iterator[str]:
    """Arms that conditions leave as they are: the total counts their trials once."""
    same: dict[str, list[str]] = {}
    for arm in arms:
        same.setdefault(arm.identity, []).append(arm.name)
    for names in same.values():
        if len(names) > 1:
            yield f"{', '.join(names)}: the same trials, which run once"


def _reading_lines(
    prepared: Prepared, arms: Sequence[Arm], missing: Sequence[Missing]
) -> Iterator[str]:
    """How encoders read items, but for those that are missing or lack their data."""
    lacking = inactive_arms(arms, (), missing)
    reading = [arm for arm in arms if arm.name not in lacking]
    with offline():
        check_texts(prepared, reading)
        yield from format_readings(prepared, reading)


def _data_lines(
    prepared: Prepared, arms: Sequence[Arm], missing: Sequence[Missing]
) -> Iterator[str]:
    """The profile of every data set that is not missing, or why it cannot be read."""
    lacking = inactive_arms(arms, (), [one for one in missing if one.kind == "data set"])
    reading = [arm for arm in arms if arm.name not in lacking]
    for label, config in datasets_of(reading):
        conditions = _conditions(reading, label, config)
        try:
            yield from format_profile(_entry(prepared, label, config), conditions)
        except DataError as error:
            yield f"data: {label or config.dataset.kind} cannot be read: {error}"


def _conditions(arms: Sequence[Arm], label: str, config: TrialConfig) -> tuple[str, ...]:
    """The conditions under which arms read a data set in this way; none without conditions."""
    way = label, data_key(config)
    found = (arm.condition for arm in arms if (arm.dataset, data_key(arm.config)) == way)
    return tuple(filter(None, dict.fromkeys(found)))


def _entry(prepared: Prepared, label: str, config: TrialConfig) -> DatasetEntry:
    """What was written down when the data set was prepared, or else what reading it finds."""
    if prepared.is_prepared(config):
        return dataset_entry(prepared, label, config)
    split = config.evaluation.split
    return profile_dataset(config.dataset, prepared.root, label=label, split=split)


def _num_items(
    study: StudySpec, arms: Sequence[Arm], datasets: Sequence[DatasetEntry]
) -> dict[str, int | None]:
    """Items of each data set, where an earlier run or the study file says how many."""
    return {place_of(arm): known_counts(study, arm, datasets)[1] for arm in arms}


def _compare(
    request: StudyRequest, prepared: Prepared, ledger: Ledger
) -> tuple[Plan, Sequence[Missing]]:
    """The plan of the arms asked for, and which of their inputs are missing."""
    study, arms, sources = request.study.spec, request.study.arms, prepared.sources
    inactive = inactive_arms(arms, request.only)
    active = [arm for arm in arms if arm.name not in inactive]
    with offline():
        missing = find_missing(study, active, prepared)
        inactive = inactive_arms(arms, request.only, missing)
        retry_failed = request.retry_failed
        plan = make_plan(study, arms, ledger, sources, inactive=inactive, retry_failed=retry_failed)
        changes = find_changes(study, arms, ledger, sources, inactive=inactive)
    return replace(plan, edits=changes).restricted(request.only), missing
