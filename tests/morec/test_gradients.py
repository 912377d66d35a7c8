"""Items encoded in chunks give the same gradient; running out of memory halves the chunks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from morec.data.dataset import Dataset
from morec.errors import SpecError
from morec.models.recommender import Samples
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.gpus import GPU, gpu_bytes, needs_gpu
from tests.morec.tiny_trainers import (
    ALONE,
    ITEMS,
    ONE_STEP,
    affordable,
    gradients_of,
    trainer_of,
    without_dropout,
)
from tests.morec.tiny_trials import TRAININGS, tiny_config


@pytest.mark.parametrize(("loss", "item"), affordable(["trained text", "id and text"]))
def test_encoding_items_in_chunks_gives_the_loss_and_gradient_of_all_together(
    loss: str, item: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def trained(**training: Any) -> tuple[float, dict[str, Tensor]]:
        training |= ONE_STEP | TRAININGS[loss]
        config = tiny_config(item=ITEMS[item], model={"dropout": 0.0}, training=training)
        trainer = trainer_of(config, tiny_dataset, tmp_path)
        trainer.recommender.double()
        without_dropout(trainer.recommender)
        return trainer.train_epoch(), gradients_of(trainer)

    whole, expected = trained()
    for micro_items in (1, 7, 10_000):
        in_chunks, found = trained(micro_items=micro_items)
        assert in_chunks == pytest.approx(whole, abs=1e-10)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


class Limited(nn.Module):
    """An ID table on a device with memory for the activations of a few items."""

    def __init__(self, inner: nn.Module, memory: int) -> None:
        super().__init__()
        self.inner = inner
        self.memory = memory

    def forward(self, items_N: Tensor) -> Tensor:
        if len(items_N) > self.memory:
            raise torch.OutOfMemoryError(f"no memory for {len(items_N)} items")
        vectors: Tensor = self.inner(items_N)
        return vectors


def limited(
    memory: int, dataset: Dataset, folder: Path, loss: str = "bce", workers: Workers = ALONE
) -> Trainer:
    config = tiny_config(model={"dropout": 0.0}, training=ONE_STEP | {"loss": loss})
    trainer = trainer_of(config, dataset, folder, workers)
    parts = trainer.recommender.item_encoder.parts
    parts["id"] = Limited(parts["id"], memory)
    return trainer


@pytest.mark.parametrize("loss", ["bce", "gbce", "in_batch_ce", "full_ce"])
def test_out_of_memory_halves_the_chunks_until_they_fit_and_keeps_the_batch(
    loss: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    ample, tight = (limited(memory, tiny_dataset, tmp_path, loss) for memory in (10_000, 5))
    assert tight.train_epoch() == pytest.approx(ample.train_epoch(), rel=1e-6)
    torch.testing.assert_close(gradients_of(tight), gradients_of(ample), rtol=0, atol=1e-6)
    assert ample.recommender.micro_items is None
    # A batch of all users has nearly all of the 30 items: 30 -> 15 -> 7 -> 3, or 29 -> 14 -> ...
    assert tight.recommender.micro_items == 3


@pytest.mark.parametrize(("before", "memory", "after"), [(2, 1, 1), (3, 1, 1), (8, 5, 4)])
def test_chunks_that_were_asked_for_are_halved_down_to_one_item(
    before: int, memory: int, after: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = limited(memory, tiny_dataset, tmp_path)
    trainer.recommender.micro_items = before
    trainer.gradients.compute(Samples.of(next(trainer.batches())))
    assert trainer.recommender.micro_items == after


def test_out_of_memory_with_a_batch_of_one_item_is_an_error(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = limited(0, tiny_dataset, tmp_path, "in_batch_ce")
    samples = Samples.of(next(trainer.batches()))
    alike = replace(samples, items_BL1=torch.full_like(samples.items_BL1, 7))
    with pytest.raises(torch.OutOfMemoryError, match=r"^no memory for 1 items$"):
        trainer.gradients.compute(alike)
    assert trainer.recommender.micro_items == 1


class Unheard(Workers):
    """One of two workers; nobody adds to its sums."""

    def begin_sum(self, value: Tensor) -> Callable[[], object]:
        return value.clone


def test_out_of_memory_halves_the_chunks_of_a_worker_that_shares_no_vectors(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = limited(5, tiny_dataset, tmp_path, "bce", Unheard(rank=0, size=2))
    trainer.gradients.compute(Samples.of(next(trainer.batches())))
    assert trainer.recommender.micro_items in (3, 4, 5)


def test_the_gradient_is_that_of_this_batch_alone(tiny_dataset: Dataset, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_config(model={"dropout": 0.0}), tiny_dataset, tmp_path)
    trainer.recommender.train()
    samples = Samples.of(next(trainer.batches()))
    losses, gradients = [], []
    for _ in range(2):
        loss = trainer.gradients.compute(samples)
        assert not loss.requires_grad
        losses.append(loss.item())
        gradients.append(gradients_of(trainer))
    assert losses[0] == losses[1]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0, atol=0)
    named = dict(trainer.recommender.named_parameters())
    expected = torch.autograd.grad(trainer.loss(samples), list(named.values()), allow_unused=True)
    torch.testing.assert_close(
        gradients[0],
        {name: one for name, one in zip(named, expected, strict=True) if one is not None},
        rtol=0,
        atol=0,
    )


def test_out_of_memory_with_one_item_is_an_error(tiny_dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(torch.OutOfMemoryError, match=r"^no memory for 1 items$"):
        limited(0, tiny_dataset, tmp_path).train_epoch()


def test_out_of_memory_ends_the_trial_where_other_workers_wait_for_vectors(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = limited(5, tiny_dataset, tmp_path, "in_batch_ce", Workers(rank=0, size=2))
    with pytest.raises(torch.OutOfMemoryError, match=r"^no memory for \d+ items$"):
        trainer.train_epoch()
    assert trainer.recommender.micro_items is None


def test_chunks_are_refused_where_items_are_normalised_together(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    image = {"name": "resnet18", "pretrained": False, "size": 32, "trainable_layers": "all"}
    config = tiny_config(item={"image": image}, training={"micro_items": 4})
    with pytest.raises(SpecError, match=r"^training\.micro_items: an item encoder with BatchNorm"):
        trainer_of(config, tiny_dataset, tmp_path)


def test_out_of_memory_ends_the_trial_where_items_are_normalised_together(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    image = {"name": "test_resnet", "pretrained": False, "size": 16, "trainable_layers": "all"}
    trainer = trainer_of(tiny_config(item={"image": image}), tiny_dataset, tmp_path)
    parts = trainer.recommender.item_encoder.parts
    parts["image"] = Limited(parts["image"], 5)
    with pytest.raises(torch.OutOfMemoryError, match=r"^no memory for \d+ items$"):
        trainer.gradients.compute(Samples.of(next(trainer.batches())))
    assert trainer.recommender.micro_items is None


class Hungry(nn.Module):
    """An ID table that takes a sixteenth of the GPU's memory per item, while it encodes."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, items_N: Tensor) -> Tensor:
        shape = (len(items_N), gpu_bytes() // 16)
        taken = torch.empty(shape, dtype=torch.uint8, device=items_N.device)
        del taken
        vectors: Tensor = self.inner(items_N)
        return vectors


@needs_gpu
def test_a_gpu_out_of_memory_halves_the_chunks_until_they_fit(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(model={"dropout": 0.0}, training=ONE_STEP)
    whole, hungry = (trainer_of(config, tiny_dataset, tmp_path, device=GPU) for _ in range(2))
    parts = hungry.recommender.item_encoder.parts
    parts["id"] = Hungry(parts["id"])
    assert hungry.train_epoch() == pytest.approx(whole.train_epoch(), rel=1e-5)
    torch.testing.assert_close(
        list(gradients_of(hungry).values()), list(gradients_of(whole).values()), rtol=0, atol=1e-5
    )
    assert whole.recommender.micro_items is None
    assert hungry.recommender.micro_items is not None
    assert 1 <= hungry.recommender.micro_items < 16
