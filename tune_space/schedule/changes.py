"""What changed since the last run of a study, and what each change does to its trials."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from morec.code_version import code_version
from morec.config import canonical_json
from morec.errors import SpecError
from morec.results import TrialResult
from tune_space.ledger.provenance import other_code
from tune_space.ledger.records import ArmEntry, Ledger, Manifest, trials_of
from tune_space.schedule.jobs import Sources
from tune_space.study.expand import Arm, expand, fits
from tune_space.study.spec import ParamSpec, StudySpec

REPORT_ONLY = ("question", "baseline", "contrasts", "expected")
"""Parts of a study that no trial depends on."""


@dataclass(frozen=True)
class _LastRun:
    """What the last run of a study left behind."""

    manifest: Manifest
    records: Mapping[str, TrialResult]

    def num_records(self, entry: ArmEntry) -> int:
        """Records of an arm's trials."""
        return len(trials_of([entry]) & self.records.keys())


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
    last = _LastRun(manifest, ledger.read_all())
    current = {arm.name: sources(arm.config) for arm in arms if arm.name not in inactive}
    return tuple(_changes(study, arms, last, current))


def _changes(
    study: StudySpec,
    arms: Sequence[Arm],
    last: _LastRun,
    current: Mapping[str, Mapping[str, str]],
) -> Iterator[str]:
    before = last.manifest.study
    earlier = _earlier_arms(before)
    if earlier is None:
        yield "the last run's study cannot be built by this code: its arms are not compared"
    else:
        yield from _arms(arms, earlier, last)
        yield from _spaces(arms, earlier, last)
    yield from _seeds(before, study)
    yield from _effort(before, study)
    yield from _sources(arms, last, current)
    yield from other_code(last.records.values(), code_version())
    changed = [key for key in REPORT_ONLY if getattr(before, key) != getattr(study, key)]
    if changed:
        yield f"{', '.join(changed)} changed: another report, no trial"


def _earlier_arms(before: StudySpec) -> dict[str, Arm] | None:
    try:
        return {arm.name: arm for arm in expand(before)}
    except SpecError:
        return None


def _arms(arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun) -> Iterator[str]:
    entries = {entry.name: entry for entry in last.manifest.arms}
    for arm in arms:
        if arm.name not in earlier:
            yield f"arm {arm.name!r} is added: all its trials are new"
        elif arm.name in entries and (what := _difference(earlier[arm.name], arm)):
            num = last.num_records(entries[arm.name])
            yield f"arm {arm.name!r} changed ({what}): its trials are new; {_stay(num)}"
    now = {arm.name for arm in arms}
    for name in (name for name in earlier if name not in now):
        num = last.num_records(entries[name]) if name in entries else 0
        yield f"arm {name!r} is removed: {_stay(num)}"


def _stay(num_records: int) -> str:
    return f"{num_records} record{'s' * (num_records != 1)} of it stay, unreported"


def _difference(before: Arm, now: Arm) -> str:
    """The fixed settings that differ, but for the seed of the search, which has a line itself."""
    old, new = (dict(_leaves(arm.config.model_dump(mode="json"))) for arm in (before, now))
    paths = [p for p in {**old, **new} if old.get(p) != new.get(p) and p != "seed"]
    return ", ".join(f"{path} {_spell(old, path)} -> {_spell(new, path)}" for path in paths)


def _spell(leaves: Mapping[str, Any], path: str) -> str:
    return canonical_json(leaves[path]) if path in leaves else "nothing"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _spaces(arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun) -> Iterator[str]:
    """Changed search spaces; arms that changed alike share a line."""
    entries = {entry.name: entry for entry in last.manifest.arms}
    found: dict[str, list[str]] = {}
    kept: dict[str, list[int]] = {}
    for arm in arms:
        what = _space_difference(earlier[arm.name].space, arm.space) if arm.name in earlier else ""
        if what and arm.name in entries:
            searched = entries[arm.name].search
            found.setdefault(what, []).append(arm.name)
            inside = sum(fits(arm, entry.params) for entry in searched)
            totals = kept.setdefault(what, [0, 0])
            kept[what] = [totals[0] + inside, totals[1] + len(searched)]
    for what, names in found.items():
        inside, total = kept[what]
        yield (
            f"search space of {', '.join(names)} changed ({what}): {inside} of {total} search "
            "trials lie in it and count, the others are no longer asked for"
        )


def _space_difference(before: Mapping[str, ParamSpec], now: Mapping[str, ParamSpec]) -> str:
    paths = [path for path in {**before, **now} if before.get(path) != now.get(path)]
    return ", ".join(
        f"{path}: {_domain(before.get(path))} -> {_domain(now.get(path))}" for path in paths
    )


def _domain(param: ParamSpec | None) -> str:
    if param is None:
        return "not searched"
    when = f" when {canonical_json(param.when)}" if param.when else ""
    return f"{param.kind} {param.spell()}{when}"


def _seeds(before: StudySpec, study: StudySpec) -> Iterator[str]:
    added = [seed for seed in study.seeds if seed not in before.seeds]
    removed = [seed for seed in before.seeds if seed not in study.seeds]
    if added:
        yield f"seeds {_list(added)} are added: one final trial each for every arm"
    if removed:
        yield f"seeds {_list(removed)} are removed: their records stay, unreported"


def _effort(before: StudySpec, study: StudySpec) -> Iterator[str]:
    old, new = before.budget.trials, study.budget.trials
    if new > old:
        yield f"budget.trials {old} -> {new}: every search goes on; a better trial is locked anew"
    if new < old:
        yield f"budget.trials {old} -> {new}: an arm's first {new} search trials count"
    if before.search_seed != study.search_seed:
        yield (f"search_seed {before.search_seed} -> {study.search_seed}: every search begins anew")
    if before.scheduler != study.scheduler:
        yield (
            f"scheduler {before.scheduler} -> {study.scheduler}: recorded trials count as they "
            "are, trials that run from now on are stopped by the new one"
        )


def _sources(
    arms: Sequence[Arm], last: _LastRun, current: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    """Arms whose records were made with other data or other weights than the current ones."""
    entries = {entry.name: entry for entry in last.manifest.arms}
    found: dict[str, list[str]] = {}
    for arm in (arm for arm in arms if arm.name in entries and arm.name in current):
        trials = trials_of([entries[arm.name]]) & last.records.keys()
        then = (last.records[trial_id].sources for trial_id in sorted(trials))
        for name in _changed(then, current[arm.name]):
            found.setdefault(name, []).append(arm.name)
    for name, names in found.items():
        what = "data" if name == "data" else f"{name} weights"
        yield (
            f"{what} of {', '.join(names)} are not those of the records: trials run again, and "
            "the records stay, unreported"
        )


def _changed(then: Iterable[Mapping[str, str]], now: Mapping[str, str]) -> list[str]:
    seen = list(then)
    return [name for name in now if any(one.get(name, now[name]) != now[name] for one in seen)]


def _list(values: Collection[int]) -> str:
    return ", ".join(map(str, values))
