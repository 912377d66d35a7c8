"""Parameters, multiply-accumulates, memory and device against formulas and the system."""

import gc
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from morec import cost
from morec.config import (
    BERT4RecSpec,
    DSSMSpec,
    GRU4RecSpec,
    ItemSpec,
    ModelSpec,
    NextItNetSpec,
    SASRecSpec,
)
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.models.recommender import Recommender, build_recommender
from tests.morec.tiny_trials import TRAINED_TEXT

CPU = torch.device("cpu")
MB = 2**20
LARGE = 200 * MB
needs_proc = pytest.mark.skipif(not cost.CLEAR_REFS.exists(), reason="needs Linux")


def recommender(
    dataset: Dataset, folder: Path, spec: ModelSpec, length: int, **item: object
) -> Recommender:
    parts = ItemSpec.model_validate(item)
    return build_recommender(
        spec, parts, replace(dataset, max_seq_len=length), ArtefactStore(folder)
    )


def user_encoder_macs(dim: int, length: int, blocks: int) -> int:
    """Four projections and a feed-forward of 4 D per position; scores and weighted values."""
    return blocks * (length * 12 * dim**2 + 2 * length**2 * dim)


def test_parameters_are_counted_with_and_without_the_frozen_ones() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2, bias=False))
    model[1].weight.requires_grad_(False)
    assert cost.count_parameters(model) == (3 * 5 + 5 + 5 * 2, 3 * 5 + 5)


def test_the_papers_id_model_is_reproduced(tiny_dataset: Dataset, tmp_path: Path) -> None:
    """Table 6, MIND IDRec: 0.12 G. Looking an ID up costs nothing."""
    model = recommender(tiny_dataset, tmp_path, SASRecSpec(), 20, id=True)
    macs = cost.paper_macs(model, 20, CPU)
    assert macs == 20 * 24 * 512**2 + 2 * 2 * 20**2 * 512
    assert macs == pytest.approx(0.126e9, rel=0.01)


@pytest.mark.parametrize(("dim", "length", "blocks"), [(8, 6, 2), (16, 3, 1), (4, 10, 3)])
def test_the_user_encoder_costs_what_its_formula_says(
    tiny_dataset: Dataset, tmp_path: Path, dim: int, length: int, blocks: int
) -> None:
    spec = SASRecSpec(dim=dim, num_blocks=blocks)
    model = recommender(tiny_dataset, tmp_path, spec, length, id=True)
    assert cost.paper_macs(model, length, CPU) == user_encoder_macs(dim, length, blocks)


def test_every_item_slot_of_both_columns_is_encoded_in_full(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    model = recommender(tiny_dataset, tmp_path, SASRecSpec(dim=8), 6, **TRAINED_TEXT)
    item_macs, uncounted = model.item_encoder.padded_item_macs()
    assert item_macs > 0
    assert uncounted == set()
    assert cost.paper_macs(model, 6, CPU) == 2 * 7 * item_macs + user_encoder_macs(8, 6, 2)


@pytest.mark.parametrize("num_layers", [1, 3])
def test_a_gru_costs_six_products_a_position_and_layer(
    num_layers: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Three gates, each of the input and of the state; then the output."""
    spec = GRU4RecSpec(kind="gru4rec", dim=8, num_blocks=num_layers)
    model = recommender(tiny_dataset, tmp_path, spec, 5, id=True)
    assert cost.paper_macs(model, 5, CPU) == 5 * (6 * num_layers + 1) * 8**2


def test_a_bert4rec_reads_one_slot_more_and_has_a_head(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    spec = BERT4RecSpec(kind="bert4rec", dim=8, num_blocks=2)
    model = recommender(tiny_dataset, tmp_path, spec, 5, id=True)
    assert cost.paper_macs(model, 5, CPU) == user_encoder_macs(8, 6, 2) + 5 * 8**2


def test_a_convolution_costs_its_taps_a_position(tiny_dataset: Dataset, tmp_path: Path) -> None:
    spec = NextItNetSpec(kind="nextitnet", dim=8, num_blocks=2, kernel_size=3, dilations=(1, 4))
    model = recommender(tiny_dataset, tmp_path, spec, 5, id=True)
    assert cost.paper_macs(model, 5, CPU) == 5 * (2 * 2 * 2 * 3 + 1) * 8**2


@pytest.mark.parametrize("num_layers", [0, 2])
def test_a_pair_costs_two_items_and_one_user(
    num_layers: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    spec = DSSMSpec(kind="dssm", dim=8, mlp_layers=num_layers)
    model = recommender(tiny_dataset, tmp_path, spec, 6, id=True)
    assert cost.paper_macs(model, 0, CPU) == 3 * num_layers * 8**2
    model = recommender(tiny_dataset, tmp_path, spec, 6, **TRAINED_TEXT)
    item_macs, _ = model.item_encoder.padded_item_macs()
    assert cost.paper_macs(model, 0, CPU) == 2 * item_macs + num_layers * 8**2


def test_a_dssm_has_a_row_a_user_and_the_layers_of_two_towers(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    spec = DSSMSpec(kind="dssm", dim=8, mlp_layers=2)
    model = recommender(tiny_dataset, tmp_path, spec, 6, id=True)
    expected = (41 + 31) * 8 + 2 * 2 * (8**2 + 8)
    assert cost.count_parameters(model) == (expected, expected)


def test_counting_draws_nothing(tiny_dataset: Dataset, tmp_path: Path) -> None:
    model = recommender(tiny_dataset, tmp_path, SASRecSpec(dim=8), 6, id=True)
    before = torch.get_rng_state()
    cost.paper_macs(model, 6, CPU)
    assert torch.equal(torch.get_rng_state(), before)


@needs_proc
def test_peak_memory_grows_by_what_was_touched_and_stays() -> None:
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
def test_a_new_measurement_forgets_the_peak_of_the_one_before() -> None:
    first = cost.PeakMemory(CPU)
    touched = np.ones(LARGE, dtype=np.uint8)
    del touched
    peak, now = first.num_bytes(), cost.PeakMemory(CPU).num_bytes()
    assert peak is not None
    assert now is not None
    assert now < peak - LARGE * 0.8


def test_memory_that_the_system_does_not_tell_is_not_available(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "CLEAR_REFS", tmp_path / "no proc here" / "clear_refs")
    assert cost.PeakMemory(CPU).num_bytes() is None


def test_the_device_is_named_with_its_threads() -> None:
    name, threads = cost.device_name(CPU).rsplit(", ", 1)
    assert name
    number = torch.get_num_threads()
    assert threads == ("1 thread" if number == 1 else f"{number} threads")


@pytest.mark.parametrize(
    ("cpu_info", "expected"),
    [
        ("model name\t: A\nflags\t\t: fpu avx512f avx512_bf16 gfni\n", True),
        ("model name\t: B\nflags\t\t: fpu amx_bf16\n", True),
        ("model name\t: C with bf16 in its name\nflags\t\t: fpu avx512f\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd bf16\n", True),
        ("", False),
    ],
)
def test_bf16_is_asked_of_the_processor_and_its_emulation_is_said(
    cpu_info: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "_cpu_info", lambda: cpu_info)
    assert cost.has_bf16(CPU) is expected
    assert cost.device_name(CPU, "bf16").endswith(", bf16 emulated") is not expected
    assert "bf16 emulated" not in cost.device_name(CPU)


def test_libraries_are_set_apart_once_and_later_garbage_is_still_collected() -> None:
    cost.PeakMemory(CPU)
    num_apart = gc.get_freeze_count()
    assert num_apart > 10_000

    class Cycle:
        pass

    cycle = Cycle()
    cycle.itself = cycle
    gone = weakref.ref(cycle)
    del cycle
    cost.PeakMemory(CPU)
    assert gone() is None
    assert gc.get_freeze_count() <= num_apart


def test_what_a_trial_was_the_first_to_import_is_set_apart_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cost._freeze_imports.cache_clear()
    cost.PeakMemory(CPU)
    num_apart = gc.get_freeze_count()
    library = ModuleType("library")
    library.parts = [[] for _ in range(1000)]
    monkeypatch.setitem(sys.modules, "library", library)
    cost.PeakMemory(CPU)
    assert gc.get_freeze_count() >= num_apart + 1000
