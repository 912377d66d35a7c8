from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from morec import cost
from morec.config import ItemSpec, SASRecSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import build_item_encoder
from morec.models.recommender import Recommender, build_user_encoder
from tests.morec.tiny_trials import TRAINED_TEXT

CPU = torch.device("cpu")
MB = 2**20
LARGE = 200 * MB
needs_proc = pytest.mark.skipif(not cost.CLEAR_REFS.exists(), reason="needs Linux")


def recommender(
    dataset: Dataset, folder: Path, *, dim: int, length: int, blocks: int = 2, **item: object
) -> Recommender:
    spec = SASRecSpec(dim=dim, num_blocks=blocks)
    parts = ItemSpec.model_validate(item)
    items = build_item_encoder(parts, dataset, dim, 0.1, ArtefactStore(folder))
    return Recommender(items, build_user_encoder(spec, 7, length), dataset.num_items)


def user_encoder_macs(dim: int, length: int, blocks: int) -> int:
    """Four projections and a feed-forward of 4 D per position; scores and weighted values."""
    return blocks * (length * 12 * dim**2 + 2 * length**2 * dim)


def test_parameters_are_counted_with_and_without_the_frozen_ones():
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2, bias=False))
    model[1].weight.requires_grad_(False)
    assert cost.count_parameters(model) == (3 * 5 + 5 + 5 * 2, 3 * 5 + 5)


def test_the_papers_id_model_is_reproduced(tiny_dataset: Dataset, tmp_path: Path):
    """Table 6, MIND IDRec: 0.12 G. Looking an ID up costs nothing."""
    model = recommender(tiny_dataset, tmp_path, dim=512, length=20, id=True)
    macs = cost.paper_macs(model, 20, CPU)
    assert macs == 20 * 24 * 512**2 + 2 * 2 * 20**2 * 512
    assert macs == pytest.approx(0.126e9, rel=0.01)


@pytest.mark.parametrize(("dim", "length", "blocks"), [(8, 6, 2), (16, 3, 1), (4, 10, 3)])
def test_the_user_encoder_costs_what_its_formula_says(
    tiny_dataset: Dataset, tmp_path: Path, dim: int, length: int, blocks: int
):
    model = recommender(tiny_dataset, tmp_path, dim=dim, length=length, blocks=blocks, id=True)
    assert cost.paper_macs(model, length, CPU) == user_encoder_macs(dim, length, blocks)


def test_every_item_slot_of_both_columns_is_encoded_in_full(tiny_dataset: Dataset, tmp_path: Path):
    model = recommender(tiny_dataset, tmp_path, dim=8, length=6, **TRAINED_TEXT)
    item_macs, uncounted = model.item_encoder.padded_item_macs()
    assert item_macs > 0
    assert uncounted == set()
    assert cost.paper_macs(model, 6, CPU) == 2 * 7 * item_macs + user_encoder_macs(8, 6, 2)


def test_counting_draws_nothing(tiny_dataset: Dataset, tmp_path: Path):
    model = recommender(tiny_dataset, tmp_path, dim=8, length=6, id=True)
    before = torch.get_rng_state()
    cost.paper_macs(model, 6, CPU)
    assert torch.equal(torch.get_rng_state(), before)


@needs_proc
def test_peak_memory_grows_by_what_was_touched_and_stays():
    memory = cost.PeakMemory(CPU)
    before = memory.num_bytes()
    touched = np.ones(LARGE, dtype=np.uint8)
    del touched
    after = memory.num_bytes()
    assert before is not None
    assert after is not None
    assert LARGE * 0.95 < after - before < LARGE * 1.2
    assert memory.kind == "process resident set"


@needs_proc
def test_a_new_measurement_forgets_the_peak_of_the_one_before():
    first = cost.PeakMemory(CPU)
    touched = np.ones(LARGE, dtype=np.uint8)
    del touched
    peak, now = first.num_bytes(), cost.PeakMemory(CPU).num_bytes()
    assert peak is not None
    assert now is not None
    assert now < peak - LARGE * 0.8


def test_memory_that_the_system_does_not_tell_is_not_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cost, "CLEAR_REFS", tmp_path / "no proc here" / "clear_refs")
    assert cost.PeakMemory(CPU).num_bytes() is None


def test_the_device_is_named_with_its_threads():
    name, threads = cost.device_name(CPU).rsplit(", ", 1)
    assert name
    assert threads == f"{torch.get_num_threads()} thread(s)"
