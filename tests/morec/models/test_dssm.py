"""DSSM against the paper's definition, pair by pair."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.models.dssm import DSSM
from morec.models.recommender import Samples
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.data.hand_made import windows_of
from tests.morec.tiny_trials import FROZEN_TEXT, TRAINED_TEXT, tiny_config

CPU = torch.device("cpu")
ITEMS: dict[str, dict[str, Any]] = {
    "id": {"id": True},
    "frozen text": FROZEN_TEXT,
    "trained text": TRAINED_TEXT,
}


def trainer_of(dataset: Dataset, folder: Path, item: str = "id", **model: Any) -> Trainer:
    config = tiny_config(
        item=ITEMS[item],
        model={"kind": "dssm", "dropout": 0.0, **model},
        training={"batch_size": 32},
    )
    return Trainer(config, dataset, ArtefactStore(folder), workers=Workers(), device=CPU)


def tower(vector_D: Tensor, layers: nn.Sequential) -> Tensor:
    for layer in layers:
        linear = layer[1]
        vector_D = F.gelu(linear.weight @ vector_D + linear.bias)
    return vector_D


def test_the_user_tower_is_the_embedding_and_its_layers() -> None:
    model = DSSM(dim=4, num_users=3, num_layers=2, dropout=0.0)
    states_B1D = model(
        torch.zeros(2, 0, 4), torch.zeros(2, 0, dtype=torch.bool), torch.tensor([2, 0])
    )
    expected = [tower(model.embedding.weight[user], model.dnn) for user in (2, 0)]
    torch.testing.assert_close(states_B1D[:, 0], torch.stack(expected))


def test_the_user_is_the_same_whatever_the_history() -> None:
    model, users_B = DSSM(dim=4, num_users=3, num_layers=0, dropout=0.0), torch.tensor([2, 0])
    for length in (0, 1, 5):
        is_item_BL = torch.ones(2, length, dtype=torch.bool)
        states_B1D = model(torch.randn(2, length, 4), is_item_BL, users_B)
        assert torch.equal(states_B1D, model.embedding.weight[users_B][:, None])


def test_everything_starts_xavier_normal() -> None:
    model = DSSM(dim=256, num_users=500, num_layers=1, dropout=0.0)
    assert model.embedding.weight.std().item() == pytest.approx((2 / 756) ** 0.5, rel=0.02)
    assert model.dnn[0][1].weight.std().item() == pytest.approx((2 / 512) ** 0.5, rel=0.02)
    assert not model.dnn[0][1].bias.any()


def loss_by_pairs(trainer: Trainer, pairs: list[tuple[int, int, int]]) -> Tensor:
    """One mean over both logits of every (user, positive, negative)."""
    model = trainer.recommender
    users, items = model.user_encoder, model.item_encoder.parts
    losses = []
    for user, positive, negative in pairs:
        state = tower(users.embedding.weight[user], users.dnn)
        for item, label in ((positive, 1.0), (negative, 0.0)):
            if "id" in items:
                vector = tower(items["id"].embedding.weight[item], items["id"].dnn)
            else:
                vector = items["text"](torch.tensor([item]))[0]
            score = state @ vector
            losses.append(-(label * score.sigmoid().log() + (1 - label) * (-score).sigmoid().log()))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("num_layers", [0, 2])
def test_a_step_is_the_papers_loss_and_gradient(
    item: str, num_layers: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_dataset, tmp_path, item, mlp_layers=num_layers)
    trainer.recommender.double()
    for module in trainer.recommender.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    batch = next(trainer.batches())
    columns = (batch.users_B, batch.items_BL1[:, 0], batch.negatives_BTK[:, 0, 0])
    expected = loss_by_pairs(trainer, list(zip(*(c.tolist() for c in columns), strict=True)))
    parameters = [p for p in trainer.recommender.parameters() if p.requires_grad]
    wanted = torch.autograd.grad(expected, parameters)
    assert trainer.step(Samples.of(batch)).item() == pytest.approx(expected.item(), abs=1e-12)
    for parameter, gradient in zip(parameters, wanted, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-10)


def test_an_epoch_shows_every_train_interaction_once(tiny_dataset: Dataset, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_dataset, tmp_path)
    batches = list(trainer.batches())
    shown = sorted(
        (user, item)
        for batch in batches
        for user, item in zip(batch.users_B.tolist(), batch.items_BL1[:, 0].tolist(), strict=True)
    )
    windows = windows_of(tiny_dataset)
    assert shown == sorted((u, item) for u, window in enumerate(windows) for item in window[:-2])
    assert {len(batch.users_B) for batch in batches[:-1]} == {32}


@pytest.mark.parametrize("split", ["valid", "test"])
def test_evaluation_ranks_by_the_towers_alone(
    split: Any, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_dataset, tmp_path, mlp_layers=1)
    trainer.train_epoch()
    trainer.recommender.double()
    users, items = trainer.recommender.user_encoder, trainer.recommender.item_encoder.parts["id"]
    all_items = range(1, tiny_dataset.num_items + 1)
    vectors = {i: tower(items.embedding.weight[i], items.dnn).detach() for i in all_items}
    ranks = []
    for user, window in enumerate(windows_of(tiny_dataset)):
        *history, target = window[:-1] if split == "valid" else window
        state = tower(users.embedding.weight[user], users.dnn).detach()
        scores = {item: float(state @ vector) for item, vector in vectors.items()}
        others = set(all_items) - set(history) - {target}
        ranks.append(1 + sum(scores[item] >= scores[target] for item in others))
    assert trainer.evaluate(split).ranks.tolist() == np.array(ranks).tolist()
