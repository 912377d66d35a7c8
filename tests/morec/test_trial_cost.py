"""What a trial's record says of its cost, and that measuring it changes no number."""

from pathlib import Path
from typing import Any

import pytest
import torch

from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.results import TrialStatus
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.tiny_trials import TRAINED_TEXT, run, tiny_config

THREE_EPOCHS = {"max_epochs": 3}
TRAINED_IMAGE = {
    "image": {"name": "test_resnet", "pretrained": False, "trainable_layers": "all", "size": 16}
}


def test_a_trial_says_what_it_cost(tiny_dataset: Dataset, tmp_path: Path) -> None:
    result = run(tiny_config(training=THREE_EPOCHS), tiny_dataset, tmp_path)
    cost = result.cost
    assert cost is not None
    id_table, user_encoder = 31 * 8, 2 * (12 * 8**2 + 9 * 8) + 6 * 8 + 2 * 8
    assert cost.params_total == cost.params_trainable == id_table + user_encoder
    macs_per_user = 2 * (6 * 12 * 8**2 + 2 * 6**2 * 8)
    assert cost.forward_macs_paper == cost.forward_macs_run == macs_per_user
    assert cost.uncounted_ops == ()
    train_s = [record.train_s for record in result.epochs]
    assert (cost.first_epoch_s, cost.epoch_s) == (train_s[0], sum(train_s[1:]) / 2)
    assert cost.eval_s == sorted(record.eval_s for record in result.epochs)[1]
    assert sum(train_s) < cost.total_s < 60
    assert cost.memory_kind == "process resident set"
    assert cost.micro_items is None


@pytest.mark.parametrize("item", [{"id": True}, TRAINED_IMAGE], ids=["id", "image with BatchNorm"])
def test_measuring_the_cost_changes_no_number(
    item: dict[str, Any], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """A trial's epoch is that of a trainer alone: no batch drawn, no running statistics moved."""
    config = tiny_config(item=item, training={"max_epochs": 1})
    store = ArtefactStore(tmp_path / "alone")
    trainer = Trainer(config, tiny_dataset, store, workers=Workers(), device=torch.device("cpu"))
    loss = trainer.train_epoch()
    result = run(config, tiny_dataset, tmp_path)
    assert (result.epochs[0].train_loss, result.valid) == (loss, trainer.evaluate("valid"))


def test_one_epoch_has_no_typical_duration(tiny_dataset: Dataset, tmp_path: Path) -> None:
    cost = run(tiny_config(training={"max_epochs": 1}), tiny_dataset, tmp_path).cost
    assert cost is not None
    assert cost.first_epoch_s is not None
    assert cost.epoch_s is None


def test_really_encoded_items_cost_less_than_the_papers_slots(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(item=TRAINED_TEXT, training={"max_epochs": 1, "batch_size": 32})
    cost = run(config, tiny_dataset, tmp_path).cost
    assert cost is not None
    assert cost.forward_macs_paper is not None
    assert cost.forward_macs_run is not None
    assert 0 < cost.forward_macs_run < cost.forward_macs_paper / 3


def test_the_record_says_how_many_items_were_encoded_together(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(item=TRAINED_TEXT, training={"micro_items": 5})
    result = run(config, tiny_dataset, tmp_path)
    assert result.status is TrialStatus.COMPLETED
    assert result.cost is not None
    assert result.cost.micro_items == 5
