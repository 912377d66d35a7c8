"""One epoch and one evaluation against the paper's definitions, spelled out slot by slot."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn

from morec.checkpoints import random_states
from morec.data.dataset import Dataset
from morec.errors import DataError, DivergedError
from morec.models.batches import TrainBatch
from morec.models.recommender import Recommender, Samples
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.losses.formulas import Position, loss_at
from tests.morec.tiny_trainers import (
    ITEMS,
    ONE_STEP,
    affordable,
    gradients_of,
    trainer_of,
    without_dropout,
)
from tests.morec.tiny_trials import OTHER_MODELS, TRAININGS, tiny_config


def next_batch(trainer: Trainer) -> TrainBatch:
    """The batch the next epoch begins with; it is still to be drawn."""
    state = trainer.generator.bit_generator.state
    batch = next(trainer.batches())
    trainer.generator.bit_generator.state = state
    return batch


def test_a_trainer_refuses_data_without_a_training_target(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    offsets_U1 = np.arange(11) * 3
    items = tiny_dataset.item_ids[:30]
    short = replace(tiny_dataset, num_users=10, offsets_U1=offsets_U1, item_ids=items)
    with pytest.raises(DataError, match=r"^no training target is left: of all 10 users"):
        trainer_of(tiny_config(), short, tmp_path)


# ---- the loss, slot by slot


def loss_by_slots(
    model: Recommender, samples: Samples, log_popularity: Tensor, training: dict[str, Any]
) -> Tensor:
    """The released code's way: slot by slot, padding too, and position by position.

    An item is encoded alone, and only once, since this takes most of the time.
    """
    items_BL1 = samples.items_BL1
    zero = torch.zeros(model.user_encoder.positions.embedding_dim).double()

    @cache
    def vector(item: int) -> Tensor:
        return model.item_encoder(torch.tensor([item]))[0] if item else zero

    rows = [torch.stack([vector(item) for item in row]) for row in items_BL1.tolist()]
    inputs_BLD = torch.stack(rows)[:, :-1]
    is_item_BL = items_BL1[:, :-1] > 0
    states_BLD = model.user_encoder(inputs_BLD, is_item_BL, torch.zeros(1).long())
    scored_ND = model.item_encoder(torch.arange(1, model.num_items + 1))
    terms = [
        loss_at(
            Position(
                score=lambda item, u=u, p=p: states_BLD[u, p] @ scored_ND[item - 1],
                target=int(items_BL1[u, p + 1]),
                own=frozenset(items_BL1[u].tolist()) - {0},
                negatives=samples.negatives_BTK[u, p].tolist(),
                shared=samples.shared_M.tolist(),
                batch_items=items_BL1.flatten().tolist(),
                popularity=log_popularity.double().exp().tolist(),
                num_items=model.num_items,
            ),
            training,
        )
        for u, p in is_item_BL.nonzero().tolist()
    ]
    return torch.stack(terms).mean()


def loss_of_next_batch(trainer: Trainer, model: Recommender, loss: str) -> Tensor:
    samples = Samples.of(next_batch(trainer))
    return loss_by_slots(model, samples, trainer.log_popularity_N1, TRAININGS[loss])


@pytest.fixture(scope="module")
def few_users(tiny_dataset: Dataset) -> Dataset:
    """A third of the users, with all items."""
    offsets_U1 = tiny_dataset.offsets_U1[:14]
    items = tiny_dataset.item_ids[: offsets_U1[-1]]
    return replace(tiny_dataset, num_users=13, offsets_U1=offsets_U1, item_ids=items)


@pytest.mark.parametrize(("loss", "item"), affordable())
def test_a_step_is_the_papers_loss_and_gradient(
    loss: str, item: str, few_users: Dataset, tmp_path: Path
) -> None:
    """In the second step as in the first: nothing is left over from the step before."""
    config = tiny_config(
        item=ITEMS[item], model={"dropout": 0.0}, training=ONE_STEP | TRAININGS[loss]
    )
    trainer = trainer_of(config, few_users, tmp_path)
    trainer.recommender.double()
    without_dropout(trainer.recommender)
    for _ in range(2):
        model = deepcopy(trainer.recommender).train()
        expected = loss_of_next_batch(trainer, model, loss)
        expected.backward()
        assert trainer.train_epoch() == pytest.approx(expected.item(), abs=1e-12)
        for (name, ours), theirs in zip(
            trainer.recommender.named_parameters(), model.parameters(), strict=True
        ):
            assert ours.grad is not None, name
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-10, msg=name)


def test_changing_one_negative_moves_loss_and_gradient(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """So that the equality above would notice it."""
    config = tiny_config(model={"dropout": 0.0}, training={"batch_size": 2})
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    model = trainer.recommender.double()
    nn.init.normal_(model.item_encoder.parts["id"].embedding.weight, std=0.5)
    samples = Samples.of(next_batch(trainer))
    changed_BTK = samples.negatives_BTK.clone()
    changed_BTK[0, -1] = changed_BTK[0, -1] % tiny_dataset.num_items + 1
    losses, gradients = [], []
    for one in (samples, replace(samples, negatives_BTK=changed_BTK)):
        loss = loss_by_slots(model, one, trainer.log_popularity_N1, TRAININGS["bce"])
        losses.append(loss.item())
        gradients.append(torch.autograd.grad(loss, list(model.item_encoder.parameters()))[0])
    assert abs(losses[0] - losses[1]) > 1e-3
    assert (gradients[0] - gradients[1]).abs().max() > 1e-2


def test_a_loss_that_no_table_has_is_an_error_and_not_bce(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config()
    training = config.training.model_copy(update={"loss": "bpr"})
    with pytest.raises(KeyError, match="bpr"):
        trainer_of(config.model_copy(update={"training": training}), tiny_dataset, tmp_path)


@pytest.mark.parametrize("loss", TRAININGS)
@pytest.mark.parametrize("model", OTHER_MODELS, ids=lambda model: model["kind"])
def test_every_model_trains_with_every_loss_but_pairs_with_none_that_needs_a_history(
    model: dict[str, Any], loss: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    sections = {"model": model | {"dropout": 0.0}, "training": ONE_STEP | TRAININGS[loss]}
    if model["kind"] == "dssm" and loss not in ("bce", "bce of 3", "gbce"):
        with pytest.raises(ValidationError, match="needs a model that reads the history"):
            tiny_config(**sections)
        return
    trainer = trainer_of(tiny_config(**sections), tiny_dataset, tmp_path)
    assert 0 < trainer.train_epoch() < 10
    gradients = gradients_of(trainer)
    assert all(gradient.isfinite().all() for gradient in gradients.values())
    assert gradients["item_encoder.parts.id.embedding.weight"].abs().max() > 1e-4


def test_popularity_is_the_share_of_train_interactions(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    trained = trainer.samples.trained_UL1[trainer.samples.trained_UL1 > 0].tolist()
    shares = [trained.count(item) / len(trained) for item in range(1, tiny_dataset.num_items + 1)]
    expected = np.log([1.0, *(share or 1.0 for share in shares)])
    np.testing.assert_allclose(trainer.log_popularity_N1, expected, rtol=1e-6)


def test_a_batch_of_users_with_a_single_train_item_has_a_loss_of_zero(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Of five users only the last has a target, so two of three batches have none."""
    short = replace(
        tiny_dataset,
        num_users=5,
        offsets_U1=np.array([0, 3, 6, 9, 12, 17]),
        item_ids=np.arange(1, 18, dtype=np.int32),
    )
    for training in TRAININGS.values():
        config = tiny_config(training={"batch_size": 2, **training})
        trainer = trainer_of(config, short, tmp_path)
        found = [
            (bool(batch.is_target_BT.any()), trainer.step(Samples.of(batch)).item() > 0)
            for batch in trainer.batches()
        ]
        assert sorted(found) == [(False, False), (False, False), (True, True)]


# ---- randomness


@pytest.mark.parametrize("item", ITEMS)
def test_an_epoch_is_the_same_whether_artefacts_were_made_or_found(
    item: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(item=ITEMS[item])
    losses = [trainer_of(config, tiny_dataset, tmp_path).train_epoch() for _ in ("made", "found")]
    assert losses[0] == losses[1]


def test_the_same_seed_gives_the_same_epochs_and_another_seed_others(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def losses(seed: int) -> list[float]:
        trainer = trainer_of(tiny_config(seed=seed), tiny_dataset, tmp_path)
        return [trainer.train_epoch() for _ in range(2)]

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)


def test_workers_share_weights_and_batches_but_no_dropout_mask_also_after_a_restart(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    state, later = trainer_of(tiny_config(), tiny_dataset, tmp_path).state(), []
    state["random"], weights, users = [], [], []
    for rank in (0, 1):
        trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path, Workers(rank, size=2))
        weights.append(trainer.recommender.state_dict())
        users.append(next_batch(trainer).users_B.tolist())
        state["random"].append(random_states(trainer.generator))
        later.append(torch.rand(3).tolist())
    assert later[0] != later[1]
    torch.testing.assert_close(*weights, rtol=0, atol=0)
    assert users[0] == users[1]
    for rank in (0, 1):
        trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path, Workers(rank, size=2))
        trainer.restore(state)
        assert torch.rand(3).tolist() == later[rank]


def test_a_restored_trainer_goes_on_to_the_same_epochs_as_the_saved_one(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Weights, the optimizer's moments, batches and dropout: each moves the next epochs."""
    saved = trainer_of(tiny_config(optim={"warmup_steps": 9}), tiny_dataset, tmp_path)
    saved.train_epoch()
    state = deepcopy(saved.state())
    expected = [saved.train_epoch() for _ in range(2)]
    other = trainer_of(tiny_config(optim={"warmup_steps": 9}), tiny_dataset, tmp_path)
    torch.rand(5)
    other.restore(state)
    assert [other.train_epoch() for _ in range(2)] == expected


def test_dropout_does_not_begin_with_the_numbers_that_made_the_weights(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer_of(tiny_config(seed=3), tiny_dataset, tmp_path)
    drawn = torch.rand(3)
    torch.manual_seed(3)
    assert not drawn.equal(torch.rand(3))


class Echoing(Workers):
    """One of two workers, which both take the whole batch: the same loss and gradient twice."""

    def share(self, num_rows: int) -> slice:
        return slice(num_rows)

    def sum(self, value: Tensor) -> Tensor:
        return value.mul_(2)

    def begin_sum(self, value: Tensor) -> Callable[[], object]:
        return partial(value.mul_, 2)


def test_a_step_sums_losses_and_gradients_over_workers_and_then_updates(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(model={"dropout": 0.0})
    alone, echoing = (
        trainer_of(config, tiny_dataset, tmp_path, workers)
        for workers in (Workers(), Echoing(0, 2))
    )
    before = deepcopy(alone.recommender.state_dict())
    samples = Samples.of(next_batch(alone))
    losses = [one.step(samples).item() for one in (alone, echoing)]
    assert losses[1] == 2 * losses[0] > 0
    twice = {name: 2 * gradient for name, gradient in gradients_of(alone).items()}
    torch.testing.assert_close(gradients_of(echoing), twice, rtol=0, atol=0)
    after = alone.recommender.state_dict()
    assert all(not after[name].equal(before[name]) for name in twice)


def test_evaluation_draws_nothing_and_trains_nothing(tiny_dataset: Dataset, tmp_path: Path) -> None:
    with_it, without = (trainer_of(tiny_config(seed=s), tiny_dataset, tmp_path) for s in (1, 1))
    torch.manual_seed(5)
    with_it.evaluate("valid")
    first = with_it.train_epoch()
    torch.manual_seed(5)
    assert without.train_epoch() == first


# ---- precision


@pytest.mark.parametrize(("loss", "item"), affordable(["id", "trained text"]))
def test_bf16_trains_to_nearly_the_loss_of_fp32(
    loss: str, item: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def trained(precision: str) -> Trainer:
        training = ONE_STEP | TRAININGS[loss] | {"precision": precision}
        config = tiny_config(item=ITEMS[item], model={"dropout": 0.0}, training=training)
        trainer = trainer_of(config, tiny_dataset, tmp_path)
        # The encoder's own dropout differs, and few shared negatives do not average it out.
        without_dropout(trainer.recommender)
        return trainer

    full, half = trained("fp32"), trained("bf16")
    assert half.train_epoch() == pytest.approx(full.train_epoch(), rel=0.05)
    assert all(p.dtype is torch.float32 for p in half.recommender.parameters())


@pytest.mark.parametrize("model", OTHER_MODELS, ids=lambda model: model["kind"])
def test_every_model_trains_in_bf16(
    model: dict[str, Any], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def loss(precision: str) -> float:
        config = tiny_config(model=model | {"dropout": 0.0}, training={"precision": precision})
        return trainer_of(config, tiny_dataset, tmp_path).train_epoch()

    assert loss("bf16") == pytest.approx(loss("fp32"), rel=0.05)


def test_a_loss_that_is_not_finite_is_a_divergence(tiny_dataset: Dataset, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_config(optim={"lr": 1e30}), tiny_dataset, tmp_path)
    with pytest.raises(DivergedError, match=r"^the training loss became (nan|inf)$"):
        trainer.train_epoch()
