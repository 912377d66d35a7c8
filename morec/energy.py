"""Energy by the GPU's own counter (NVML): an estimate, or None where no counter can be read."""

from typing import Any

import torch

try:
    import pynvml
except ModuleNotFoundError:  # pip install "morec-studies[gpu]" brings it
    pynvml = None


class EnergyMeter:
    """Energy that a device took between two readings.

    The whole GPU counts: its idle power, and whatever else runs on it meanwhile. GPUs have the
    counter from Volta on; a part of a GPU (MIG) has none.
    """

    def __init__(self, device: torch.device) -> None:
        self._handle = _handle(device)
        self._last_mj = self._read_mj()

    def lap_j(self) -> float | None:
        """Joules since the last call, at first since the meter was made; None if not known."""
        before, self._last_mj = self._last_mj, self._read_mj()
        if before is None or self._last_mj is None:
            return None
        return (self._last_mj - before) / 1000

    def _read_mj(self) -> int | None:
        """Millijoules since the driver was loaded."""
        if self._handle is None:
            return None
        try:
            return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except pynvml.NVMLError:
            return None


def _handle(device: torch.device) -> Any:
    """NVML's handle of the GPU, found by UUID: torch and NVML number GPUs differently."""
    if device.type != "cuda" or pynvml is None:
        return None
    try:
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(device).uuid
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    except pynvml.NVMLError:
        return None
