"""A tiny dataset for everything that trains; one thread, fixed seeds."""

from pathlib import Path

import pytest
import torch

from morec.config import SyntheticSpec
from morec.data.dataset import Dataset, load_dataset
from tests.morec.tiny_trials import TINY_DATA

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def fixed_torch_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny_dataset() -> Dataset:
    """41 users, so that batches of 8 leave one user over; 30 items with titles and images."""
    return load_dataset(SyntheticSpec.model_validate(TINY_DATA), Path())
