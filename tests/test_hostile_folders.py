"""Folders that somebody else made: nothing in them runs, leads outside, or holds a command up."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.errors import DataError, MorecError
from morec.exports.recommender import Recommender
from reports.write import write_report
from tests.morec.encoders.runs_code import RunsCode
from tests.reports.made_up_examples import add_examples
from tests.reports.made_up_studies import SMALL, FakeStudy
from tests.tune_space.commands.exported_trials import exporter, prepared_in, recorded
from tune_space.commands.audit import audit
from tune_space.commands.clean import clean
from tune_space.commands.export import choose, default_target
from tune_space.commands.status import read_status
from tune_space.ledger.locks import alone, hold, shared
from tune_space.ledger.records import Ledger

LOOKS: dict[str, Callable[[Path], Any]] = {
    "report": write_report,
    "audit": lambda folder: audit(folder).format_lines(),
    "status": read_status,
    "export": lambda folder: choose(Ledger(folder), "TS"),
}
"""Commands that read a study's folder."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = FakeStudy(arms=SMALL[:2], searches=1, num_users=20).write(tmp_path / "runs" / "theirs")
    add_examples(made)
    return made


def runs_code(canary: Path) -> bytes:
    """A pickle that makes ``canary`` where it is run; of the protocol that torch writes."""
    return pickle.dumps(RunsCode(canary), protocol=2)


def final_of(folder: Path) -> Path:
    """The record of a final trial of the arm that is exported."""
    return Ledger(folder).trials_folder / f"{Ledger(folder).manifest().arms[1].final[0]}.json"


def look(folder: Path) -> dict[str, str]:
    """What every command says of the folder: nothing, or an error of this project."""
    said = {}
    for name, read in LOOKS.items():
        try:
            read(folder)
        except MorecError as error:
            said[name] = str(error)
    return said


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("name", ["manifest.json", "examples.json", "a record"])
def test_a_pickle_is_not_run_wherever_it_lies(folder: Path, name: str) -> None:
    path = final_of(folder) if name == "a record" else folder / name
    path.write_bytes(runs_code(folder / "ran"))
    assert str(path) in look(folder).get("report", "")
    assert not (folder / "ran").exists()


def test_a_checkpoint_that_is_a_pickle_is_not_run(tmp_path: Path) -> None:
    """The trial is trained again instead."""
    prepared = prepared_in(tmp_path)
    record = recorded(prepared, keeps=True)
    (kept,) = (tmp_path / "out").rglob("last.pt")
    kept.write_bytes(runs_code(tmp_path / "ran"))
    exporter(record, prepared).export(tmp_path / "ID", str)
    assert Recommender.load(tmp_path / "ID").item_ids
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["manifest.json", "examples.json", "a record"])
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a folder"])
def test_what_is_no_file_holds_nobody_up(folder: Path, name: str, kind: str) -> None:
    path = final_of(folder) if name == "a record" else folder / name
    path.unlink()
    match kind:
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a folder":
            path.mkdir()
    said = look(folder).get("report", "")
    assert str(path) in said
    assert "it is no file" in said


def test_a_file_beyond_all_bounds_is_not_read(folder: Path) -> None:
    with final_of(folder).open("r+b") as stream:
        stream.truncate(2**40)
    assert "it has 1,099,511,627,776 bytes" in look(folder)["report"]


@pytest.mark.parametrize(
    "name", ["../../../secret", "/etc/passwd", "..", ".lock", "a\0b", "x" * 999]
)
def test_a_name_of_a_trial_that_leads_elsewhere_is_refused(folder: Path, name: str) -> None:
    plain = json.loads((folder / "manifest.json").read_text())
    for place in ("final", "search"):
        arms = json.loads(json.dumps(plain["arms"]))
        arms[1][place] = [name if place == "final" else {"trial_id": name, "params": {}}]
        change(folder / "manifest.json", arms=arms)
        assert "not a Manifest of this version" in look(folder)["export"]
    change(folder / "manifest.json", arms=plain["arms"])
    change(final_of(folder), trial_id=name)
    assert str(final_of(folder)) in look(folder)["export"]


def test_a_record_of_another_trial_is_refused(folder: Path) -> None:
    change(final_of(folder), trial_id="another")
    assert "holds the record of another" in look(folder)["report"]


def test_an_arm_is_exported_below_its_folder_whatever_it_is_called(folder: Path) -> None:
    arm = Ledger(folder).manifest().arms[0]
    for name in ("../../x", "/etc", "a/../b", "..", "a\0b\n", "y" * 5000):
        target = default_target(folder, arm.model_copy(update={"name": name}))
        assert target.resolve().is_relative_to(folder / "exports")
        target.mkdir(parents=True, exist_ok=True)


@pytest.mark.parametrize("name", ["tables", "exports"])
def test_nothing_is_written_through_a_link_that_leads_outside(folder: Path, name: str) -> None:
    outside = folder.parent / "mine"
    outside.mkdir()
    (outside / "accuracy.csv").write_text("precious")
    (folder / name).symlink_to("../mine")
    with pytest.raises(DataError, match=f"leads to {outside}.*; remove the link"):
        if name == "tables":
            write_report(folder)
        else:
            default_target(folder, Ledger(folder).manifest().arms[0])
    assert [path.read_text() for path in outside.iterdir()] == ["precious"]


def test_a_page_that_is_a_link_is_replaced_and_not_followed(folder: Path) -> None:
    mine = folder.parent / "mine.html"
    mine.write_text("precious")
    (folder / "report.html").symlink_to(mine)
    write_report(folder)
    assert mine.read_text() == "precious"
    assert not (folder / "report.html").is_symlink()


def test_locks_that_are_links_change_no_file(folder: Path) -> None:
    mine = folder.parent / "mine.txt"
    mine.write_text("precious")
    store = folder.parent / "artefacts"
    store.mkdir()
    for lock in (folder / ".lock", folder / ".holder.json", store / ".users.lock"):
        lock.symlink_to(mine)
    for locked in (shared(store), alone(store), hold(folder)):
        try:
            with locked:
                pass
        except (MorecError, OSError):
            continue
    assert mine.read_text() == "precious"


def test_cleaning_deletes_nothing_outside(folder: Path) -> None:
    outside = folder.parent / "mine"
    (outside / "checkpoint").mkdir(parents=True)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "linked").symlink_to(outside)
    (folder.parent / "artefacts").mkdir()
    (folder.parent / "artefacts" / "features-0123456789abcdef").symlink_to(outside)
    clean(folder.parent, ["artefacts", "checkpoints"])
    assert (outside / "checkpoint").is_dir()


def test_new_items_of_an_export_with_a_pickle_for_weights_run_nothing(tmp_path: Path) -> None:
    prepared = prepared_in(tmp_path)
    text = {"text": {"name": "tiny-random", "pretrained": False, "max_tokens": 6}}
    exporter(recorded(prepared, item=text), prepared).export(tmp_path / "TS", str)
    encoder = tmp_path / "TS" / "text_encoder"
    for weights in encoder.rglob("*.safetensors"):
        weights.unlink()
        data = runs_code(tmp_path / "ran")
        weights.with_name("pytorch_model.bin").write_bytes(data)
    items = pd.DataFrame({"item_id": ["new"], "title": ["a title"]})
    with pytest.raises(MorecError):
        Recommender.load(tmp_path / "TS").item_vectors(items)
    assert not (tmp_path / "ran").exists()
