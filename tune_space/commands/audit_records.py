"""The audit of one record: its name, its best epoch, and its metrics from its ranks."""

from collections.abc import Collection, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from morec.config.ensemble import member_sources, weight_grid
from morec.errors import DataError
from morec.metrics import GAINS, NEVER_FOUND, mean_over_users, parse_metric
from morec.results import Evaluation, TrialResult, TrialStatus
from tune_space.commands.audit_lists import list_problems
from tune_space.ledger.manifest import Manifest

ROUNDING = 1e-3
"""So much may a metric of a member alone differ from that of its record: scaled scores round
otherwise, which can swap items of nearly equal scores."""


def record_problems(record: TrialResult) -> Iterator[str]:
    """Every value in a record that does not follow from its other values."""
    name = record.config.trial_id(record.sources, schema=record.schema_version)
    if name != record.trial_id:
        yield f"its configuration and sources are those of {name}"
    ks = record.config.evaluation.ks
    # A metric that is younger than the record is in none of its epochs, and is not asked for.
    known = {name for epoch in record.epochs for name in epoch.valid}
    for split, result in (("valid", record.valid), ("test", record.test)):
        if result is not None:
            yield from (f"{split}: {text}" for text in evaluation_problems(result, ks, known))
            num_forced = result.num_forced_misses
            if num_forced and not record.config.evaluation.mask_history:
                yield f"{split}: {num_forced} forced misses although no history is masked"
    if record.status is TrialStatus.COMPLETED:
        yield from _best_epoch_problems(record)


def evaluation_problems(
    result: Evaluation, ks: tuple[int, ...], known: Collection[str] = ()
) -> Iterator[str]:
    """Metrics and counts that are not those of the ranks; known metrics that are not there."""
    try:
        ranks_U = result.ranks
    except DataError as error:
        yield str(error)
        return
    for name in sorted({*known, *result.metrics}):
        found, right = result.metrics.get(name), _from_ranks(name, ranks_U, ks)
        if found is None or right is None or not np.isclose(found, right, rtol=0, atol=1e-12):
            yield f"{name} is {found}; the ranks give {right}"
    yield from _forced_miss_problems(result, ks)
    yield from list_problems(result)


def _forced_miss_problems(result: Evaluation, ks: tuple[int, ...]) -> Iterator[str]:
    """A forced miss that is not counted, or that is counted as a hit."""
    num_recorded, num_found = result.num_forced_misses, int(result.is_forced_miss_U.sum())
    if num_recorded != num_found:
        yield f"{num_recorded} forced misses are counted; the ranks have {num_found}"
    worst = int(result.ranks.max())
    if num_recorded and worst < NEVER_FOUND and worst <= max(ks, default=0):
        yield f"{num_found} forced misses have the rank {worst}: they count as hits at {max(ks)}"


def _from_ranks(name: str, ranks_U: npt.NDArray[np.uint32], ks: tuple[int, ...]) -> float | None:
    """A metric over all users; None for one that is not known, or not at one of the cut-offs."""
    try:
        metric, k = parse_metric(name)
    except ValueError:
        return None
    return mean_over_users(name, ranks_U) if metric in GAINS and k in ks else None


def selected_score(record: TrialResult) -> float:
    """The metric that choices are made by, computed again from the validation ranks.

    -1, which is below every score, where the ranks cannot be read.
    """
    assert record.valid is not None, record.trial_id
    evaluation = record.config.evaluation
    try:
        return mean_over_users(evaluation.select, record.valid.ranks)
    except DataError:
        return -1.0


def reference_problems(manifest: Manifest) -> Iterator[str]:
    """References whose metrics are not those of their ranks."""
    for reference in manifest.references:
        result = reference.test_evaluation
        if result is None:
            continue
        ks = tuple({parse_metric(name)[1] for name in reference.test})
        for text in evaluation_problems(result, ks, reference.test):
            yield f"manifest: {reference.name}: test: {text}"
        if result.metrics != reference.test:
            yield f"manifest: {reference.name}: its test metrics are not those of its ranks"


def ensemble_problems(record: TrialResult, records: Mapping[str, TrialResult]) -> Iterator[str]:
    """A late fusion's weightings are those of the grid, and its members the recorded trials.

    With all the weight on one member, validation is that of the member's own record.
    """
    members, select = record.config.ensemble, record.config.evaluation.select
    grid = weight_grid(len(members))
    if len(record.epochs) != len(grid):
        yield f"{record.trial_id}: {len(record.epochs)} weightings; the grid has {len(grid)}"
        return
    for number, member in enumerate(members, start=1):
        name = member.trial_id(member_sources(record.sources, number))
        own = records.get(name)
        if own is None or own.valid is None:
            yield f"{record.trial_id}: member {number}, {name}, has no record of its validation"
            continue
        alone = tuple(float(place == number) for place in range(1, len(members) + 1))
        found, right = record.epochs[grid.index(alone)].valid[select], own.valid.value(select)
        if abs(found - right) > ROUNDING:
            yield (
                f"{record.trial_id}: member {number} alone has {select} {found}; its record "
                f"{name} has {right}"
            )


def _best_epoch_problems(record: TrialResult) -> Iterator[str]:
    """The best epoch is the first with the best score, and ``valid`` has its metrics."""
    select = record.config.evaluation.select
    scores = [epoch.valid[select] for epoch in record.epochs]
    best = 1 + scores.index(max(scores))
    if record.best_epoch != best:
        yield f"best epoch {record.best_epoch}; by validation {select} it is {best}"
        return
    if record.valid is not None and record.valid.metrics != record.epochs[best - 1].valid:
        yield f"its validation metrics are not those of its best epoch, {best}"
