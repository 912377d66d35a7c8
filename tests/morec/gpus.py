"""What tests that need a GPU share."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

GPU = torch.device("cuda")
_SKIP = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def needs_gpu(test: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a test, which is skipped where there is no GPU."""
    marked: Callable[..., Any] = pytest.mark.gpu(_SKIP(test))
    return marked


def gpu_bytes() -> int:
    """All memory of the GPU."""
    return int(torch.cuda.get_device_properties(0).total_memory)
