"""What a worker takes of its machine; whole trials through Ray are in tests/integration."""

import pytest
import torch

from morec.ray_train import _keep_to_share, tensor_share
from tests.morec.gpus import GPU, gpu_bytes, needs_gpu

GIB = 2**30


@pytest.mark.parametrize(
    ("gpus", "total_gib", "expected"),
    [(0.25, 80, (20 - 0.5) / 80), (0.5, 16, (8 - 0.5) / 16), (0.01, 16, 0.005)],
)
def test_a_part_of_a_gpu_is_for_tensors_but_for_what_cuda_takes(gpus, total_gib, expected) -> None:
    assert tensor_share(gpus, total_gib * GIB) == pytest.approx(expected)


@needs_gpu
def test_a_trial_on_a_part_of_a_gpu_takes_no_more_than_its_share() -> None:
    share = tensor_share(0.25, gpu_bytes())
    torch.cuda.empty_cache()
    _keep_to_share(0.25)
    try:
        torch.empty(int(0.5 * share * gpu_bytes()), dtype=torch.uint8, device=GPU)
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(int(1.1 * share * gpu_bytes()), dtype=torch.uint8, device=GPU)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
