"""What a worker takes of its machine; whole trials through Ray are in tests/integration."""

import pytest

from morec.ray_train import tensor_share

GIB = 2**30


@pytest.mark.parametrize(
    ("gpus", "total_gib", "expected"),
    [(0.25, 80, (20 - 0.5) / 80), (0.5, 16, (8 - 0.5) / 16), (0.01, 16, 0.005)],
)
def test_a_part_of_a_gpu_is_for_tensors_but_for_what_cuda_takes(gpus, total_gib, expected) -> None:
    assert tensor_share(gpus, total_gib * GIB) == pytest.approx(expected)
