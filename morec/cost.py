"""What a trial costs: parameters, multiply-accumulates, peak memory, device."""

import ctypes
import gc
import platform
import re
import sys
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from morec.encoders.macs import count_macs
from morec.encoders.token_embedding import TokenTable
from morec.models.recommender import Recommender
from morec.models.user_encoder import UserEncoder
from morec.results import GPU_MEMORY, HOST_MEMORY

CLEAR_REFS = Path("/proc/self/clear_refs")
STATUS = Path("/proc/self/status")
RESET_PEAK = "5"
"""Written to ``clear_refs``, it sets the peak resident set to the current one (proc(5))."""


def count_parameters(module: nn.Module) -> tuple[int, int]:
    """Total and trainable parameters of the model, with token vectors that are not loaded."""
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    tables = [part for part in module.modules() if isinstance(part, TokenTable)]
    sizes += [(table.num_left_out, table.weight.requires_grad) for table in tables]
    return sum(n for n, _ in sizes), sum(n for n, is_trained in sizes if is_trained)


def paper_macs(recommender: Recommender, num_inputs: int, device: torch.device) -> int:
    """Forward multiply-accumulates by the rule of the paper's table 6: one training sample, padded.

    A sample has ``num_inputs`` inputs (L of a sequence, 0 of a DSSM's pair), one item more, and as
    many negatives as items. Each of them is encoded in full width; then the user encoder reads the
    inputs. SASRec's projections are L * num_blocks * 12 * D^2. Its attention, 2 * L^2 * D a block,
    is counted here and left out in the paper (0.6 % at D = 512, L = 20).
    """
    users = recommender.user_encoder
    item_macs, _ = recommender.item_encoder.padded_item_macs()
    user_macs, _ = count_macs(lambda: read_padded_user(users, num_inputs, device))
    return sample_macs(num_inputs, item_macs=item_macs, user_macs=user_macs)


def sample_macs(num_inputs: int, *, item_macs: int, user_macs: int) -> int:
    """The same from those of one item and of the user encoder's pass over the inputs."""
    num_slots = 2 * (num_inputs + 1)
    return num_slots * item_macs + user_macs


def read_padded_user(users: UserEncoder, num_inputs: int, device: torch.device) -> Tensor:
    """Run a user encoder on the ``num_inputs`` item vectors of one padded training sample."""
    items_1LD = torch.zeros(1, num_inputs, users.dim, device=device, requires_grad=True)
    is_item_1L, user_1 = torch.ones(1, num_inputs, dtype=torch.bool), torch.zeros(1).long()
    return cast(Tensor, users(items_1LD, is_item_1L, user_1))


class PeakMemory:
    """Peak memory since this object was made, and what kind of memory that is."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.kind = GPU_MEMORY if device.type == "cuda" else HOST_MEMORY
        give_back_unused()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        self._is_host_known = _reset_resident_peak()

    def num_bytes(self) -> int | None:
        """Peak bytes on the trial's device so far; None where the system does not tell."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        return self.num_host_bytes()

    def num_host_bytes(self) -> int | None:
        """Peak bytes of the process: libraries, data, and pages read of mapped files; or None."""
        if not self._is_host_known:
            return None
        peak = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        return int(peak[1]) * 1024 if peak else None


def give_back_unused() -> None:
    """Free what a trial of this process left, so that it does not count as the next one's."""
    gc.collect()
    _freeze_imports(len(sys.modules))
    with suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


@cache
def _freeze_imports(num_modules: int) -> None:
    """Exclude what this process has imported from all later garbage collections.

    Collecting through torch and the encoder libraries took 0.2 s, most of a short trial's time.
    Done again only where an earlier trial was the first to import some of them.
    """
    gc.freeze()


def _reset_resident_peak() -> bool:
    """Whether the peak could be reset; otherwise it would include earlier trials."""
    try:
        CLEAR_REFS.write_text(RESET_PEAK)
    except OSError:
        return False
    return True


def device_name(device: torch.device, precision: str = "fp32") -> str:
    """The device's name; on a CPU with the number of threads, and whether bf16 is emulated."""
    remark = ", bf16 emulated" if precision == "bf16" and not has_bf16(device) else ""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device) + remark
    cpu = re.search(r"model name\s*:\s*(.+)", _cpu_info())
    name = cpu[1].strip() if cpu else platform.processor() or platform.machine()
    threads = torch.get_num_threads()
    return f"{name}, {threads} thread{'s' * (threads > 1)}{remark}"


def has_bf16(device: torch.device) -> bool:
    """Whether the hardware multiplies in bf16; otherwise torch does so slowly in software."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return re.search(r"^(flags|Features)\b.*bf16", _cpu_info(), re.MULTILINE) is not None


def product_gflops(dtype: torch.dtype, device: torch.device, *, size: int) -> float:
    """GFLOP a second of a square matrix product, the best of a few.

    On a CPU a second is one of a core: other processes, and the number of threads, do not matter.
    """
    left, right = (torch.randn(size, size).to(device, dtype) for _ in range(2))
    left @ right
    return 2 * size**3 / min(_seconds_of(left, right) for _ in range(5)) / 1e9


def _seconds_of(left: Tensor, right: Tensor) -> float:
    if left.device.type == "cpu":
        started = time.process_time()
        left @ right
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    left @ right
    torch.cuda.synchronize()
    return time.perf_counter() - started


def _cpu_info() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""
