"""How much disk and memory what is left of a study takes, and whether that is there.

Nothing here is trained or read. Numbers that an earlier run measured are taken from its records;
the others are computed from the shapes of the models, as the least that it will be (memory, of one
trial: how many run beside each other follows from what there is) or the most (disk).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from morec.config import canonical_json
from morec.results import TrialResult
from tune_space.capacity.machine import available_memory, existing, format_bytes, free_disk
from tune_space.capacity.trial_memory import FLOAT, MemoryEstimates, least_bytes
from tune_space.ledger.records import Manifest
from tune_space.schedule.plan import Plan
from tune_space.study.expand import Arm
from tune_space.study.spec import StudySpec

if TYPE_CHECKING:
    from morec.model_profile import ModelProfile

SESSION_BYTES = 1_000_000_000
"""The driver and Ray's servers (measured: 1.3 GB, pages that they share counted for each)."""
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
class Forecast:
    """What is left of a study takes at most on disk, at least in memory; in bytes."""

    checkpoints: int
    artefacts: int
    records: int
    per_trial: int
    """Memory of the largest trial's processes."""
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
        """One trial and what runs it."""
        return self.per_trial + SESSION_BYTES if self.per_trial else 0

    def lines(self, out: Path) -> list[str]:
        """What is needed and what there is."""
        if not self.records:
            return []
        kinds = ("checkpoints", "artefacts", "records")
        parts = ", ".join(f"{kind} {format_bytes(getattr(self, kind))}" for kind in kinds)
        how = "measured" if self.is_measured else "at least, by the model's size"
        lines = [
            f"disk: {format_bytes(self.disk)} needed ({parts}), "
            f"{format_bytes(free_disk(out))} free at {existing(out)}",
            f"memory: {format_bytes(self.memory)} needed (the largest trial "
            f"{format_bytes(self.per_trial)}, {how}; {format_bytes(SESSION_BYTES)} for Ray), "
            f"{format_bytes(available_memory())} available",
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
                f"not enough disk at {existing(out)}: {format_bytes(self.disk)} needed, "
                f"{format_bytes(free)} free with {SPARE:.0%} to spare. Free some (--clean shows "
                "the cache), give a folder on a larger disk with --out, or keep fewer checkpoints "
                "(checkpoints_gb)"
            )
        if is_local and self.memory > (there := available_memory()):
            problems.append(
                f"not enough memory: {format_bytes(self.memory)} needed for one trial and Ray, "
                f"{format_bytes(there)} available. Encode fewer items at once "
                "(training.micro_items), take a smaller encoder, or end other programs"
            )
        return problems


def make_forecast(
    study: StudySpec,
    arms: Sequence[Arm],
    plan: Plan,
    manifest: Manifest | None,
    records: Mapping[str, TrialResult],
    sizes: "Mapping[str, ModelProfile | None]",
    store: Path,
    memory: MemoryEstimates,
    num_parallel: int,
) -> Forecast:
    """Count what running ``plan`` takes; ``arms`` without trials left take nothing."""
    left = {one.name: one.num_left for one in plan.arms if one.num_left}
    busy = [arm for arm in arms if arm.name in left]
    num_parallel = min(num_parallel, sum(left.values()))
    models = {arm.name: size for arm in busy if (size := sizes.get(arm.name))}
    measured = {
        arm.name: need for arm in busy if (need := memory.of(arm.name, arm.config)).is_measured
    }
    peaks = [
        measured[arm.name].num_bytes if arm.name in measured else least_bytes(models.get(arm.name))
        for arm in busy
    ]
    saved = sorted((checkpoint_bytes(size) for size in models.values()), reverse=True)
    kept = study.checkpoints_gb * 1e9 if study.keep_checkpoints else 0
    return Forecast(
        # While one is written, the one before is still there.
        checkpoints=2 * num_parallel * max(saved, default=0)
        + int(min(kept, sum(left[n] * checkpoint_bytes(size) for n, size in models.items()))),
        artefacts=_artefact_bytes(busy, models, manifest, store),
        records=sum(left.values()) * _record_bytes(manifest, records) + REPORT_BYTES * bool(left),
        per_trial=study.resources.workers * max(peaks, default=0),
        is_measured=len(measured) == len(busy) > 0,
        unknown=tuple(arm.name for arm in busy if _is_unknown(arm, models)),
    )


def _is_unknown(arm: Arm, models: "Mapping[str, ModelProfile]") -> bool:
    size = models.get(arm.name)
    return size is None or bool(arm.config.item.modalities.keys() - size.artefact_bytes.keys())


def checkpoint_bytes(size: "ModelProfile") -> int:
    """Weights twice, and of what trains two moments."""
    return FLOAT * 2 * (size.params_total + size.params_trainable)


def _record_bytes(manifest: Manifest | None, records: Mapping[str, TrialResult]) -> int:
    users = [one.valid.num_users for one in records.values() if one.valid]
    users += [entry.num_users for entry in manifest.datasets] if manifest else []
    return RECORD_BYTES + RANK_BYTES * max(users, default=0)


def _artefact_bytes(
    arms: Sequence[Arm],
    models: "Mapping[str, ModelProfile]",
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
