"""How much disk and memory what is left of a study takes, and whether that is there.

Nothing here is trained or read. Numbers that an earlier run measured are taken from its records;
the others are computed from the shapes of the models, as the least that it will be (memory) or the
most (disk).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from morec.config import canonical_json
from morec.results import TrialResult
from tune_space.expand import Arm
from tune_space.ledger import Ledger, Manifest
from tune_space.plan import Plan, concurrency
from tune_space.room import available_memory, existing, free_disk, spell_bytes
from tune_space.study import StudySpec

if TYPE_CHECKING:
    from morec.blueprint import Blueprint

PROCESS_BYTES = 500_000_000
"""What a trial's process takes before its model: libraries (measured: 0.55 GB)."""
SESSION_BYTES = 1_000_000_000
"""The driver, Ray's servers and its store of objects (measured: 1.1 GB)."""
WEIGHT_BYTES = 4
REPORT_BYTES = 20_000_000
"""Report, tables, manifest (10,000 trials: 4 MB each)."""
RECORD_BYTES = 20_000
"""A record without its ranks."""
RANK_BYTES = 11
"""A user's ranks on both splits, packed, at most."""
MAX_NAMED = 5
"""Arms that are named in a line."""
SPARE = 0.05
"""Share of the free disk that is left alone."""


@dataclass(frozen=True)
class Needs:
    """What is left of a study takes at most on disk, at least in memory; in bytes."""

    checkpoints: int
    artefacts: int
    records: int
    per_trial: int
    """Memory of the largest trial's processes."""
    num_parallel: int
    is_measured: bool
    """Whether ``per_trial`` was measured in this study."""
    unknown: tuple[str, ...] = ()
    """Arms some of whose sizes cannot be known from here, and are not counted."""

    @property
    def disk(self) -> int:
        """All that is written."""
        return self.checkpoints + self.artefacts + self.records

    @property
    def memory(self) -> int:
        """All processes together."""
        return self.num_parallel * self.per_trial + SESSION_BYTES if self.per_trial else 0

    def lines(self, out: Path) -> list[str]:
        """What is needed and what there is."""
        if not self.records:
            return []
        kinds = ("checkpoints", "artefacts", "records")
        parts = ", ".join(f"{kind} {spell_bytes(getattr(self, kind))}" for kind in kinds)
        how = "measured" if self.is_measured else "at least, by the model's size"
        there = available_memory()
        lines = [
            f"disk: {spell_bytes(self.disk)} needed ({parts}), "
            f"{spell_bytes(free_disk(out))} free at {existing(out)}",
            f"memory: {spell_bytes(self.memory)} needed ({self.num_parallel} at a time, "
            f"{spell_bytes(self.per_trial)} each, {how}; {spell_bytes(SESSION_BYTES)} for Ray), "
            f"{'unknown' if there is None else spell_bytes(there)} available",
        ]
        if self.unknown:
            more = len(self.unknown) - MAX_NAMED
            names = ", ".join(self.unknown[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
            lines.append(f"not all counted, since sizes are not known yet: {names}")
        return lines

    def shortages(self, out: Path, *, is_local: bool = True) -> list[str]:
        """What is not there, and what to change; memory only where trials run on this machine."""
        problems = []
        free = int(free_disk(out) * (1 - SPARE))
        if self.disk > free:
            problems.append(
                f"not enough disk at {existing(out)}: {spell_bytes(self.disk)} needed, "
                f"{spell_bytes(free)} free with {SPARE:.0%} to spare. Free some (--clean shows "
                "the cache), give a folder on a larger disk with --out, or keep fewer checkpoints "
                "(checkpoints_gb)"
            )
        there = available_memory()
        if is_local and there is not None and self.memory > there:
            problems.append(
                f"not enough memory: {spell_bytes(self.memory)} needed for {self.num_parallel} "
                f"trials at a time, {spell_bytes(there)} available. Run fewer at a time (--set "
                "resources.cpus=N gives each N cores), encode fewer items at once "
                "(training.micro_items), or end other programs"
            )
        return problems


def needs_of(
    study: StudySpec,
    arms: Sequence[Arm],
    plan: Plan,
    ledger: Ledger,
    sizes: "Mapping[str, Blueprint | None]",
    store: Path,
) -> Needs:
    """Count what running ``plan`` takes; ``arms`` without trials left take nothing."""
    left = {one.name: one.num_left for one in plan.arms if one.num_left}
    busy = [arm for arm in arms if arm.name in left]
    num_parallel = min(concurrency(study.resources), sum(left.values()))
    manifest, records = ledger.read_manifest(), ledger.read_all()
    models = {arm.name: size for arm in busy if (size := sizes.get(arm.name))}
    measured = _measured(manifest, records, left)
    memory = [measured.get(arm.name, _memory(models.get(arm.name))) for arm in busy]
    saved = sorted((checkpoint_bytes(size) for size in models.values()), reverse=True)
    kept = study.checkpoints_gb * 1e9 if study.keep_checkpoints else 0
    return Needs(
        # While one is written, the one before is still there.
        checkpoints=2 * num_parallel * max(saved, default=0)
        + int(min(kept, sum(left[n] * checkpoint_bytes(size) for n, size in models.items()))),
        artefacts=_artefact_bytes(busy, models, manifest, store),
        records=sum(left.values()) * _record_bytes(manifest, records) + REPORT_BYTES * bool(left),
        per_trial=study.resources.workers * max(memory, default=0),
        num_parallel=num_parallel,
        is_measured=bool(busy) and all(arm.name in measured for arm in busy),
        unknown=tuple(arm.name for arm in busy if _is_unknown(arm, models)),
    )


def _is_unknown(arm: Arm, models: "Mapping[str, Blueprint]") -> bool:
    size = models.get(arm.name)
    return size is None or bool(arm.config.item.modalities.keys() - size.artefact_bytes.keys())


def _memory(size: "Blueprint | None") -> int:
    """Weights twice (now and the best epoch's), and of what trains gradients and two moments."""
    if size is None:
        return PROCESS_BYTES
    return PROCESS_BYTES + WEIGHT_BYTES * (2 * size.params_total + 3 * size.params_trainable)


def checkpoint_bytes(size: "Blueprint") -> int:
    """Weights twice, and of what trains two moments."""
    return WEIGHT_BYTES * 2 * (size.params_total + size.params_trainable)


def _measured(
    manifest: Manifest | None, records: Mapping[str, TrialResult], names: Iterable[str]
) -> dict[str, int]:
    """Arm -> the largest peak of a process that trained one of its trials on a CPU."""
    entries = {entry.name: entry for entry in manifest.arms} if manifest else {}
    peaks: dict[str, int] = {}
    for name in (name for name in names if name in entries):
        entry = entries[name]
        ids = (*(trial.trial_id for trial in entry.search), *entry.final)
        costs = (records[i].cost for i in ids if i in records)
        found = [
            cost.peak_memory_bytes
            for cost in costs
            if cost and cost.peak_memory_bytes and cost.memory_kind == "process resident set"
        ]
        if found:
            peaks[name] = max(found)
    return peaks


def _record_bytes(manifest: Manifest | None, records: Mapping[str, TrialResult]) -> int:
    users = [one.valid.num_users for one in records.values() if one.valid]
    users += [entry.num_users for entry in manifest.datasets] if manifest else []
    return RECORD_BYTES + RANK_BYTES * max(users, default=0)


def _artefact_bytes(
    arms: Sequence[Arm],
    models: "Mapping[str, Blueprint]",
    manifest: Manifest | None,
    store: Path,
) -> int:
    """What the arms' encoders read and has not been made yet; what arms share is made once."""
    made = {
        name
        for each in (manifest.preparations if manifest else ())
        if (store / each.key).is_dir()
        for name in each.used_by
    }
    wanted = {}
    for arm in arms:
        if arm.name in models and arm.name not in made:
            for part, num_bytes in models[arm.name].artefact_bytes.items():
                spec = arm.config.item.modalities[part].model_dump(mode="json")
                data = arm.config.dataset.model_dump(mode="json")
                wanted[canonical_json([data, {**spec, "dnn_layers": 0}])] = num_bytes
    return sum(wanted.values())
