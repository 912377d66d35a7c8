"""Training again: the record's numbers, and nothing is trained where a checkpoint is finished."""

from pathlib import Path

import pytest
import torch

from morec.checkpoints import Checkpoints
from morec.config.ensemble import weight_grid
from morec.data.dataset import Dataset
from morec.errors import DivergedError, TrialError
from morec.trainer import Trainer
from tests.morec.exports.exported import config_of, train
from tests.morec.tiny_trials import numbers, run


def test_it_gives_the_record_and_the_best_weights(tiny_dataset: Dataset, tmp_path: Path) -> None:
    record = run(config_of("frozen text"), tiny_dataset, tmp_path / "first")
    trial, again = train(config_of("frozen text"), tiny_dataset, tmp_path / "again")
    assert numbers(again) == numbers(record)
    state = Checkpoints(tmp_path / "first" / "checkpoints").load()
    assert state is not None
    (recommender,) = trial.recommenders
    assert not recommender.training and trial.weights == ()
    for name, value in recommender.state_dict().items():
        assert torch.equal(value, state["best_weights"][name])


@pytest.mark.parametrize("name", ["id", "late fusion"])
def test_a_finished_trial_is_read_and_not_trained(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    trial, before = train(config_of(name), tiny_dataset, tmp_path)

    def refuse(self: object) -> float:
        raise AssertionError("a finished trial was trained")

    monkeypatch.setattr(Trainer, "train_epoch", refuse)
    again, result = train(config_of(name), tiny_dataset, tmp_path)
    assert (result.test, result.valid) == (before.test, before.valid)
    assert again.weights == trial.weights


def test_the_members_and_weights_of_a_late_fusion_are_those_of_its_record(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trial, result = train(config_of("late fusion"), tiny_dataset, tmp_path)
    assert len(trial.recommenders) == 2
    assert result.best_epoch is not None
    assert trial.weights == weight_grid(2)[result.best_epoch - 1]
    for part, member in zip(trial.config.parts, trial.recommenders, strict=True):
        assert member.item_encoder.parts.keys() == set(part.item.parts)


def test_a_trial_that_diverges_has_no_model(
    tiny_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverge(self: object) -> float:
        raise DivergedError("the loss is nan")

    monkeypatch.setattr(Trainer, "train_epoch", diverge)
    with pytest.raises(TrialError, match="failed: epoch 1: the loss is nan"):
        train(config_of("id"), tiny_dataset, tmp_path)
