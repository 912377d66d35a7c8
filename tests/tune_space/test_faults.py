"""Full disks, folders that cannot be written, cut files, lost caches, clocks that go back.

A full disk is a limit on the size of files (RLIMIT_FSIZE): it needs no mount and no rights, and a
write beyond it fails in the same place with an ``OSError``.
"""

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from morec.checkpoints import STORED, Checkpoints
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DataError
from morec.results import Reason, TrialStatus
from studies.run import main
from tests.morec.tiny_trials import tiny_config
from tests.mounts import mounted
from tests.tune_space.made_up_trials import conductor_of, end, outcome, play
from tune_space.execution.failures import reason_of
from tune_space.execution.ray_tune import CONTINUE, Halt, StudyScheduler
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.records import Ledger

STUDY = """\
question: q
baseline: A
base: {dataset: {kind: synthetic}, item: {id: true}}
arms: {A: {}}
"""


@contextmanager
def full_disk(num_bytes: int) -> Iterator[None]:
    """No file may grow beyond ``num_bytes``."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_limit_on_file_size_leaves_every_record_whole_and_the_study_continues(tmp_path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    play(conductor_of(whole))
    conductor = conductor_of(cut)
    play(conductor, limit=3)
    before = Ledger(cut).read_all()
    job = next(iter(conductor.running.values()))
    with full_disk(200), pytest.raises(OSError, match="File too large"):
        conductor.finish(end(job))
    assert Ledger(cut).read_all() == before
    assert Ledger(cut).read_manifest() is not None
    assert list(cut.rglob("*.part")) == []
    play(conductor_of(cut))
    assert outcome(cut) == outcome(whole)


@pytest.mark.parametrize("which", ["record", "manifest"])
def test_a_half_written_file_is_named_and_what_it_held_is_made_again(tmp_path, which) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    play(conductor_of(whole))
    play(conductor_of(cut))
    record = next(iter(sorted((cut / "trials").iterdir())))
    path = {"record": record, "manifest": cut / "manifest.json"}[which]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=rf"{path.name}: not a .* Move the file away, and the same"):
        conductor_of(cut)
    path.rename(tmp_path / "away")
    again = play(conductor_of(cut))
    assert [job.trial_id for job in again] == ([record.stem] if which == "record" else [])
    assert outcome(cut) == outcome(whole)


def test_a_full_file_system_leaves_every_record_whole(tmp_path) -> None:
    with mounted(tmp_path / "disk", "size=400000") as is_small:
        if not is_small:
            pytest.skip("this user may not mount a small file system")
        cut = tmp_path / "disk" / "out"
        conductor = conductor_of(cut)
        play(conductor, limit=3)
        before = Ledger(cut).read_all()
        ballast = tmp_path / "disk" / "ballast"
        with ballast.open("wb", buffering=0) as stream, suppress(OSError):
            while stream.write(bytes(4096)):
                pass
        with pytest.raises(OSError, match="No space left on device"):
            conductor.finish(end(next(iter(conductor.running.values()))))
        assert Ledger(cut).read_all() == before
        assert list(cut.rglob("*.part")) == []
        ballast.unlink()
        play(conductor_of(cut))
        play(conductor_of(tmp_path / "whole"))
        assert outcome(cut) == outcome(tmp_path / "whole")


def test_a_read_only_folder_is_a_message_and_exit_code_2(tmp_path, capsys) -> None:
    study_file = tmp_path / "s.yaml"
    study_file.write_text(STUDY)
    with mounted(tmp_path / "disk", "ro") as is_read_only:
        if not is_read_only:
            pytest.skip("this user may not mount a read-only file system")
        out = tmp_path / "disk" / "out"
        assert main([str(study_file), "--out", str(out)]) == 2
        assert capsys.readouterr().err.startswith(f"{tmp_path / 'disk'}")
        assert main([str(study_file), "--out", str(out), "--plan"]) == 0


def test_the_first_disk_error_halts_the_study_and_nothing_runs_after_it(monkeypatch) -> None:
    signals: list[int] = []
    monkeypatch.setattr("os.kill", lambda pid, number: signals.append(number))
    halt, tried = Halt(), []

    def refused() -> str:
        tried.append(1)
        raise OSError(28, "No space left on device")

    assert [halt.guarded(refused, CONTINUE) for _ in range(3)] == [CONTINUE] * 3
    assert (len(tried), len(signals)) == (1, 1)
    assert str(halt.error) == "[Errno 28] No space left on device"


def test_a_checkpoint_that_does_not_fit_is_a_disk_error_and_keeps_the_earlier_one(
    tmp_path,
) -> None:
    checkpoints = Checkpoints(tmp_path)
    earlier: dict[str, Any] = {part: dict.fromkeys(keys, 1) for part, keys in STORED.items()}
    checkpoints.save(earlier)
    later = earlier | {"best_weights": {"weight": torch.zeros(10**5)}}
    with full_disk(2000), pytest.raises((OSError, RuntimeError)) as caught:
        checkpoints.save(later)
    assert reason_of(caught.value) is Reason.NO_DISK
    found = checkpoints.load()
    assert found is not None
    assert {part: found[part] for part in earlier} == earlier
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_a_trial_that_cannot_write_halts_the_study_and_has_no_record(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("os.kill", lambda pid, number: None)
    conductor, halt = conductor_of(tmp_path), Halt()
    job = conductor.next_job()
    error = "Traceback ...\nOSError: [Errno 28] No space left on device"
    refused = end(job, TrialStatus.FAILED).model_copy(
        update={"reason": Reason.NO_DISK, "error": error}
    )
    scheduler = StudyScheduler(conductor, lambda: True, halt)
    trial = SimpleNamespace(config={"trial_id": job.trial_id})
    scheduler.on_trial_result(None, trial, {"result": refused.model_dump_json()})
    assert str(halt.error) == (
        "a trial could not write: OSError: [Errno 28] No space left on device"
    )
    assert Ledger(tmp_path).read_all() == {}
    assert play(conductor_of(tmp_path))[0].trial_id == job.trial_id


def test_a_folder_that_cannot_be_made_is_a_message_and_exit_code_2(tmp_path, capsys) -> None:
    study_file = tmp_path / "s.yaml"
    study_file.write_text(STUDY)
    (tmp_path / "file").touch()
    assert main([str(study_file), "--out", str(tmp_path / "file" / "out")]) == 2
    said = capsys.readouterr().err
    assert f"{tmp_path / 'file'}" in said
    assert "Not a directory. What had finished is recorded; once the disk can be written" in said


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@settings(max_examples=25, deadline=None, derandomize=True, phases=[Phase.generate])
@given(cut=st.floats(0, 1), place=st.floats(0, 1), value=st.integers(0, 255))
def test_a_damaged_checkpoint_is_read_as_none_or_whole_and_never_raises(
    tmp_path_factory, cut, place, value
) -> None:
    checkpoints = Checkpoints(tmp_path_factory.mktemp("checkpoint"))
    state = {"weights": torch.arange(300.0), "epoch": 3}
    checkpoints.save(state)
    data = bytearray(checkpoints.path.read_bytes())
    checkpoints.path.write_bytes(data[: int(cut * (len(data) - 1))])
    assert checkpoints.load() is None
    data[int(place * (len(data) - 1))] = value
    checkpoints.path.write_bytes(data)
    found = checkpoints.load()
    assert found is None or isinstance(found, dict)


def test_a_deleted_cache_is_made_again_and_names_the_same_trials(tmp_path) -> None:
    config = tiny_config()
    before = Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))
    items = before.dataset(config).item_ids.tolist()
    shutil.rmtree(tmp_path / "artefacts")
    after = Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))
    assert after.dataset(config).item_ids.tolist() == items
    assert config.trial_id(after.sources(config)) == config.trial_id(before.sources(config))


def test_an_artefact_with_a_flipped_bit_is_found_by_its_hash_and_made_again(tmp_path) -> None:
    config = tiny_config()
    before = Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))
    items = before.dataset(config).item_ids.tolist()
    path = before.dataset_folder(config) / "item_ids.npy"
    spoiled = bytearray(path.read_bytes())
    spoiled[-1] ^= 1
    path.write_bytes(spoiled)
    after = Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))
    assert after.dataset(config).item_ids.tolist() == items
    assert bytes(spoiled) != path.read_bytes()


def test_a_clock_that_goes_back_changes_no_choice_and_no_elapsed_time(
    tmp_path, monkeypatch
) -> None:
    whole, odd = tmp_path / "whole", tmp_path / "odd"
    play(conductor_of(whole))
    years = count(2030, -1)
    for module in ("manifest_writer", "outcomes"):
        monkeypatch.setattr(
            f"tune_space.schedule.{module}.utc_now",
            lambda: f"{next(years)}-01-01T00:00:00+00:00",
        )
    play(conductor_of(odd), limit=2)
    play(conductor_of(odd))
    assert outcome(odd) == outcome(whole)
    assert Ledger(odd).read_manifest().elapsed_s >= 0
