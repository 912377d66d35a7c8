"""What cannot be unpacked ends a report with the place where it stands."""

import json
from pathlib import Path
from typing import Any

import pytest

from morec.errors import DataError
from morec.packing import pack_integers
from reports.study.report import read_report
from tests.reports.made_up_examples import keep_lists
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.records import Ledger

NUM_USERS = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    slices = {"popularity": (8, 12)}
    study = FakeStudy(arms=SMALL[:2], searches=0, num_users=NUM_USERS, slices=slices)
    keep_lists(study.write(tmp_path))
    return tmp_path


def change(path: Path, *steps: str | int, value: Any) -> None:
    plain = json.loads(path.read_text())
    inner = plain
    for step in steps[:-1]:
        inner = inner[step]
    inner[steps[-1]] = value
    path.write_text(json.dumps(plain))


@pytest.mark.parametrize(
    ("steps", "value", "message"),
    [
        (["packed_ranks"], "no", "its ranks cannot be unpacked: "),
        (["packed_ranks"], pack_integers([1]), "its ranks are 1 numbers, not 20"),
        (["packed_ranks"], pack_integers([1] * 21), "its ranks are more than 20 numbers"),
        (["packed_ranks"], pack_integers([0] * 20), "a rank of 0; ranks count from 1"),
        (["kept_lists", "num_users"], 10**12, "its kept lists are of 1000000000000 users; the"),
        (["kept_lists", "places"], 10**12, "its kept lists are 200 numbers, not 20,000,000,000,0"),
        (["kept_lists", "packed_targets"], "no", "its kept lists cannot be unpacked: "),
    ],
)
def test_a_record_that_cannot_be_unpacked_is_named(
    folder: Path, steps: list[str], value: Any, message: str
) -> None:
    final = Ledger(folder).manifest().arms[0].final[0]
    path = folder / "trials" / f"{final}.json"
    change(path, "test", *steps, value=value)
    with pytest.raises(DataError) as caught:
        read_report(folder)
    assert str(caught.value).startswith(f"{path}: test: {message}")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no", "slices by popularity: the codes cannot be unpacked: "),
        (pack_integers([4 * 10**9]), "slices by popularity: a code has no label"),
    ],
)
def test_slices_that_cannot_be_unpacked_are_named(folder: Path, value: str, message: str) -> None:
    path = folder / "manifest.json"
    change(path, "datasets", 0, "slices", 0, "packed_codes", value=value)
    with pytest.raises(DataError) as caught:
        read_report(folder)
    assert str(caught.value).startswith(f"{path}: {message}")
