"""Energy of a trial's device by its own counter: a GPU's (NVML), or the CPU packages' (RAPL).

An estimate: whatever else runs on the device counts too. Where no counter can be read the energy is
not known, and ``EnergyMeter.missing`` says why.
"""

import platform
from pathlib import Path
from typing import Any, Protocol

import torch

from morec.package_energy import NoCounterError, open_counter
from morec.results import GPU_COUNTER, PACKAGE_COUNTER

try:
    import pynvml
except ModuleNotFoundError:  # pip install "morec-studies[gpu]" brings it
    pynvml = None

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
"""The same in all containers of a machine until it starts again."""


class Counter(Protocol):
    """What shows energy: microjoules that only grow."""

    def read_uj(self) -> int:
        """Microjoules since some time in the past.

        Raises:
            NoCounterError, OSError, ValueError: it cannot be read.
        """


class EnergyMeter:
    """Energy that a device took between two readings.

    The whole device counts: its idle power, and whatever else runs on it meanwhile. GPUs have a
    counter from Volta on; a part of a GPU (MIG) has none.
    """

    def __init__(self, device: torch.device) -> None:
        self.name = GPU_COUNTER if device.type == "cuda" else PACKAGE_COUNTER
        """Which kind of counter this is."""
        self.missing = ""
        """Why the energy is not known; empty as long as it is."""
        self.key = ""
        """The same for all meters of one counter: energy that several of them read is one."""
        self._counter: Counter | None = None
        try:
            self._counter, self.key = _open(device)
        except NoCounterError as error:
            self.missing = str(error)
        self._last_uj = self._read_uj()

    def lap_j(self) -> float | None:
        """Joules since the last call, at first since the meter was made; None if not known."""
        before, self._last_uj = self._last_uj, self._read_uj()
        if before is None or self._last_uj is None:
            return None
        return (self._last_uj - before) / 1e6

    def _read_uj(self) -> int | None:
        if self._counter is None:
            return None
        try:
            return self._counter.read_uj()
        except (NoCounterError, OSError, ValueError) as error:
            self.missing = self.missing or str(error)
            return None


def _open(device: torch.device) -> tuple[Counter, str]:
    """The device's counter, and what tells it from others."""
    if device.type == "cuda":
        gpu = _GpuCounter(device)
        return gpu, gpu.uuid
    if device.type != "cpu":
        raise NoCounterError(f"no counter is known for a device {device.type}")
    machine = BOOT_ID.read_text().strip() if BOOT_ID.is_file() else platform.node()
    return open_counter(), f"packages of {machine}"


class _GpuCounter:
    """NVML's counter of a GPU, found by UUID: torch and NVML number GPUs differently."""

    def __init__(self, device: torch.device) -> None:
        if pynvml is None:
            raise NoCounterError('the GPU\'s counter needs pip install -e ".[gpu]"')
        try:
            pynvml.nvmlInit()
            self.uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
            self._handle: Any = pynvml.nvmlDeviceGetHandleByUUID(self.uuid)
        except pynvml.NVMLError as error:
            raise NoCounterError(f"the GPU's counter cannot be read: {error}") from error

    def read_uj(self) -> int:
        """Microjoules since the driver was loaded."""
        try:
            return 1000 * int(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except pynvml.NVMLError as error:
            raise NoCounterError(f"the GPU shows no energy: {error}") from error
