"""Energy of this machine's CPU packages by their own counters (RAPL), which Linux shows as files.

Processors of Intel and AMD alike are listed as ``intel-rapl:N`` under ``/sys/class/powercap``. A
package is cores, caches and memory controller. Memory modules and the rest of the machine are not
in it.
"""

import re
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event, Lock, Thread

POWERCAP = Path("/sys/class/powercap")
READ_EVERY_S = 60
"""A counter wraps after 65 kJ or more: within a minute a package of less than 1 kW wraps once at
most."""


class NoCounterError(Exception):
    """A counter that cannot be read; the message says why, for readers of the report."""


class PackageCounter:
    """Energy of all packages since this object was made, over every wrap-around.

    A thread reads the counters now and then, since two wraps between two readings would look like
    one. It ends with this object.
    """

    def __init__(self, packages: Sequence[Path]) -> None:
        """``packages``: folders of ``packages_in``.

        Raises:
            OSError, ValueError: a counter cannot be read.
        """
        self._packages = packages
        self._ranges_uj = [_number(package / "max_energy_range_uj") for package in packages]
        self._last_uj = self._counts_uj()
        self._total_uj = 0
        self._lock = Lock()
        ended = Event()
        weakref.finalize(self, ended.set)
        self.reader = Thread(target=_read_now_and_then, args=(weakref.ref(self), ended))
        self.reader.daemon = True
        self.reader.start()

    def read_uj(self) -> int:
        """Microjoules so far.

        Raises:
            OSError, ValueError: a counter cannot be read any more.
        """
        with self._lock:
            now_uj = self._counts_uj()
            spans = zip(self._last_uj, now_uj, self._ranges_uj, strict=True)
            # A counter that is lower than before has begun anew behind the end of its range.
            self._total_uj += sum(
                now - last + (range_uj if now < last else 0) for last, now, range_uj in spans
            )
            self._last_uj = now_uj
            return self._total_uj

    def _counts_uj(self) -> list[int]:
        return [_number(package / "energy_uj") for package in self._packages]


def open_counter(powercap: Path = POWERCAP) -> PackageCounter:
    """The counter of all packages of this machine.

    Raises:
        NoCounterError: there is none, or this user may not read it.
    """
    packages = sorted(packages_in(powercap))
    if not packages:
        raise NoCounterError(f"the machine shows no counter of a CPU package under {powercap}")
    try:
        return PackageCounter(packages)
    except PermissionError as error:
        raise NoCounterError(
            f"{error.filename} may not be read by this user; since 5.10, Linux lets root alone"
        ) from error
    except (OSError, ValueError) as error:
        raise NoCounterError(f"{packages[0]} cannot be read: {error}") from error


def packages_in(powercap: Path) -> Iterator[Path]:
    """Folders of the counters of whole packages.

    Their parts (``intel-rapl:0:1``) are in them already. ``psys`` is the whole platform, and
    ``intel-rapl-mmio`` shows a package a second time.
    """
    for folder in powercap.glob("intel-rapl:*"):
        name = folder / "name"
        is_whole = re.fullmatch(r"intel-rapl:\d+", folder.name) is not None
        if is_whole and name.is_file() and name.read_text().startswith("package"):
            yield folder


def _number(path: Path) -> int:
    return int(path.read_text())


def _read_now_and_then(counter: "weakref.ref[PackageCounter]", ended: Event) -> None:
    while not ended.wait(READ_EVERY_S):
        if (known := counter()) is None:
            return
        try:
            known.read_uj()
        except (OSError, ValueError):
            return  # The trial's own next reading says so.
        del known
