"""What changed since the last run of a study, and what each change does to its trials."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morec.code_version import code_version
from morec.config import canonical_json
from morec.errors import SpecError
from morec.results import TrialResult
from tune_space.ledger.manifest import ArmEntry, trials_of
from tune_space.ledger.provenance import other_code, other_schema
from tune_space.ledger.records import Ledger
from tune_space.schedule.jobs import Sources
from tune_space.study.arm import Arm, fits
from tune_space.study.domains import ParamSpec
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

REPORT_ONLY = ("question", "baseline", "contrasts", "expected")
"""Parts of a study that no trial depends on."""


@dataclass(frozen=True)
class _LastRun:
    """What the last run of a study left behind."""

    study: StudySpec
    entries: Mapping[str, ArmEntry]
    records: Mapping[str, TrialResult]

    def records_of(self, arm: str) -> list[TrialResult]:
        """Records of an arm's trials, in the order of their ids."""
        trials = trials_of([self.entries[arm]] if arm in self.entries else ())
        return [self.records[trial_id] for trial_id in sorted(trials & self.records.keys())]

    def format_kept(self, arm: str) -> str:
        """What becomes of the arm's records once none of its trials is asked for."""
        return f"its records ({len(self.records_of(arm))}) are kept and no longer reported"


def find_changes(
    study: StudySpec,
    arms: Sequence[Arm],
    ledger: Ledger,
    sources: Sources,
    *,
    inactive: Collection[str] = (),
) -> tuple[str, ...]:
    """Every change since the last run with its consequence, a line each; none before the first run.

    ``sources`` is not asked about ``inactive`` arms, whose data may be missing.

    Raises:
        DataError: a record or the manifest cannot be read.
    """
    manifest = ledger.read_manifest()
    if manifest is None:
        return ()
    entries = {entry.name: entry for entry in manifest.arms}
    last = _LastRun(manifest.study, entries, ledger.read_all())
    current = {arm.name: sources(arm.config) for arm in arms if arm.name not in inactive}
    return tuple(_changes(study, arms, last, current))


def _changes(
    study: StudySpec,
    arms: Sequence[Arm],
    last: _LastRun,
    current: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    before = last.study
    try:
        earlier = {arm.name: arm for arm in expand(before)}
    except SpecError:
        yield "the last run's study cannot be built by this code: its arms are not compared"
    else:
        yield from _arm_changes(arms, earlier, last)
        yield from _space_changes(arms, earlier, last)
    yield from _seed_changes(before, study)
    yield from _search_changes(before, study)
    yield from _source_changes(arms, last, current)
    yield from other_schema(last.records.values())
    yield from other_code(last.records.values(), code_version())
    changed = [key for key in REPORT_ONLY if getattr(before, key) != getattr(study, key)]
    if changed:
        yield f"{', '.join(changed)} changed: another report, no trial"


def _arm_changes(arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun) -> Iterator[str]:
    same = _same_elsewhere(arms, earlier, last)
    for arm in arms:
        if arm.name in same:
            yield f"arm {arm.name!r} is added: its trials are those of arm {same[arm.name]!r}"
        elif arm.name not in earlier:
            yield f"arm {arm.name!r} is added: all its trials are new"
        elif arm.name in last.entries and (what := _config_difference(earlier[arm.name], arm)):
            kept = last.format_kept(arm.name)
            yield f"arm {arm.name!r} changed ({what}): its trials are new; {kept}"
    now = {arm.name for arm in arms}
    for name in (name for name in earlier if name not in now):
        others = [other.name for other in arms if _is_shared(earlier[name], other)]
        stays = f"its trials are those of arm {others[0]!r}" if others else last.format_kept(name)
        yield f"arm {name!r} is removed: {stays}"


def _same_elsewhere(
    arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun
) -> dict[str, str]:
    """Added arm -> the arm of the last run with the same trials, under another condition."""
    found = {}
    for arm in (arm for arm in arms if arm.name not in earlier):
        same = (name for name, other in earlier.items() if _is_shared(arm, other))
        if name := next((name for name in same if last.records_of(name)), None):
            found[arm.name] = name
    return found


def _is_shared(arm: Arm, other: Arm) -> bool:
    """Whether two arms are the same arm, with the same trials, under different conditions."""
    return (arm.own_name, arm.identity) == (other.own_name, other.identity)


def _config_difference(before: Arm, after: Arm) -> str:
    """The fixed settings that differ; the seed of the search has a line of its own."""
    old, new = (dict(_leaves(arm.settings)) for arm in (before, after))
    paths = [p for p in {**old, **new} if old.get(p) != new.get(p) and p != "seed"]
    return ", ".join(
        f"{path} {_format_value(old, path)} -> {_format_value(new, path)}" for path in paths
    )


def _format_value(leaves: Mapping[str, Any], path: str) -> str:
    return canonical_json(leaves[path]) if path in leaves else "nothing"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _space_changes(
    arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun
) -> Iterator[str]:
    """Changed search spaces; arms with the same change share a line."""
    found: dict[str, list[Arm]] = {}
    for arm in (arm for arm in arms if arm.name in earlier and arm.name in last.entries):
        if what := _space_difference(earlier[arm.name].space, arm.space):
            found.setdefault(what, []).append(arm)
    for what, changed in found.items():
        lies = [fits(arm, e.params) for arm in changed for e in last.entries[arm.name].search]
        yield (
            f"search space of {', '.join(arm.name for arm in changed)} changed ({what}): "
            f"{sum(lies)} of {len(lies)} search trials lie in it and count, the others are no "
            "longer asked for"
        )


def _space_difference(before: Mapping[str, ParamSpec], now: Mapping[str, ParamSpec]) -> str:
    paths = [path for path in {**before, **now} if before.get(path) != now.get(path)]
    return ", ".join(
        f"{path}: {_format_domain(before.get(path))} -> {_format_domain(now.get(path))}"
        for path in paths
    )


def _format_domain(param: ParamSpec | None) -> str:
    if param is None:
        return "not searched"
    when = f" when {canonical_json(param.when)}" if param.when else ""
    return f"{param.kind} {param.format()}{when}"


def _seed_changes(before: StudySpec, study: StudySpec) -> Iterator[str]:
    added = ", ".join(str(seed) for seed in study.seeds if seed not in before.seeds)
    removed = ", ".join(str(seed) for seed in before.seeds if seed not in study.seeds)
    if added:
        yield f"seeds {added} are added: one final trial each for every arm"
    if removed:
        yield f"seeds {removed} are removed: their records are kept and no longer reported"


def _search_changes(before: StudySpec, study: StudySpec) -> Iterator[str]:
    old, new = before.budget.trials, study.budget.trials
    if new > old:
        yield (
            f"budget.trials {old} -> {new}: every search continues; if it finds a better trial, "
            "that one is locked and its final trials run"
        )
    if new < old:
        yield f"budget.trials {old} -> {new}: an arm's first {new} search trials count, no others"
    if before.budget.parallel != study.budget.parallel:
        yield (
            f"budget.parallel {before.budget.parallel} -> {study.budget.parallel}: recorded trials "
            "count as they are; those that are still to come are chosen in other rounds"
        )
    if before.search_seed != study.search_seed:
        yield (
            f"search_seed {before.search_seed} -> {study.search_seed}: every search starts again"
        )
    if before.sampler != study.sampler:
        yield (
            f"sampler {before.sampler} -> {study.sampler}: recorded trials count as they are; "
            "the new sampler chooses those that are still to come"
        )
    if before.scheduler != study.scheduler:
        yield (
            f"scheduler {before.scheduler} -> {study.scheduler}: recorded trials count as they "
            "are; the new scheduler stops trials that run from now on"
        )


def _source_changes(
    arms: Sequence[Arm], last: _LastRun, current: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Arms whose records were made with other data or other weights than the current ones."""
    found: dict[str, list[str]] = {}
    for arm in arms:
        then = [record.sources for record in last.records_of(arm.name)]
        for name, now in current.get(arm.name, {}).items():
            if any(one.get(name, now) != now for one in then):
                found.setdefault(name, []).append(arm.name)
    for name, names in found.items():
        what = "data" if name == "data" else f"{name} weights"
        yield (
            f"{what} of {', '.join(names)} are not those of the records: trials run again; the "
            "records are kept and no longer reported"
        )
