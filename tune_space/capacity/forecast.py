"""What the rest of a study needs of disk and memory, and whether the machine has it.

``--plan`` prints this forecast and a run refuses by it. Nothing is trained and no data is read:
numbers come from an earlier run's records, or else from the models' shapes (the least memory that
one trial takes, the most disk that all trials take).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from morec.config import canonical_json
from morec.model_profile import ModelProfile
from morec.results import TrialResult
from tune_space.capacity.admission import (
    Capacity,
    MemoryAdmission,
    format_concurrency,
    num_concurrent,
)
from tune_space.capacity.machine import available_memory, existing, format_bytes, free_disk
from tune_space.capacity.model_profiles import known_counts, model_profiles
from tune_space.capacity.trial_memory import FLOAT, MemoryEstimates, least_bytes, memory_estimates
from tune_space.ledger.manifest import DatasetEntry, Preparation
from tune_space.ledger.records import Ledger
from tune_space.schedule.arm_plan import distinct
from tune_space.schedule.plan import Plan
from tune_space.study.arm import Arm
from tune_space.study.spec import StudySpec

SESSION_BYTES = 1_000_000_000
"""The driver and Ray's servers (measured: 1.3 GB, pages that they share counted for each)."""
REPORT_BYTES = 20_000_000
"""Report, tables, manifest (10,000 trials: 4 MB each)."""
RECORD_BYTES = 20_000
"""A record without its ranks."""
RANK_BYTES = 11
"""A user's ranks on both splits, packed, at most."""
MAX_UNCOUNTED = 5
"""Arms named in the line about sizes that are not known; of the others there is a count."""
DISK_RESERVE = 0.05
"""Share of the free disk that a study leaves free."""


@dataclass(frozen=True)
class StudyState:
    """A study between two runs: what earlier runs left, and what is left to run."""

    study: StudySpec
    arms: Sequence[Arm]
    """The arms to run."""
    plan: Plan
    datasets: Sequence[DatasetEntry]
    """Data sets whose sizes are known."""
    preparations: Sequence[Preparation]
    """Artefacts that earlier runs made."""
    records: Mapping[str, TrialResult]


def read_state(
    study: StudySpec,
    arms: Sequence[Arm],
    plan: Plan,
    ledger: Ledger,
    *,
    datasets: Sequence[DatasetEntry] = (),
) -> StudyState:
    """What ``ledger`` knows; without ``datasets`` their sizes are those of the last run."""
    manifest = ledger.read_manifest()
    known = datasets or (manifest.datasets if manifest else ())
    made = manifest.preparations if manifest else ()
    return StudyState(study, arms, plan, known, made, ledger.read_all())


@dataclass(frozen=True)
class Forecast:
    """Bytes that the rest of a study takes: at most on disk, at least in memory."""

    checkpoints: int
    artefacts: int
    records: int
    per_trial: int
    """Memory of the largest trial's processes."""
    is_measured: bool
    """Whether ``per_trial`` was measured in this study."""
    capacity: Capacity
    num_concurrent: int = 1
    concurrency: str = ""
    """``num_concurrent`` and its reasons, in words."""
    uncounted: tuple[str, ...] = ()
    """Arms with sizes that are not known yet and not counted."""

    @property
    def disk(self) -> int:
        """All that is written."""
        return self.checkpoints + self.artefacts + self.records

    @property
    def memory(self) -> int:
        """One trial and Ray."""
        return self.per_trial + SESSION_BYTES if self.per_trial else 0

    def format_lines(self, out: Path) -> list[str]:
        """What is needed, what there is, and how many trials run concurrently."""
        if not self.records:
            return [self.concurrency]
        kinds = ("checkpoints", "artefacts", "records")
        parts = ", ".join(f"{kind} {format_bytes(getattr(self, kind))}" for kind in kinds)
        how = "measured" if self.is_measured else "at least, by the model's size"
        available = f"{format_bytes(self.capacity.num_bytes)} for trials on the cluster"
        if self.capacity.is_local:
            available = f"{format_bytes(available_memory())} available"
        lines = [
            f"disk: {format_bytes(self.disk)} needed ({parts}), "
            f"{format_bytes(free_disk(out))} free at {existing(out)}",
            f"memory: {format_bytes(self.memory)} needed (the largest trial "
            f"{format_bytes(self.per_trial)}, {how}; {format_bytes(SESSION_BYTES)} for Ray), "
            f"{available}",
        ]
        if self.uncounted:
            more = len(self.uncounted) - MAX_UNCOUNTED
            names = ", ".join(self.uncounted[:MAX_UNCOUNTED])
            names += f" and {more} more" if more > 0 else ""
            lines.append(f"not all counted, since sizes are not known yet: {names}")
        return [*lines, self.concurrency]

    def format_shortages(self, out: Path) -> list[str]:
        """What is too small, and what to change; memory only where trials run on this machine."""
        problems = []
        free = int(free_disk(out) * (1 - DISK_RESERVE))
        if self.disk > free:
            problems.append(
                f"not enough disk at {existing(out)}: {format_bytes(self.disk)} needed, "
                f"{format_bytes(free)} free with {DISK_RESERVE:.0%} to spare. Free some (--clean "
                "shows the cache), give a folder on a larger disk with --out, or keep fewer "
                "checkpoints (checkpoints_gb)"
            )
        if self.capacity.is_local and self.memory > (available := available_memory()):
            problems.append(
                f"not enough memory: {format_bytes(self.memory)} needed for one trial and Ray, "
                f"{format_bytes(available)} available. Encode fewer items at once "
                "(training.micro_items), take a smaller encoder, or end other programs"
            )
        return problems


def make_forecast(state: StudyState, capacity: Capacity, store: Path) -> Forecast:
    """Count what the rest of a study takes; ``store`` is the folder of the artefacts.

    Arms without trials left take nothing.
    """
    study = state.study
    estimates = memory_estimates(
        study,
        state.arms,
        datasets=state.datasets,
        preparations=state.preparations,
        results=state.records,
    )
    admission = MemoryAdmission(capacity.num_bytes, estimates, study.resources)
    num = num_concurrent(capacity.slots, admission, state.arms)
    left = {arm.name: arm.num_left for arm in distinct(state.plan.arms) if arm.num_left}
    busy = [arm for arm in state.arms if arm.name in left]
    profiles = model_profiles(study, busy, state.datasets)
    models = {name: model for name, model in profiles.items() if model}
    per_trial, is_measured = _largest_trial(busy, models, estimates)
    return Forecast(
        checkpoints=_all_checkpoints(study, models, left, num),
        artefacts=_artefact_bytes(state, busy, models, store),
        records=sum(left.values()) * _record_bytes(state, busy) + REPORT_BYTES * bool(left),
        per_trial=study.resources.workers * per_trial,
        is_measured=is_measured,
        capacity=capacity,
        num_concurrent=num,
        concurrency=format_concurrency(capacity.slots, admission, state.arms),
        uncounted=tuple(arm.name for arm in busy if _is_uncounted(arm, models)),
    )


def _largest_trial(
    arms: Sequence[Arm], models: Mapping[str, ModelProfile], estimates: MemoryEstimates
) -> tuple[int, bool]:
    """The largest memory of one process, and whether it was measured for every arm."""
    found = [(arm.name, estimates.of(arm.name, arm.config)) for arm in arms]
    peaks = [
        memory.num_bytes if memory.is_measured else least_bytes(models.get(name))
        for name, memory in found
    ]
    return max(peaks, default=0), bool(arms) and all(memory.is_measured for _, memory in found)


def _is_uncounted(arm: Arm, models: Mapping[str, ModelProfile]) -> bool:
    model = models.get(arm.name)
    return model is None or bool(arm.config.item.encoders.keys() - model.artefact_bytes.keys())


def checkpoint_bytes(model: ModelProfile) -> int:
    """All weights twice, and two moments of each weight that trains."""
    return FLOAT * 2 * (model.params_total + model.params_trainable)


def _all_checkpoints(
    study: StudySpec,
    models: Mapping[str, ModelProfile],
    left: Mapping[str, int],
    num_concurrent: int,
) -> int:
    """Checkpoints of the trials that run, and of ended trials if the study keeps them."""
    sizes = {name: checkpoint_bytes(model) for name, model in models.items()}
    # While one is written, the one before is still there.
    running = 2 * min(num_concurrent, sum(left.values())) * max(sizes.values(), default=0)
    limit = study.checkpoints_gb * 1e9 if study.keep_checkpoints else 0
    return running + int(min(limit, sum(left[name] * size for name, size in sizes.items())))


def _record_bytes(state: StudyState, arms: Sequence[Arm]) -> int:
    users = [record.valid.num_users for record in state.records.values() if record.valid]
    users += [known_counts(state.study, arm, state.datasets)[0] or 0 for arm in arms]
    return RECORD_BYTES + RANK_BYTES * max(users, default=0)


def _artefact_bytes(
    state: StudyState, arms: Sequence[Arm], models: Mapping[str, ModelProfile], store: Path
) -> int:
    """What the arms' encoders read and has not been made yet; what arms share is made once."""
    made = {
        name for each in state.preparations if (store / each.key).is_dir() for name in each.used_by
    }
    wanted: dict[str, int] = {}
    for arm in arms:
        if arm.name in models and arm.name not in made:
            for part, num_bytes in models[arm.name].artefact_bytes.items():
                spec = arm.config.item.encoders[part]
                data = arm.config.dataset.model_dump(mode="json")
                own = {"dnn_layers": 0, "control": None, "side": spec.side and spec.side.layers}
                shared = {**spec.model_dump(mode="json"), **own}
                key = canonical_json([data, shared])
                wanted[key] = max(num_bytes, wanted.get(key, 0))
    return sum(wanted.values())
