"""Places: their order, and how they are printed."""

from pathlib import Path

import pytest

from reports.study.places import Place
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy


@pytest.mark.parametrize(
    ("place", "key", "words"),
    [
        (Place(), "", ""),
        (Place("MIND"), "MIND", "on MIND"),
        (Place("", "by time"), "by time", "under “by time”"),
        (Place("MIND", "by time"), "MIND, by time", "on MIND under “by time”"),
    ],
)
def test_a_place_is_printed_without_what_it_lacks(place: Place, key: str, words: str) -> None:
    assert (place.key, place.words) == (key, words)


def test_parts_come_condition_by_condition_in_the_order_of_the_file(tmp_path: Path) -> None:
    both = {"arms": SMALL[:2], "searches": 0, "num_users": 40}
    conditions = {"published": {}, "by time": {"ID": 0.0, "TS": 0.0}}
    study = FakeStudy(datasets={"MIND": None, "HM": None}, conditions=conditions, **both)
    summary = summarise(study.write(tmp_path / "both"))
    keys = ["MIND, published", "HM, published", "MIND, by time", "HM, by time"]
    assert [part.key for part in summary.parts] == keys
    assert [len(part.arms) for part in summary.parts] == [2] * 4
    assert [one.place for one in summary.by_condition] == [
        Place("", "published"),
        Place("", "by time"),
    ]
    assert [part.key for part in summary.by_condition[1].parts] == keys[2:]
    one = summarise(FakeStudy(conditions=conditions, **both).write(tmp_path / "one"))
    assert [part.key for part in one.parts] == ["published", "by time"]
    assert one.by_condition == one.parts and not one.is_several
    assert one.parts[1].parts == (one.parts[1],) == one.parts[1].by_condition


def test_a_part_has_the_arms_data_and_references_of_its_place_alone(tmp_path: Path) -> None:
    conditions = {"published": {}, "by time": {"ID": 0.0, "TS": 0.0}}
    study = FakeStudy(datasets={"MIND": None, "HM": None}, conditions=conditions, searches=0)
    for part in summarise(study.write(tmp_path)).parts:
        wanted = {(part.place.dataset, part.place.condition)}
        manifest = part.manifest
        for entries in (manifest.arms, manifest.datasets, manifest.references):
            assert {(one.dataset, one.condition) for one in entries} == wanted
        assert [arm.label for arm in part.arms] == ["ID", "TS", "E2E"]
        assert part.baseline is not None and part.baseline.entry.condition == part.place.condition
