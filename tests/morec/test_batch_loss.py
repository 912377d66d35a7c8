"""A batch's loss from its slots; workers' parts of it; the precision of its forward pass."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from morec.batch_loss import BatchLoss
from morec.data.dataset import Dataset
from morec.losses.inputs import LossInputs
from morec.losses.table import LOSSES
from morec.models.recommender import Samples
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.test_trainer import loss_by_slots
from tests.morec.tiny_trainers import trainer_of
from tests.morec.tiny_trials import DSSM, TRAINED_TEXT, TRAININGS, tiny_config


class Apart(Workers):
    """One of several workers who waits for no other: it encodes all items."""

    def encode_shares(self, encode: Callable[[Tensor], Tensor], ids_U: Tensor) -> Tensor:
        return encode(ids_U)


def trainer_with(training: dict[str, Any], dataset: Dataset, folder: Path) -> Trainer:
    """In fp64 and without dropout; batches of 7 users."""
    config = tiny_config(model={"dropout": 0.0}, training=training | {"batch_size": 7})
    trainer = trainer_of(config, dataset, folder)
    trainer.recommender.double().train()
    return trainer


def part_of(trainer: Trainer, workers: Workers) -> BatchLoss:
    training = trainer.config.training
    return BatchLoss(trainer.recommender, training, trainer.log_popularity_N1, workers)


def gradients(trainer: Trainer, loss: Tensor) -> list[Tensor]:
    """Of every parameter; zeros where the loss does not depend on it."""
    parameters = list(trainer.recommender.parameters())
    if not loss.requires_grad:
        return [torch.zeros_like(one) for one in parameters]
    found = torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True)
    pairs = zip(found, parameters, strict=True)
    return [torch.zeros_like(p) if one is None else one for one, p in pairs]


def first_users(trainer: Trainer, num_users: int) -> Samples:
    """Of the next batch; the first user has fewer items than the others."""
    samples = Samples.of(next(trainer.batches()))[:num_users]
    items_BL1 = samples.items_BL1.clone()
    items_BL1[0, :3] = 0
    is_target_BT = samples.is_target_BT & (items_BL1[:, :-1] > 0)
    negatives_BTK = samples.negatives_BTK * is_target_BT[:, :, None]
    return replace(
        samples, items_BL1=items_BL1, is_target_BT=is_target_BT, negatives_BTK=negatives_BTK
    )


@pytest.mark.parametrize("name", TRAININGS)
def test_the_parts_of_all_workers_add_up_to_the_loss_and_gradient_slot_by_slot(
    name: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_with(TRAININGS[name], tiny_dataset, tmp_path)
    samples = first_users(trainer, 4)
    expected = loss_by_slots(
        trainer.recommender, samples, trainer.log_popularity_N1, TRAININGS[name]
    )
    for size in (1, 3):
        parts = [part_of(trainer, Apart(rank, size))(samples) for rank in range(size)]
        assert sum(part.item() for part in parts) == pytest.approx(expected.item(), abs=1e-12)
        summed = [
            sum(ones) for ones in zip(*(gradients(trainer, one) for one in parts), strict=True)
        ]
        torch.testing.assert_close(summed, gradients(trainer, expected), rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["bce", "full_ce"])
def test_a_single_target_is_a_mean_of_one_and_none_is_a_loss_of_zero(
    name: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_with(TRAININGS[name], tiny_dataset, tmp_path)
    samples = first_users(trainer, 2)
    whole = part_of(trainer, Workers())
    alone = []
    for place in samples.is_target_BT.nonzero().tolist():
        only_BT = torch.zeros_like(samples.is_target_BT)
        only_BT[tuple(place)] = True
        alone.append(whole(replace(samples, is_target_BT=only_BT)).item())
    assert len(alone) == 3 + 6
    assert whole(samples).item() == pytest.approx(sum(alone) / len(alone), abs=1e-12)
    none_BT = torch.zeros_like(samples.is_target_BT)
    assert whole(replace(samples, is_target_BT=none_BT)).item() == 0.0


@pytest.mark.parametrize("name", ["bce", "gbce shared", "in_batch_ce", "full_ce"])
def test_a_worker_without_users_has_no_loss_but_encodes_items_that_others_wait_for(
    name: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    encoded: list[int] = []

    class Counting(Apart):
        def encode_shares(self, encode: Callable[[Tensor], Tensor], ids_U: Tensor) -> Tensor:
            encoded.append(len(ids_U))
            return encode(ids_U)

    trainer = trainer_with(TRAININGS[name], tiny_dataset, tmp_path)
    samples = Samples.of(next(trainer.batches()))[:2]
    part = part_of(trainer, Counting(2, 3))
    loss = part(samples)
    assert (loss.shape, loss.item()) == ((), 0.0)
    assert all((gradient == 0).all() for gradient in gradients(trainer, loss))
    ids = set(samples.encoded_ids().tolist()) - {0}
    assert encoded == ([len(ids)] if part.needs.shared_items else [])
    assert loss.requires_grad == part.needs.shared_items


class Seen:
    """What a loss was given."""

    def __init__(self, part: BatchLoss, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inputs: list[LossInputs] = []
        compute = part._compute

        def remembered(inputs: LossInputs) -> Tensor:
            self.inputs.append(inputs)
            return compute(inputs)

        monkeypatch.setattr(part, "_compute", remembered)


@pytest.mark.parametrize(("loss", "weight"), [("bce", 0.5), ("gbce", 1.0)])
def test_a_user_encoder_weighs_the_losses_that_it_names(
    loss: str,
    weight: float,
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dssm's bce is one mean over positives and negatives, as in its paper."""
    trainer = trainer_of(tiny_config(model=DSSM, training={"loss": loss}), tiny_dataset, tmp_path)
    seen = Seen(trainer.loss, monkeypatch)
    found = trainer.loss(Samples.of(next(trainer.batches())))
    (inputs,) = seen.inputs
    assert found.item() == pytest.approx(weight * LOSSES[loss].compute(inputs).item())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("loss", ["bce", "in_batch_ce"])
def test_the_forward_pass_has_the_precision_of_the_trial_and_the_loss_at_least_fp32(
    loss: str,
    precision: str,
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where torch would take another precision by default, as it does on a GPU."""
    config = tiny_config(item=TRAINED_TEXT, training={"loss": loss, "precision": precision})
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    seen, during = Seen(trainer.loss, monkeypatch), []
    before = torch.get_autocast_dtype("cpu")
    trainer.recommender.register_forward_pre_hook(
        lambda *_: during.append(
            torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else None
        )
    )
    torch.set_autocast_dtype("cpu", torch.float16)
    try:
        trainer.loss(Samples.of(next(trainer.batches())))
    finally:
        torch.set_autocast_dtype("cpu", before)
    assert during == [torch.bfloat16 if precision == "bf16" else None]
    (inputs,) = seen.inputs
    assert inputs.states_PD.dtype == inputs.vectors_UD.dtype == torch.float32
    is_rounded = inputs.vectors_UD.bfloat16().float().equal(inputs.vectors_UD)
    assert is_rounded == (precision == "bf16")
