"""Interleaved rounds in process CPU time, and the rate of matrix products to hold them against."""

import ctypes
import gc
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

from morec.cost import product_gflops

Run = TypeVar("Run", bound=Callable[[], object])
GEMM_SIZE = 1536


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio or a number, measured in one round or several."""

    case: str
    what: str
    unit: str
    """What a ratio or number counts: "x" is a ratio of CPU times."""
    values: tuple[float, ...]
    """One a round."""
    target: float | None = None
    note: str = ""
    is_difference: bool = False
    """A difference of two measurements, which may be all noise, as a ratio may be."""

    @property
    def middle(self) -> float:
        return median(self.values)

    @property
    def is_noise(self) -> bool:
        """Whether the rounds leave open on which side of "no difference" the number lies."""
        nothing = 0.0 if self.is_difference else 1.0 if self.unit == "x" else None
        return nothing is not None and min(self.values) <= nothing <= max(self.values)

    def format(self) -> str:
        """Median [min, max], without the median where that is noise."""
        middle, low, high = map(_spell, (self.middle, min(self.values), max(self.values)))
        number = "no difference shown" if self.is_noise else middle
        spread = "" if len(self.values) == 1 else f" [{low}, {high}]"
        return f"{number}{spread}{'x' if self.unit == 'x' else ' ' + self.unit}"


def cpu_seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def interleaved(
    sides: Mapping[str, Run], rounds: int, measured: Callable[[Run], float] = cpu_seconds
) -> dict[str, tuple[float, ...]]:
    """CPU seconds, of this process unless ``measured`` says whose, for every side and round.

    Each side runs once before. What goes first changes from round to round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for run in sides.values():
        run()
    names = list(sides)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            gc.collect()
            seconds[name].append(measured(sides[name]))
    return {name: tuple(values) for name, values in seconds.items()}


def ratios(slow: tuple[float, ...], fast: tuple[float, ...]) -> tuple[float, ...]:
    """How many times faster, round by round."""
    return tuple(a / b for a, b in zip(slow, fast, strict=True))


def gemm_gflops(dtype: torch.dtype) -> float:
    """GFLOP per CPU second of a square matrix product, the best of a few."""
    return product_gflops(dtype, torch.device("cpu"), size=GEMM_SIZE)


def peak_mib(run: Callable[[], object]) -> float:
    """MiB that the resident set grew by while ``run`` ran, above what it was before."""
    return peaks_mib(run)[0]


def peaks_mib(run: Callable[[], object]) -> tuple[float, float]:
    """MiB that the resident set grew by at most while ``run`` ran, and to."""
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    run()
    peak = _status("VmHWM")
    return (peak - before) / 1024, peak / 1024


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, field
    return int(found[1])


def _spell(number: float) -> str:
    """Three digits or so."""
    digits = 2 if abs(number) < 10 else 1 if abs(number) < 100 else 0
    return f"{number:,.{digits}f}"
