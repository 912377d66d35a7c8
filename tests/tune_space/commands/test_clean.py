"""``--clean`` says what there is, deletes what can be made again, and never touches a result."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from morec.encoders.artefacts import ArtefactStore
from morec.errors import FolderInUseError
from studies.run import main
from tests.tune_space.made_up_trials import conductor_of, play
from tune_space.commands.clean import clean, look
from tune_space.ledger.layout import path_bytes
from tune_space.ledger.locks import alone, hold, shared
from tune_space.ledger.manifest import Preparation
from tune_space.ledger.records import Ledger

TELL = "--clean artefacts, --clean checkpoints delete them; results, reports and data stay"


def contents(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def artefact(runs: Path, name: str, num_bytes: int) -> Path:
    def make(folder: Path) -> None:
        np.save(folder / "rows.npy", np.zeros(num_bytes, np.uint8))

    return ArtefactStore(runs / "artefacts").get_or_make(name, {"n": num_bytes}, make).path


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A finished study, and one that was stopped in its third trial."""
    folder = tmp_path / "runs"
    play(conductor_of(folder / "done"))
    conductor = conductor_of(folder / "stopped")
    play(conductor, limit=2, num_concurrent=1)
    (unfinished,) = conductor.running
    for study, trial in (("stopped", unfinished), ("stopped", "dropped"), ("done", "dropped")):
        path = folder / study / "checkpoints" / trial
        path.mkdir(parents=True)
        (path / "last.pt").write_bytes(bytes(1000))
    (folder / "done" / ".ray_tune" / "tune").mkdir(parents=True)
    (folder / "done" / "report.html").write_text("the report")
    features = artefact(folder, "features", 2000)
    artefact(folder, "dataset", 3000)
    ledger = Ledger(folder / "done")
    used = Preparation(name="text", key=features.name, seconds=1, num_bytes=2000)
    ledger.write_manifest(ledger.read_manifest().model_copy(update={"preparations": (used,)}))
    return folder


def test_without_words_clean_says_what_there_is_and_deletes_nothing(runs) -> None:
    before = contents(runs)
    lines = clean(runs, ())
    assert lines[0].startswith(f"{runs / 'artefacts'}: ")
    assert " in 2 artefacts, 0 s to make again, used by done" in lines[0]
    store, (done, stopped) = look(runs)
    num_bytes = sum(p.stat().st_size for p in store.folder.rglob("*") if p.is_file())
    assert sum(map(path_bytes, store.paths)) == num_bytes
    assert lines[1:] == [
        f"{runs / 'done' / 'checkpoints'}: 1 kB of trials that have ended, 0 bytes of 0 unfinished "
        "trials, which are kept",
        f"{runs / 'stopped' / 'checkpoints'}: 1 kB of trials that have ended, 1 kB of 1 "
        "unfinished trials, which are kept",
        TELL,
    ]
    assert [len(saved.ended) for saved in (done, stopped)] == [2, 1]
    assert contents(runs) == before


def test_artefacts_are_deleted_and_everything_else_is_kept(runs) -> None:
    (runs / "artefacts" / "my notes.txt").write_text("keep")
    (runs / "artefacts" / "features-0123456789abcdef").symlink_to(runs / "done")
    before = contents(runs)
    (line,) = clean(runs, ["artefacts"])
    assert line.startswith(f"{runs / 'artefacts'}: ")
    assert line.endswith(" deleted")
    kept = {name: text for name, text in before.items() if not name.startswith("artefacts/")}
    left = contents(runs)
    assert left.pop("artefacts/my notes.txt")
    left = {name: text for name, text in left.items() if "artefacts/" not in name}
    assert left == kept
    assert (runs / "artefacts" / "features-0123456789abcdef").is_symlink()
    assert clean(runs, ["artefacts"]) == [f"{runs / 'artefacts'}: nothing to delete"]


def test_checkpoints_are_deleted_unless_a_trial_continues_from_them(runs) -> None:
    before = contents(runs)
    assert clean(runs, ["checkpoints"]) == [
        f"{runs / 'done' / 'checkpoints'}: 1 kB deleted",
        f"{runs / 'stopped' / 'checkpoints'}: 1 kB deleted",
    ]
    gone = {name for name in before if "checkpoints/dropped/" in name}
    locks = {"done/.lock", "stopped/.lock"}
    after = contents(runs)
    assert {n: t for n, t in after.items() if n not in locks} == {
        name: text for name, text in before.items() if name not in gone
    }
    assert not (runs / "done" / ".ray_tune").exists()
    assert len(play(conductor_of(runs / "stopped"))) == 15 - 2


def test_nothing_in_use_is_deleted(runs) -> None:
    before = contents(runs)
    with hold(runs / "done"), shared(runs / "artefacts"):
        with pytest.raises(FolderInUseError, match=r"artefacts is in use: process \d+ in .*done; "):
            clean(runs, ["artefacts"])
        kept, deleted = clean(runs, ["checkpoints"])
    assert kept.startswith(f"nothing deleted: {runs / 'done'}: process ")
    assert deleted.endswith("stopped/checkpoints: 1 kB deleted")
    assert {n for n in before if n.startswith(("done/", "artefacts/"))} <= contents(runs).keys()


def test_a_store_in_use_cannot_be_locked_for_deletion(tmp_path) -> None:
    in_use = pytest.raises(FolderInUseError, match="is in use")
    with shared(tmp_path), shared(tmp_path), in_use, alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_the_command_cleans_without_a_study_file(runs, capsys) -> None:
    assert main(["--clean", "--out", str(runs)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == TELL
    assert main(["--clean", "artefacts", "checkpoints", "--out", str(runs)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    with hold(runs / "done"), shared(runs / "artefacts"):
        (runs / "artefacts" / ("features-" + "0" * 16)).mkdir()
        assert main(["--clean", "artefacts", "--out", str(runs)]) == 2
    assert "wait for it or stop it first" in capsys.readouterr().err


def test_a_folder_without_studies_has_nothing_to_clean(tmp_path) -> None:
    assert clean(tmp_path / "runs", ())[0].startswith(f"{tmp_path / 'runs' / 'artefacts'}: 0 bytes")
    assert clean(tmp_path / "runs", ["artefacts", "checkpoints"]) == [
        f"{tmp_path / 'runs' / 'artefacts'}: nothing to delete"
    ]
