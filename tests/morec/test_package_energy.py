"""RAPL's counters in a made-up powercap folder: which count, wrap-around, permission."""

import gc
import os
import time
from pathlib import Path

import pytest

from morec import package_energy
from morec.package_energy import NoCounterError, PackageCounter, open_counter, packages_in

RANGE_UJ = 262_143_328_850
"""Of a Xeon: 2 ** 32 units of 61 uJ."""


def zone(powercap: Path, folder: str, name: str, energy_uj: int = 0) -> Path:
    """One folder as Linux lays it out."""
    made = powercap / folder
    made.mkdir(parents=True)
    for file, text in (
        ("name", name),
        ("energy_uj", str(energy_uj)),
        ("max_energy_range_uj", str(RANGE_UJ)),
    ):
        (made / file).write_text(f"{text}\n")
    return made


def go_on(package: Path, energy_uj: int) -> None:
    """Replace the number at once, so that the reader never sees an empty file."""
    new = package / "new"
    new.write_text(f"{energy_uj}\n")
    new.replace(package / "energy_uj")


def test_packages_count_and_neither_their_parts_nor_what_shows_them_again(tmp_path: Path) -> None:
    """Two sockets of a server, and what a laptop has besides."""
    zone(tmp_path, "intel-rapl:0", "package-0")
    zone(tmp_path, "intel-rapl:0:0", "core")
    zone(tmp_path, "intel-rapl:0:1", "dram")
    zone(tmp_path, "intel-rapl:1", "package-1")
    zone(tmp_path, "intel-rapl:2", "psys")
    zone(tmp_path, "intel-rapl-mmio:0", "package-0")
    (tmp_path / "intel-rapl").mkdir()
    found = sorted(path.name for path in packages_in(tmp_path))
    assert found == ["intel-rapl:0", "intel-rapl:1"]


def test_energy_is_what_all_counters_went_on_by(tmp_path: Path) -> None:
    first = zone(tmp_path, "intel-rapl:0", "package-0", 5_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 70)
    counter = open_counter(tmp_path)
    assert counter.read_uj() == 0
    go_on(first, 7_500)
    go_on(second, 170)
    assert counter.read_uj() == 2_500 + 100
    assert counter.read_uj() == 2_500 + 100


def test_a_counter_that_began_anew_goes_on(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 1_000)
    counter = open_counter(tmp_path)
    go_on(package, 500)
    assert counter.read_uj() == 1_500
    go_on(package, RANGE_UJ - 500)
    assert counter.read_uj() == 1_500 + RANGE_UJ - 1_000
    go_on(package, 0)
    assert counter.read_uj() == 1_500 + RANGE_UJ - 500


def test_a_machine_without_counters_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoCounterError, match="the machine shows no counter of a CPU package under"):
        open_counter(tmp_path / "nowhere")


def test_a_counter_that_is_for_root_alone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may read everything, so the refusal is the file system's only for other users."""
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    (package / "energy_uj").chmod(0)
    if os.geteuid() == 0:
        monkeypatch.setattr(package_energy, "_number", refuse)
    with pytest.raises(
        NoCounterError, match=r"energy_uj may not be read by this user; since 5\.10"
    ):
        open_counter(tmp_path)


def refuse(path: Path) -> int:
    if path.name == "energy_uj":
        raise PermissionError(13, "Permission denied", str(path))
    return RANGE_UJ


def test_a_counter_that_shows_no_number_is_none(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    (package / "energy_uj").write_text("<unknown>\n")
    with pytest.raises(NoCounterError, match="intel-rapl:0 cannot be read: invalid literal"):
        open_counter(tmp_path)


def test_wraps_between_two_epochs_are_seen_by_the_reader_which_ends_with_the_counter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_energy, "READ_EVERY_S", 0.001)
    package = zone(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 10)
    counter = PackageCounter([package])
    go_on(package, 90)
    for _ in range(10_000):
        if counter._total_uj == 100:
            break
        time.sleep(0.001)
    assert counter._total_uj == 100
    assert counter.read_uj() == 100
    reader = counter.reader
    del counter
    gc.collect()
    reader.join(60)
    assert not reader.is_alive()
