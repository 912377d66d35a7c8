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
    earlier = _arms_then(before)
    if earlier is None:
        yield "the last run's study cannot be built by this code: its arms are not compared"
    else:
        yield from _arm_changes(arms, earlier, last)
        yield from _space_changes(arms, earlier, last)
    yield from _seed_changes(before, study)
    yield from _search_changes(before, study)
    yield from _source_changes(arms, last, current)
    yield from other_code(last.records.values(), code_version())
    changed = [key for key in REPORT_ONLY if getattr(before, key) != getattr(study, key)]
    if changed:
        yield f"{', '.join(changed)} changed: another report, no trial"


def _arms_then(before: StudySpec) -> dict[str, Arm] | None:
    try:
        return {arm.name: arm for arm in expand(before)}
    except SpecError:
        return None


def _arm_changes(arms: Sequence[Arm], earlier: Mapping[str, Arm], last: _LastRun) -> Iterator[str]:
    entries = {entry.name: entry for entry in last.manifest.arms}
    for arm in arms:
        if arm.name not in earlier:
            yield f"arm {arm.name!r} is added: all its trials are new"
        elif arm.name in entries and (what := _config_difference(earlier[arm.name], arm)):
            num = last.num_records(entries[arm.name])
            yield f"arm {arm.name!r} changed ({what}): its trials are new; {_format_kept(num)}"
    now = {arm.name for arm in arms}
    for name in (name for name in earlier if name not in now):
        num = last.num_records(entries[name]) if name in entries else 0
        yield f"arm {name!r} is removed: {_format_kept(num)}"


def _format_kept(num_records: int) -> str:
    return f"its records ({num_records}) are kept and no longer reported"


def _config_difference(before: Arm, after: Arm) -> str:
    """The fixed settings that differ; the seed of the search has a line of its own."""
    old, new = (dict(_leaves(arm.config.model_dump(mode="json"))) for arm in (before, after))
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
        f"{path}: {_format_domain(before.get(path))} -> {_format_domain(now.get(path))}"
        for path in paths
    )


def _format_domain(param: ParamSpec | None) -> str:
    if param is None:
        return "not searched"
    when = f" when {canonical_json(param.when)}" if param.when else ""
    return f"{param.kind} {param.format()}{when}"


def _seed_changes(before: StudySpec, study: StudySpec) -> Iterator[str]:
    added = [seed for seed in study.seeds if seed not in before.seeds]
    removed = [seed for seed in before.seeds if seed not in study.seeds]
    if added:
        yield f"seeds {_format_list(added)} are added: one final trial each for every arm"
    if removed:
        text = _format_list(removed)
        yield f"seeds {text} are removed: their records are kept and no longer reported"


def _search_changes(before: StudySpec, study: StudySpec) -> Iterator[str]:
    old, new = before.budget.trials, study.budget.trials
    if new > old:
        yield (
            f"budget.trials {old} -> {new}: every search continues; if it finds a better trial, "
            "that one is locked and its final trials run"
        )
    if new < old:
        yield f"budget.trials {old} -> {new}: an arm's first {new} search trials count, no others"
    if before.search_seed != study.search_seed:
        yield (
            f"search_seed {before.search_seed} -> {study.search_seed}: every search starts again"
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
            f"{what} of {', '.join(names)} are not those of the records: trials run again; the "
            "records are kept and no longer reported"
        )


def _changed(then: Iterable[Mapping[str, str]], now: Mapping[str, str]) -> list[str]:
    seen = list(then)
    return [name for name in now if any(one.get(name, now[name]) != now[name] for one in seen)]


def _format_list(values: Collection[int]) -> str:
    return ", ".join(map(str, values))
