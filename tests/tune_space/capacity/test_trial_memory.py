"""Memory of a trial: the paper's measurements, arithmetic, and what replaces an estimate."""

from pathlib import Path

import pytest

from morec.config import TrialConfig
from morec.model_profile import ModelProfile
from tests.tune_space.made_up_trials import COST, conductor_of, end
from tune_space.capacity.model_profiles import known_counts, profile_of
from tune_space.capacity.trial_memory import (
    CUDA_BYTES,
    PROCESS_BYTES,
    MemoryEstimates,
    TrialMemory,
    TrialSize,
    host_bytes,
    memory_shape,
    model_bytes,
)
from tune_space.study.expand import expand
from tune_space.study.load import load_study

STUDIES = Path(__file__).parents[3] / "studies"
MODEL = ModelProfile(
    params_total=1000,
    params_trainable=100,
    forward_macs_paper=0,
    bytes_per_item=50,
    bytes_per_sample=7,
)
WEIGHTS = 4 * (2 * 1000 + 3 * 100)


def config(item: object = None, **changes: object) -> TrialConfig:
    plain = {
        "dataset": {"kind": "synthetic", "max_seq_len": 9},
        "item": item or {"id": True},
        "training": {"batch_size": 8},
    }
    return TrialConfig.model_validate(plain | changes)


def test_models_of_the_papers_table_6_take_about_the_memory_it_measured() -> None:
    """Its rows above 10 GB: smaller ones are mostly what a GPU process needs anyway. The paper,
    too, encodes every slot in full width; its batch sizes on HM are not stated."""
    study = load_study(STUDIES / "cost.yaml", [])
    ratios = {}
    for arm in expand(study):
        measured = 1e9 * study.expected[arm.name]["GPU GB"]
        if measured <= 10e9:
            continue
        num_users, num_items = known_counts(study, arm, ())
        size = TrialSize(profile_of(arm.config, num_users, num_items), num_users, num_items)
        ratios[arm.name] = model_bytes(arm.config, size) / measured
    assert len(ratios) == 7
    assert {name: 0.9 < ratio < 1.6 for name, ratio in ratios.items()} == dict.fromkeys(
        ratios, True
    )
    assert ratios["MIND/BERT-base"] == pytest.approx(1.17, abs=0.01)


def test_a_batch_holds_every_sample_and_each_distinct_item_once() -> None:
    samples, slots = 8 * 7, 8 * 10
    assert model_bytes(config(), TrialSize(MODEL)) == WEIGHTS + samples + 2 * slots * 50
    assert model_bytes(config(), TrialSize(MODEL, num_items=30)) == WEIGHTS + samples + 30 * 50
    assert model_bytes(config(), TrialSize(MODEL, num_users=3)) == WEIGHTS + 3 * 7 + 60 * 50


def test_micro_batches_bound_the_items_in_memory() -> None:
    micro = config(training={"batch_size": 8, "micro_items": 5})
    assert model_bytes(micro, TrialSize(MODEL)) == WEIGHTS + 8 * 7 + 5 * 50


def softmax_bytes(num_candidates: int, block: int = 2**18) -> int:
    """A block of scores and two gradients, for 8 users of 9 positions."""
    return 4 * (block + config().model.dim * (8 * 9 + num_candidates))


def test_the_in_batch_loss_draws_no_negatives_and_keeps_a_block_of_scores() -> None:
    ce = config(training={"batch_size": 8, "loss": "in_batch_ce"})
    expected = WEIGHTS + 8 * 7 + 80 * 50 + softmax_bytes(80)
    assert model_bytes(ce, TrialSize(MODEL)) == expected


def test_the_loss_over_the_catalogue_encodes_all_items_and_keeps_64_rows_of_scores() -> None:
    ce = config(training={"batch_size": 8, "loss": "full_ce"})
    loss = softmax_bytes(100_000, block=64 * 100_000)
    expected = WEIGHTS + 8 * 7 + 100_000 * 50 + loss
    assert model_bytes(ce, TrialSize(MODEL, num_items=100_000)) == expected
    assert model_bytes(ce, TrialSize(MODEL)) == WEIGHTS + 8 * 7 + 80 * 50


def test_sampled_negatives_are_items_of_each_target_or_of_the_batch() -> None:
    each = config(training={"batch_size": 8, "loss": "gbce", "negatives": 3})
    assert model_bytes(each, TrialSize(MODEL)) == WEIGHTS + 8 * 7 + (1 + 3) * 80 * 50
    sampled = {"loss": "sampled_ce", "negatives": 30, "shared_negatives": True}
    shared = config(training={"batch_size": 8, **sampled})
    expected = WEIGHTS + 8 * 7 + (80 + 30) * 50 + softmax_bytes(30)
    assert model_bytes(shared, TrialSize(MODEL)) == expected


def test_a_sample_of_dssm_is_a_pair_of_two_items() -> None:
    dssm = config(model={"kind": "dssm"})
    assert model_bytes(dssm, TrialSize(MODEL, num_users=3)) == WEIGHTS + 8 * 7 + 16 * 50


def test_the_host_holds_process_inputs_and_windows_and_without_a_gpu_the_model() -> None:
    size = TrialSize(MODEL, num_users=10, num_items=30, input_bytes=123)
    around = PROCESS_BYTES + 123 + 10 * (9 + 3) * 32
    on_cpu = around + model_bytes(config(), size)
    assert host_bytes(config(), size, on_gpu=False) == on_cpu
    assert host_bytes(config(), size, on_gpu=True) == around + CUDA_BYTES + 2 * 4 * 1000
    assert host_bytes(config(), TrialSize(None), on_gpu=False) == PROCESS_BYTES
    image = config({"image": {"name": "resnet18", "trainable_layers": "all"}})
    assert host_bytes(image, size, on_gpu=False) == around + 2 * model_bytes(image, size)


def test_memory_depends_on_the_batch_and_not_on_learning_rate_seed_or_epochs() -> None:
    same = {
        "seed": 5,
        "optim": {"lr": 0.1},
        "evaluation": {"test": True},
        "training": {"batch_size": 8, "max_epochs": 3, "patience": 2},
    }
    assert memory_shape(config(**same)) == memory_shape(config())
    assert memory_shape(config(training={"batch_size": 16})) != memory_shape(config())


def test_memory_is_estimated_once_and_later_the_largest_measured_peak(tmp_path) -> None:
    conductor, asked = conductor_of(tmp_path), []

    def estimate(arm: str, config: TrialConfig) -> int:
        asked.append(arm)
        return 1000

    estimates = MemoryEstimates(conductor.results, estimate)
    job = conductor.next_job()
    assert [estimates.of(job.arm, job.config) for _ in range(2)] == [TrialMemory(1000, False)] * 2
    assert asked == [job.arm]
    for peak in (300, 500, 400):
        cost = COST.model_copy(update={"peak_memory_bytes": peak})
        conductor.finish(end(job).model_copy(update={"cost": cost}))
        while (following := conductor.next_job()).arm != job.arm:
            conductor.finish(end(following))
        job = following
    assert estimates.of(job.arm, job.config) == TrialMemory(500, True)
    assert asked == [job.arm]


def test_on_a_gpu_the_hosts_peak_counts_and_an_unknown_peak_is_no_measurement(
    tmp_path,
) -> None:
    conductor = conductor_of(tmp_path)
    estimates = MemoryEstimates(conductor.results, lambda arm, config: 1000)
    on_gpu = {"memory_kind": "GPU allocated", "peak_memory_bytes": 9000}
    first, second = conductor.next_job(), conductor.next_job()
    cost = COST.model_copy(update=on_gpu | {"peak_host_bytes": 700})
    conductor.finish(end(first).model_copy(update={"cost": cost}))
    conductor.finish(end(second).model_copy(update={"cost": COST.model_copy(update=on_gpu)}))
    assert estimates.of(first.arm, first.config) == TrialMemory(700, True)
    assert estimates.of(second.arm, second.config) == TrialMemory(1000, False)
