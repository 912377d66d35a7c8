"""One run of the command on a simulated machine: the real ``morec``, but for Ray, data and time."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pydantic import ValidationError

import reports.live_page
import reports.live_trackers
import reports.write
import studies.run
from morec.errors import DataError, ExitCode
from tests.tune_space.schedule.simulated_machine import Hazard, Killed, Machine, SessionLost
from tests.tune_space.schedule.simulated_tune import SimulatedTuner
from tune_space.capacity.admission import Capacity, Slots
from tune_space.capacity.busyness import Load
from tune_space.capacity.trial_memory import TrialMemory
from tune_space.execution import ray_jobs, runner
from tune_space.inputs import prepare
from tune_space.inputs.prepare import Prepared, key_of
from tune_space.ledger import records
from tune_space.ledger.layout import HOLDER
from tune_space.ledger.records import SpecT
from tune_space.schedule import manifest_writer
from tune_space.study.load import LoadedStudy, open_study

NO_EXIT_CODE = -9
"""Of a driver that was killed."""


def run(
    machine: Machine, text: str, options: Sequence[str], hazard: Hazard, *, twice: bool = False
) -> int:
    """Run the command once; returns its exit code. ``twice``: it is started a second time."""
    study_file = machine.folder.parent / "s.yaml"
    study_file.write_text(text)
    words = [str(study_file), "--out", str(machine.folder), *options]
    machine.boot(hazard, (lambda: _refuse_second(machine, words)) if twice else None)
    machine.arms = opened(text).arms
    machine.watch.begin(retries="--retry-failed" in options)
    with simulated(machine), redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
        try:
            code = studies.run.main(words)
        except Killed:
            code = NO_EXIT_CODE
        except SessionLost:
            code = ExitCode.NO_RAY
        machine.log.append(f"{' '.join(options)} {hazard} -> {code} {said.getvalue().strip()}")
    if machine.is_dead:
        # The system freed the lock; the note of who held it stays, and what was half written.
        for name, half in {HOLDER: '{"pid": 99999999}', ".manifest.json.9.part": '{"stu'}.items():
            (machine.folder / name).write_text(half)
        code = ExitCode.NO_RAY if hazard.kind == "session lost" else NO_EXIT_CODE
    machine.end()
    return code


def _refuse_second(machine: Machine, words: Sequence[str]) -> None:
    """A second start beside the first is refused, and changes nothing."""
    before = _contents(machine.folder)
    assert studies.run.main(words) == ExitCode.REFUSED, "two runs in one folder"
    assert _contents(machine.folder) == before, "a second start changed the folder"
    machine.counts["second starts"] += 1


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def simulated(machine: Machine) -> Iterator[None]:
    """Put the machine in the place of Ray, of the data, of the clock and of the disk."""
    with ExitStack() as stack:
        for place, names in _stand_ins(machine).items():
            for name, one in names.items():
                stack.enter_context(patch.object(place, name, one))
        yield


def _stand_ins(machine: Machine) -> dict[Any, dict[str, Any]]:
    capacity = Capacity(Slots(machine.num_slots, None), machine.num_bytes)
    one_trial = SimpleNamespace(of=lambda arm, config: TrialMemory(1, is_measured=True))
    idle = SimpleNamespace(refresh=lambda **_: None, finish=lambda: None)
    return {
        os: {
            "fsync": lambda file: machine.changes_disk(),
            "kill": lambda pid, number: machine.take_signal(),
        },
        shutil: {"rmtree": _checked(machine, shutil.rmtree)},
        studies.run: {"open_study": lambda path, _: opened(path.read_text())},
        records: {"_read": _read_once},
        reports.write: {"write_report": lambda folder: folder},
        reports.live_page: {"LivePage": lambda folder: idle},
        reports.live_trackers: {"LiveTrackers": lambda *_: nullcontext(idle)},
        manifest_writer: {"monotonic": lambda: machine.clock},
        prepare: {"prepare_items": lambda *_: ()},
        Prepared: {
            "data_hash": lambda _, spec: f"{machine.data} {key_of(spec)}",
            "dataset_folder": lambda *_: Path("dataset"),
        },
        runner: _runner_stand_ins(capacity),
        ray_jobs: {
            "ray_session": lambda *_, **__: nullcontext(),
            "watched_session": lambda _: nullcontext(SimpleNamespace(is_intact=machine.is_intact)),
            "session_capacity": lambda *_: capacity,
            "memory_estimates": lambda *_, **__: one_trial,
            "Competition": lambda _: None,
            "StudyProgress": lambda *_, **__: nullcontext(idle),
            "_tuner": lambda searcher, scheduler, _, conductor: SimulatedTuner(
                machine, searcher, scheduler, conductor
            ),
        },
    }


def _runner_stand_ins(capacity: Capacity) -> dict[str, Any]:
    """What the runner asks of the machine and of the data."""
    fits = SimpleNamespace(format_shortages=lambda _: [])
    answers: dict[str, Any] = {
        "machine_load": Load(0, 1),
        "machine_capacity": capacity,
        "find_missing": (),
        "dataset_entries": (),
        "references": (),
        "read_state": None,
        "make_forecast": fits,
        "versions": {},
        "git_state": {},
        "machine": "simulated",
    }
    silent = dict.fromkeys(("check_texts", "check_training", "store_examples"))
    return {name: _answering(answer) for name, answer in (answers | silent).items()}


def _answering(answer: Any) -> Callable[..., Any]:
    return lambda *_, **__: answer


def _checked(machine: Machine, remove: Callable[..., None]) -> Callable[..., None]:
    """A removal of a folder, before which the driver may be killed."""

    def rmtree(path: Path, ignore_errors: bool = False) -> None:
        if machine.hazard.kind == "kill":
            machine.changes_disk()
        remove(path, ignore_errors=ignore_errors)

    return rmtree


@lru_cache(maxsize=500)
def opened(text: str) -> LoadedStudy:
    """The study in a file's text; a study that many runs have is read once."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "s.yaml"
        path.write_text(text)
        return open_study(path)


def _read_once(model: type[SpecT], path: Path) -> SpecT:
    """A record or the manifest; the same bytes are parsed once."""
    try:
        return _parsed(model, path.read_bytes())
    except (ValidationError, OSError) as error:
        raise DataError(f"{path} cannot be read") from error


@lru_cache(maxsize=500)
def _parsed(model: type[SpecT], content: bytes) -> SpecT:
    return model.model_validate_json(content)
