"""CPUs, free disk and available memory, as the system reports them."""

import shutil

import psutil
import pytest

from tune_space.capacity import machine


def test_free_disk_is_asked_of_the_nearest_folder_that_exists(tmp_path) -> None:
    missing = tmp_path / "not" / "yet"
    assert machine.existing(missing) == tmp_path
    assert abs(machine.free_disk(missing) - shutil.disk_usage(tmp_path).free) < 1e9


def test_memory_is_what_the_system_says_but_never_more_than_a_container_has_left(
    tmp_path, monkeypatch
) -> None:
    limit, used = (tmp_path / name for name in ("max", "current"))
    there = psutil.virtual_memory()._replace(available=2000 * 1024)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: there)
    monkeypatch.setattr(machine, "CONTROL_GROUPS", ((str(limit), str(used)),))
    assert machine.available_memory() == 2000 * 1024
    limit.write_text("max\n")
    used.write_text("1000000\n")
    assert machine.available_memory() == 2000 * 1024
    limit.write_text("1500000\n")
    assert machine.available_memory() == 500_000
    used.write_text("1600000\n")
    assert machine.available_memory() == 0
    limit.unlink()
    assert machine.available_memory() == 2000 * 1024


@pytest.mark.parametrize(
    ("quota", "expected"),
    [(None, 64), ("max 100000", 64), ("400000 100000", 4), ("50000 100000", 1)],
)
def test_cpus_are_what_the_system_says_but_never_more_than_a_container_may_use(
    tmp_path, monkeypatch, quota, expected
) -> None:
    path = tmp_path / "cpu.max"
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    monkeypatch.setattr(machine, "CPU_QUOTAS", ((str(path),),))
    if quota:
        path.write_text(f"{quota}\n")
    assert machine.num_cpus() == expected


def test_bytes_are_written_with_three_digits_and_their_unit() -> None:
    sizes = (0, 999, 1000, 123_456, 999_600, 3_456_000_000, 10**16)
    assert [machine.format_bytes(size) for size in sizes] == [
        "0 bytes", "999 bytes", "1 kB", "123 kB", "1 MB", "3.46 GB", "1e+04 TB",
    ]  # fmt: skip
