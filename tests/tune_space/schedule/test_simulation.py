"""Schedules of kills, losses, full disks and edits: nothing is run twice, lost or decided anew.

A study is run by the real command on a simulated machine (``simulated_run``), ended early at random
and edited, until it is done (``simulated_schedule``). After every event the ledger is looked at
(``ledger_watch``); at the end it is compared with what the study comes to when nothing disturbs it
(``undisturbed``, ``decisions``). ``MOREC_SCHEDULES=17:18 pytest`` of this file plays schedule 17.
"""

import gc
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import rmtree

import pytest

from tests.tune_space.schedule.broken_code import BROKEN, broken
from tests.tune_space.schedule.simulated_schedule import HAZARDS, play_schedule

IN_CI = 75
"""Schedules of every commit: at most 25 seconds of a core, also of a busy one."""
NIGHTLY, PARTS = 10_000, 20
MAX_FOR_BROKEN_CODE = 600
"""By then a simulation has noticed what is broken."""


@pytest.fixture(autouse=True)
def light_collections() -> Iterator[None]:
    """Ray's and torch's objects are not looked through again and again: half the time."""
    gc.freeze()
    yield
    gc.unfreeze()


def play_all(seeds: Sequence[int], folder: Path) -> Counter[str]:
    """Play schedules and count what happened; a failure says how that one is played again."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        own = folder / str(seed)
        own.mkdir()
        try:
            counts += play_schedule(seed, own)
        except BaseException as error:
            error.add_note(
                f"again: MOREC_SCHEDULES={seed}:{seed + 1} pytest "
                "tests/tune_space/schedule/test_simulation.py"
            )
            raise
        rmtree(own)
    return counts


def test_schedules_end_as_if_nothing_had_happened(tmp_path: Path) -> None:
    asked = os.environ.get("MOREC_SCHEDULES")
    first, end = map(int, asked.split(":")) if asked else (0, IN_CI)
    counts = play_all(range(first, end), tmp_path)
    if not asked:
        struck = [kind for kind in HAZARDS if counts[f"run ended by: {kind}"]]
        assert len(struck) > len(HAZARDS) / 2, f"hardly anything happened: {struck}"


@pytest.mark.nightly
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_schedules_end_as_if_nothing_had_happened(tmp_path: Path, part: int) -> None:
    """One part alone: ``pytest -m nightly -s -k "ten_thousand and [3]"``; it prints counts."""
    size = NIGHTLY // PARTS
    counts = play_all(range(part * size, (part + 1) * size), tmp_path)
    print("\n", *(f"{number} {what}\n" for what, number in sorted(counts.items())))


@pytest.mark.nightly
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_code_is_noticed(tmp_path: Path, name: str) -> None:
    with broken(name), pytest.raises((AssertionError, OSError, KeyError)) as caught:
        play_all(range(MAX_FOR_BROKEN_CODE), tmp_path)
    assert any(note.startswith("again: ") for note in caught.value.__notes__)
