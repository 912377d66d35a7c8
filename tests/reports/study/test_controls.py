"""Arms whose items do not have their own contents are named as controls."""

from dataclasses import replace
from pathlib import Path

from morec.config import TextSpec
from reports.study.caveats import caveats
from reports.study.contrasts import compare
from reports.study.controls import control_sentences
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, TEXT, Arm, FakeStudy

_ID = {"id": True, "fusion": "add"}
IMAGE = {"name": "resnet18"}
OWN = {"file": "v.parquet", "ids": "item"}


def text(control: str | None = None) -> dict[str, object]:
    return {"text": TEXT | {"control": control}}


def test_each_control_is_one_sentence_that_names_its_arms(tmp_path: Path) -> None:
    arms = (
        *SMALL[:2],
        Arm("TS shuffled", text("shuffle"), 1.0, 3.0),
        Arm("TS noise", text("noise"), 1.0, 3.0),
        Arm("ID+TS shuffled", {**_ID, **text("shuffle")}, 1.2, 3.0),
        Arm("ID+A", {**_ID, "vectors": {"audio": OWN | {"control": "shuffle"}}}, 1.2, 3.0),
        Arm("ID from TS", {"id": True, "id_init": text("noise")}, 1.2, 3.0),
        Arm("ID+V", {**_ID, **text(), "image": IMAGE | {"control": "constant"}}, 1.2, 3.0),
    )
    summary = summarise(FakeStudy(arms=arms).write(tmp_path))
    expected = [
        "TS shuffled, ID+TS shuffled: titles are swapped between items (item.text.control: "
        "shuffle). These arms are controls.",
        "TS noise: noise of the same mean and deviation stands in for the features of the titles "
        "(item.text.control: noise). This arm is a control.",
        "ID+A: vectors of audio are swapped between items (item.vectors.audio.control: shuffle). "
        "This arm is a control.",
        "ID from TS: noise of the same mean and deviation stands in for the features of the titles "
        "(item.id_init.text.control: noise). This arm is a control.",
        "ID+V: all items have the same content in place of their images (item.image.control: "
        "constant). This arm is a control.",
    ]
    assert list(control_sentences(summary)) == expected
    assert [line for line in caveats(summary, compare(summary)) if "control" in line] == expected


def test_a_searched_control_is_the_one_that_was_tested(tmp_path: Path) -> None:
    arms = (SMALL[0], Arm("TS", text("shuffle"), 1.0, 3.0))
    summary = summarise(FakeStudy(arms=arms).write(tmp_path))
    searched = summary.arms[1].entry
    item = searched.config.item.model_copy(update={"text": TextSpec(name="minilm")})
    config = searched.config.model_copy(update={"item": item})
    arm = replace(summary.arms[1], entry=searched.model_copy(update={"config": config}))
    (sentence,) = control_sentences(replace(summary, arms=(summary.arms[0], arm)))
    assert sentence.startswith("TS: titles are swapped between items")
    untested = replace(arm, finals=())
    assert list(control_sentences(replace(summary, arms=(summary.arms[0], untested)))) == []


def test_a_late_fusion_has_the_controls_of_its_members(tmp_path: Path) -> None:
    arms = (SMALL[0], Arm("TS", text("shuffle"), 1.0, 3.0))
    summary = summarise(FakeStudy(arms=arms).write(tmp_path))
    plain, shuffled = (arm.entry.config for arm in summary.arms)
    config = plain.model_copy(update={"ensemble": (plain, shuffled, shuffled)})
    entry = summary.arms[0].entry.model_copy(update={"name": "late", "config": config})
    late = replace(summary.arms[0], entry=entry, finals=())
    (sentence,) = control_sentences(replace(summary, arms=(late,)))
    assert sentence.startswith("late: titles are swapped between items (item.text.control")


def test_a_study_without_controls_has_no_such_sentence(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(arms=SMALL).write(tmp_path))
    assert list(control_sentences(summary)) == []
