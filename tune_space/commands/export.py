"""``--export``: the final model of a finished arm, in a folder that needs no study.

Its weights come from a kept checkpoint, or from training its record again. They are exported only
if they rank the test users as the record says. ``studies.export`` adds what the report says.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from morec.code_version import COMPUTING
from morec.config.ensemble import member_sources
from morec.errors import DataError, SpecError, did_you_mean
from morec.results import TrialResult, TrialStatus
from tune_space.commands.progress_bar import progress_bar
from tune_space.commands.recorded import (
    check_schema,
    check_sources,
    evaluation_differences,
    recorded_inputs,
)
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.layout import CHECKPOINTS, EXPORTS, arm_folders, check_inside
from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.ledger.provenance import versions
from tune_space.ledger.records import Ledger

if TYPE_CHECKING:
    from morec.exports.trained import TrainedTrial
    from morec.trial import TrialInputs

CARD = "README.md"
"""The model card in an exported folder."""


@dataclass(frozen=True)
class Chosen:
    """The final trial of an arm that is exported: the median one by validation."""

    manifest: Manifest
    arm: ArmEntry
    record: TrialResult
    num_finished: int
    """Final trials of the arm that completed."""

    @property
    def sentence(self) -> str:
        """Which seed it is, and why."""
        select = self.record.config.evaluation.select
        wanted = len(self.manifest.study.seeds)
        of = f"{self.num_finished} of {wanted}" if self.num_finished < wanted else str(wanted)
        return (
            f"{self.arm.name}: seed {self.record.config.seed}, the median of {of} seeds by "
            f"validation {select} ({self.record.trial_id})"
        )

    @property
    def notes(self) -> dict[str, Any]:
        """Where the model comes from, for ``config.yaml``."""
        test = self.record.test
        return {
            "study": self.manifest.study.name,
            "arm": self.arm.name,
            "seed": self.record.config.seed,
            "trial_id": self.record.trial_id,
            "schema_version": self.record.schema_version,
            "sources": dict(self.record.sources),
            "versions": versions(),
            "trained_with": dict(self.record.code),
            "test": dict(test.metrics) if test else {},
        }


def choose(ledger: Ledger, name: str) -> Chosen:
    """The final trial to export of the arm ``name``, which is a full name or an arm's own.

    Of an even number of completed trials, the lower of the two in the middle.

    Raises:
        SpecError: the study has no such arm, or several.
        DataError: no final trial of it has completed, or its record is of another schema.
    """
    manifest = ledger.manifest()
    arm = _arm(manifest, name)
    records = [ledger.read(trial_id) for trial_id in arm.final]
    done = [one for one in records if one and one.status is TrialStatus.COMPLETED and one.test]
    if not done:
        state = _state(records, manifest.study.seeds)
        raise DataError(f"--export: {arm.name} has no completed final trial ({state})")
    ranked = sorted(done, key=lambda record: record.best_score() or 0.0)
    record = ranked[(len(ranked) - 1) // 2]
    check_schema(record, "--export")
    return Chosen(manifest, arm, record, len(done))


def _arm(manifest: Manifest, name: str) -> ArmEntry:
    full = [arm for arm in manifest.arms if arm.name == name]
    found = full or [arm for arm in manifest.arms if arm.own_name == name]
    names = [arm.name for arm in manifest.arms]
    if not found:
        near = did_you_mean(name, [*names, *(arm.own_name for arm in manifest.arms)])
        raise SpecError(
            f"--export: {name!r} is no arm of the study that ran in this folder.{near} "
            f"Its arms: {', '.join(names)}"
        )
    if len(found) > 1:
        several = ", ".join(arm.name for arm in found)
        raise SpecError(f"--export: {name!r} names {len(found)} arms; give one of {several}")
    return found[0]


def _state(records: Sequence[TrialResult | None], seeds: Sequence[int]) -> str:
    """What became of each seed's final trial, for people."""
    if not records:
        return "its search has not ended"
    states = (str(record.status) if record else "not finished" for record in records)
    return ", ".join(f"seed {seed} {state}" for seed, state in zip(seeds, states, strict=False))


def default_target(out: Path, arm: ArmEntry) -> Path:
    """Where an arm is exported to, where ``--to`` is not given.

    Raises:
        DataError: a link leads out of the study's folder there.
    """
    target = out.joinpath(EXPORTS, *arm_folders(arm.name))
    check_inside(out, target)
    return target


@dataclass(frozen=True)
class Exporter:
    """How a chosen trial becomes a folder."""

    chosen: Chosen
    prepared: Prepared
    out: Path
    """The study's output folder, which may keep the trial's checkpoint."""
    interval: tuple[float, float]
    """Of the record's selected metric on the test split, over users."""
    say: Callable[[str], None]
    """Says a line at once."""

    def export(self, target: Path, card: Callable[[str], str]) -> str:
        """Write the folder ``target``, which does not exist; return how the ranks agree.

        ``card`` makes the model card from that sentence. The folder is there when it is whole.

        Raises:
            SpecError: ``target`` is there already.
            DataError: data or weights are other ones now, or the model ranks otherwise.
        """
        from morec.exports.write import write_export

        record = self.chosen.record
        if target.exists():
            raise SpecError(f"--to: {target} is there already and stays as it is; give another")
        check_sources(record, self.prepared.sources(record.config))
        # Inside the block, the study file's folder is the current one.
        target, kept = target.absolute(), (self.out / CHECKPOINTS).absolute()
        unfinished = target.with_name(f".{target.name}.export")
        resources = self.chosen.manifest.study.resources
        with recorded_inputs(record, self.prepared, resources) as inputs:
            trained, again = self._train(inputs, kept)
            agreement = self._compare(again)
            # What an export that was killed left behind; the name is ours.
            shutil.rmtree(unfinished, ignore_errors=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            write_export(unfinished, trained, self.chosen.notes)
        try:
            (unfinished / CARD).write_text(card(agreement), encoding="utf-8")
            unfinished.rename(target)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        return agreement

    def _train(self, inputs: "TrialInputs", kept: Path) -> "tuple[TrainedTrial, TrialResult]":
        import torch

        from morec.checkpoints import Checkpoints
        from morec.exports.trained import train_again

        record, resources = self.chosen.record, self.chosen.manifest.study.resources
        with TemporaryDirectory() as name:
            folder = Path(name)
            is_kept = _copy_checkpoints(kept, record, folder)
            self.say(_format_start(record, is_kept=is_kept))
            with progress_bar() as bar:
                task = bar.add_task("epochs", total=len(record.epochs))
                return train_again(
                    record.config,
                    inputs,
                    checkpoints=Checkpoints(folder / record.trial_id),
                    report=lambda epochs, _: bar.update(task, completed=len(epochs)),
                    device="cuda" if resources.gpus and torch.cuda.is_available() else "cpu",
                )

    def _compare(self, again: TrialResult) -> str:
        """How the ranks of the test users agree with the record's.

        Raises:
            DataError: they do not, as far as they must.
        """
        record = self.chosen.record
        difference = next(evaluation_differences("test", record.test, again.test), None)
        if difference is None:
            return "The exported weights give every test user the recorded rank."
        place = _other_place(record, again)
        if not place:
            raise DataError(
                f"--export: {record.trial_id}: trained again, it differs at {difference}. Nothing "
                "was written: on the same processor with the same libraries it must not differ"
            )
        return self._compare_metric(again, place)

    def _compare_metric(self, again: TrialResult, place: str) -> str:
        record, select = self.chosen.record, self.chosen.record.config.evaluation.select
        assert record.test is not None
        now = again.test.value(select) if again.test else float("nan")
        low, high = self.interval
        numbers = (
            f"test {select} is {now:.4f}; the record has {record.test.value(select):.4f} "
            f"[{low:.4f}, {high:.4f}]"
        )
        if not low <= now <= high:
            raise DataError(
                f"--export: {record.trial_id}: trained again ({place}), its {numbers}. Nothing was "
                "written, because that is another model"
            )
        return f"Trained again ({place}), ranks are not the recorded ones, but the {numbers}."


def _other_place(record: TrialResult, again: TrialResult) -> str:
    """Processor and libraries that are other ones than the record's; empty where none is."""
    devices = [one.cost.device if one.cost else None for one in (record, again)]
    pairs = {"processor": devices}
    pairs |= {name: [one.code.get(name) for one in (record, again)] for name in COMPUTING}
    other = (f"{name} {now}, not {then}" for name, (then, now) in pairs.items() if then != now)
    return ", ".join(other)


def _copy_checkpoints(kept: Path, record: TrialResult, folder: Path) -> bool:
    """Copy the checkpoints the trial goes on from, so that the study's stay as they are.

    Returns whether there are all of them: of an ensemble, one per member.
    """
    wanted = list(_checkpointed(record))
    found = [one for one in wanted if (kept / one).is_dir()]
    for trial_id in found:
        shutil.copytree(kept / trial_id, folder / trial_id)
    return len(found) == len(wanted)


def _checkpointed(record: TrialResult) -> Iterator[str]:
    members = record.config.ensemble
    for number, member in enumerate(members, start=1):
        yield member.trial_id(member_sources(record.sources, number))
    if not members:
        yield record.trial_id


def _format_start(record: TrialResult, *, is_kept: bool) -> str:
    if is_kept:
        return f"{record.trial_id}: weights of the kept checkpoint"
    took = timedelta(seconds=round(record.cost.total_s)) if record.cost else "an unknown time"
    device = f" on {record.cost.device}" if record.cost else ""
    again = f"no checkpoint was kept; it is trained again, which took {took}{device}"
    return f"{record.trial_id}: {again}"
