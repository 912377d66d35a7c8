"""Nothing in a step or in evaluation waits for the device.

On the meta device no tensor has values: what asks for one raises, and so does an operation on
tensors of two devices. A GPU would wait for the first, and refuse the second.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from morec.batch_loss import BatchLoss
from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.data.splits import evaluation_batches
from morec.models.recommender import Recommender, Samples
from morec.placement import beside
from tests.morec.tiny_trainers import ALONE, ITEMS, trainer_of
from tests.morec.tiny_trials import FROZEN_TEXT, OTHER_MODELS, TRAINED_TEXT, TRAININGS, tiny_config

META = torch.device("meta")
MODELS: dict[str, dict[str, Any]] = {"sasrec": {}} | {one["kind"]: one for one in OTHER_MODELS}
WORDS = {"name": "word-average", "pretrained": False, "trainable_layers": "all"}
CNN = WORDS | {"name": "text-cnn"}
IMAGE = {"name": "tiny-random-mae", "pretrained": False, "size": 32, "trainable_layers": "all"}
MORE_ITEMS: dict[str, dict[str, Any]] = {
    "mean": {"text": TRAINED_TEXT["text"] | {"pooling": "mean"}},
    "last": {"text": TRAINED_TEXT["text"] | {"pooling": "last"}},
    "top layer": {"text": TRAINED_TEXT["text"] | {"trainable_layers": 1}},
    "lora": {"text": TRAINED_TEXT["text"] | {"lora": {}}},
    "shuffled": {"text": TRAINED_TEXT["text"] | {"control": "shuffle"}},
    "constant": {
        "id": True,
        "text": TRAINED_TEXT["text"] | {"control": "constant"},
        "fusion": "add",
    },
    "noise": {"text": FROZEN_TEXT["text"] | {"control": "noise"}},
    "word-average": {"text": WORDS},
    "text-cnn": {"text": CNN},
    "side": {"text": FROZEN_TEXT["text"] | {"side": {"width": 4}}},
    "id from text": {
        "id": True,
        "id_init": {**FROZEN_TEXT, "freeze": True},
        **FROZEN_TEXT,
        "fusion": "add",
    },
    "id near text": {"id": True, "id_init": {**FROZEN_TEXT, "max_distance": 0.5}},
    "image": {"image": IMAGE},
}


def step(config: TrialConfig, dataset: Dataset, folder: Path) -> Recommender:
    """Loss and gradients of a batch on the meta device; returns the recommender there."""
    trainer = trainer_of(config, dataset, folder)
    recommender = trainer.recommender.to(META).train()
    popularity_N1 = trainer.log_popularity_N1.to(META)
    batch_loss = BatchLoss(recommender, config.training, popularity_N1, ALONE)
    loss = batch_loss(Samples.of(next(trainer.batches())))
    loss.backward()
    assert loss.is_meta
    gradients = [p.grad for p in recommender.parameters() if p.grad is not None]
    assert gradients and all(gradient.is_meta for gradient in gradients)
    return recommender


@pytest.mark.parametrize("loss", TRAININGS)
def test_no_loss_reads_a_value_of_the_device(
    loss: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    step(tiny_config(training=TRAININGS[loss]), tiny_dataset, tmp_path)


@pytest.mark.parametrize("model", MODELS)
def test_no_model_reads_a_value_of_the_device(
    model: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    recommender = step(tiny_config(model=MODELS[model]), tiny_dataset, tmp_path).eval()
    catalogue_N1D = recommender.encode_catalogue()
    for batch in evaluation_batches(tiny_dataset, "valid", 16):
        inputs_BL, users_B = map(torch.from_numpy, (batch.inputs_BL, batch.users_B))
        vectors_BD = recommender.user_vectors(inputs_BL, users_B, catalogue_N1D)
        assert vectors_BD.is_meta and vectors_BD.shape == (len(users_B), 8)


@pytest.mark.parametrize("item", ITEMS | MORE_ITEMS)
@pytest.mark.parametrize("micro_items", [None, 5])
def test_no_item_encoder_reads_a_value_of_the_device(
    item: str, micro_items: int | None, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Whether a batch's items are encoded together or in chunks."""
    config = tiny_config(item=(ITEMS | MORE_ITEMS)[item], training={"micro_items": micro_items})
    recommender = step(config, tiny_dataset, tmp_path).eval()
    assert recommender.encode_catalogue().is_meta


def test_a_value_that_is_asked_for_would_be_noticed() -> None:
    values = torch.ones(3, device=META)
    for ask in (torch.Tensor.nonzero, torch.Tensor.item, torch.unique, torch.bincount):
        with pytest.raises((RuntimeError, NotImplementedError)):
            ask(values)  # type: ignore[operator]
    with pytest.raises(RuntimeError):
        torch.ones(3) * values


def test_what_is_brought_to_the_host_itself_is_not_copied() -> None:
    values = torch.arange(3)
    assert beside(values, torch.zeros(1)) is values
    assert beside(values, torch.zeros(1, device=META)).is_meta
