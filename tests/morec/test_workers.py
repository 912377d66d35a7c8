"""Two workers train to the numbers of one; the second is a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from morec.data.dataset import Dataset, save_dataset
from morec.results import Evaluation, TrialResult
from morec.workers import Workers
from tests.morec import tiny_trials, two_workers
from tests.morec.tiny_trials import TRAININGS, run, stop_after, tiny_config

ROOT = Path(__file__).parents[2]


@given(st.integers(1, 5), st.integers(0, 20))
def test_every_row_is_one_workers_share(size: int, num_rows: int) -> None:
    shares = [list(range(num_rows))[Workers(rank, size).share(num_rows)] for rank in range(size)]
    assert sorted(chain.from_iterable(shares)) == list(range(num_rows))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_first_worker_writes_and_reports() -> None:
    assert [Workers(rank, 3).is_first for rank in range(3)] == [True, False, False]


def test_one_worker_needs_no_process_group() -> None:
    alone = Workers()
    assert not dist.is_initialized()
    assert alone.sum(torch.tensor(3.0)).item() == 3.0
    assert alone.gather("mine") == ["mine"]
    norm = nn.BatchNorm1d(1)
    norm(torch.tensor([[0.0], [2.0]]))
    alone.average_buffers(norm)
    assert norm.running_mean is not None
    assert norm.running_mean.item() == pytest.approx(0.1 * 1.0)
    alone.wait()


@pytest.fixture(scope="module")
def two(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What two real processes return: this one is the first, a script the second."""
    home = tmp_path_factory.mktemp("two_workers")
    save_dataset(tiny_dataset, home / "dataset")
    name = "continued by two"
    with pytest.raises(SystemExit):
        config = tiny_config(**two_workers.CONFIGS[name])
        run(config, tiny_dataset, home / name, report=stop_after(1))
    second = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("two_workers.py")), str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        mine = two_workers.work(two_workers.join(0, home), home, tiny_trials)
    finally:
        dist.destroy_process_group()
        _, complaints = second.communicate(timeout=60)
    assert second.returncode == 0, complaints
    yield home, (mine, json.loads((home / "second.json").read_text()))


def test_values_are_summed_gathered_and_averaged_over_workers(two) -> None:
    shares = [outcome["collectives"].pop("shares") for outcome in two[1]]
    assert [share["encoded"] for share in shares] == [[[1, 3, 5]], [[2, 4, 1]]]
    assert [share["vectors"] for share in shares] == [[10.0, 20.0, 30.0, 40.0, 50.0]] * 2
    both_losses = 1 + 2
    assert [share["gradient"] for share in shares] == [
        both_losses * (1 * 1 + 100 * 3 + 10000 * 5),
        both_losses * (10 * 2 + 1000 * 4),
    ]
    for outcome in two[1]:
        assert outcome["collectives"] == {
            "sum": 1.0 + 10.0,
            "gather": [{"rank": 0}, {"rank": 1}],
            "gradients": [[1.0 + 2.0] * 2, [5.0 + 0.0] * 2],
            "large gradient": [7.0 + 8.0],
            "running_mean": pytest.approx(0.1 * (1.0 + 2.0) / 2),
        }


@pytest.mark.parametrize("name", two_workers.CONFIGS)
def test_two_workers_train_what_one_trains(
    two, name: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    alone = run(tiny_config(**two_workers.CONFIGS[name]), tiny_dataset, tmp_path)
    for outcome in two[1]:
        result = TrialResult.model_validate_json(json.dumps(outcome[name]))
        assert result.num_starts == (2 if name == "continued by two" else 1)
        assert_same(result, alone)


@pytest.mark.parametrize("loss", TRAININGS)
def test_in_fp64_the_parts_sum_to_the_loss_and_gradient_of_one_worker(
    two, loss: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(**two_workers.in_fp64(TRAININGS[loss]))
    alone = two_workers.step_in_fp64(config, tiny_dataset, tmp_path, Workers())
    first, second = (outcome["in fp64"][loss] for outcome in two[1])
    parts = [part.pop("loss")[0] for part in (first, second)]
    assert sum(parts) == pytest.approx(alone.pop("loss")[0], abs=1e-12)
    assert min(map(abs, parts)) > 1e-3
    for name, gradient in alone.items():
        assert first[name] == second[name] == pytest.approx(gradient, abs=1e-12), name
    assert max(abs(value) for gradient in alone.values() for value in gradient) > 1e-3


def test_in_bf16_two_workers_differ_by_its_rounding(
    two, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    alone = run(tiny_config(**two_workers.IN_BF16), tiny_dataset, tmp_path)
    for outcome in two[1]:
        result = TrialResult.model_validate_json(json.dumps(outcome["in bf16"]))
        assert losses_of(result) == pytest.approx(losses_of(alone), rel=2**-8)


def test_one_worker_goes_on_where_two_stopped(two, tiny_dataset: Dataset, tmp_path: Path) -> None:
    config = tiny_config(**two_workers.BEGUN_BY_TWO)
    continued = run(config, tiny_dataset, two[0] / "begun by two")
    assert continued.num_starts == 2
    assert_same(continued, run(config, tiny_dataset, tmp_path))


def assert_same(result: TrialResult, alone: TrialResult) -> None:
    """Losses to 1e-5, which is how far sums in another order are apart, and ranks."""
    assert losses_of(result) == pytest.approx(losses_of(alone), abs=1e-5)
    assert result.best_epoch == alone.best_epoch
    assert_same_ranks(result.valid, alone.valid)
    assert_same_ranks(result.test, alone.test)
    ours, theirs = (one.test.kept_lists for one in (result, alone))
    assert ours.targets_V.tolist() == theirs.targets_V.tolist()
    # Two items whose scores are nearly equal may change places.
    assert (ours.items_VK != theirs.items_VK).mean() < 0.02


def assert_same_ranks(ours: Evaluation, theirs: Evaluation) -> None:
    """All of them, but for one target that changes places with an item of nearly its score."""
    moved_U = ours.ranks.astype(np.int64) - theirs.ranks.astype(np.int64)
    assert np.abs(moved_U).sum() <= 1
    counts = [(one.num_users, one.num_tied, one.num_forced_misses) for one in (ours, theirs)]
    assert counts[0] == counts[1]
    if not moved_U.any():
        assert without_lists(ours) == without_lists(theirs)


def without_lists(evaluation: Evaluation) -> Evaluation:
    return evaluation.model_copy(update={"kept_lists": None})


def losses_of(result: TrialResult) -> list[float]:
    return [record.train_loss for record in result.epochs]
