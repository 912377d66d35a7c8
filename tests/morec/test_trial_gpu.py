"""A trial on a GPU: its losses in bf16, and the memory that its record says."""

from pathlib import Path

import pytest
import torch

from morec.data.dataset import Dataset
from morec.results import GPU_MEMORY, TrialStatus
from tests.morec.gpus import gpu_bytes, needs_gpu
from tests.morec.tiny_trials import run, tiny_config


@needs_gpu
def test_a_trial_in_bf16_on_a_gpu_trains_as_one_in_fp32(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """bf16 has 8 bits of a number: losses agree to about a hundredth."""
    losses = {}
    for precision in ("fp32", "bf16"):
        config = tiny_config(model={"dropout": 0.0}, training={"precision": precision})
        result = run(config, tiny_dataset, tmp_path / precision, device="cuda")
        assert result.status is TrialStatus.COMPLETED, result.error
        losses[precision] = [epoch.train_loss for epoch in result.epochs]
    assert losses["bf16"] == pytest.approx(losses["fp32"], rel=0.05)
    assert losses["bf16"] != losses["fp32"]


@needs_gpu
def test_a_trial_on_a_gpu_records_the_memory_of_gpu_and_host(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    cost = run(tiny_config(), tiny_dataset, tmp_path, device="cuda").cost
    assert cost is not None and cost.memory_kind == GPU_MEMORY
    assert cost.peak_memory_bytes is not None and cost.peak_host_bytes is not None
    # Weights, gradients and two moments of every parameter, in four bytes each.
    assert 16 * cost.params_trainable <= cost.peak_memory_bytes < gpu_bytes()
    assert cost.host_bytes == cost.peak_host_bytes > 0
    assert cost.device.startswith(torch.cuda.get_device_name(0))
