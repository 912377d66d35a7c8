"""One epoch and one evaluation against the paper's definitions, spelled out slot by slot."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from morec.config import TrialConfig
from morec.config.losses import OUR_LOSSES
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.errors import DivergedError, SpecError
from morec.models.batches import TrainBatch
from morec.models.recommender import Recommender
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.tiny_trials import FROZEN_TEXT, OTHER_MODELS, TRAINED_TEXT, tiny_config

CPU = torch.device("cpu")
ALONE = Workers()
ONE_STEP = {"batch_size": 64}
losses = pytest.mark.parametrize("loss", OUR_LOSSES)
ITEMS: dict[str, dict[str, Any]] = {
    "id": {"id": True},
    "frozen text": FROZEN_TEXT,
    "trained text": TRAINED_TEXT,
    "id and text": {"id": True, **FROZEN_TEXT, "fusion": "concat", "fusion_layers": 1},
}


def trainer_of(
    config: TrialConfig, dataset: Dataset, folder: Path, workers: Workers = ALONE
) -> Trainer:
    return Trainer(config, dataset, ArtefactStore(folder), workers=workers, device=CPU)


def next_batch(trainer: Trainer) -> TrainBatch:
    """The batch the next epoch begins with; it is still to be drawn."""
    state = trainer.generator.bit_generator.state
    batch = next(trainer.batches())
    trainer.generator.bit_generator.state = state
    return batch


def without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name in ("p", "dropout_p", "dropout_prob"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


# ---- the loss, slot by slot


def loss_by_slots(
    model: Recommender, items_BL1: Tensor, negatives_BL: Tensor, log_popularity: Tensor, loss: str
) -> Tensor:
    """The released code's loss: every slot encoded on its own, padding too."""
    zero = torch.zeros(model.user_encoder.positions.embedding_dim).double()

    def vector(item: int) -> Tensor:
        return model.item_encoder(torch.tensor([item]))[0] if item else zero

    rows = [torch.stack([vector(item) for item in row]) for row in items_BL1.tolist()]
    vectors_BL1D = torch.stack(rows)
    is_item_BL = items_BL1[:, :-1] > 0
    states_BLD = model.user_encoder(vectors_BL1D[:, :-1], is_item_BL, torch.zeros(1).long())
    places = (items_BL1[:, :-1] > 0).nonzero().tolist()
    if loss == "bce":
        positive = [states_BLD[u, p] @ vectors_BL1D[u, p + 1] for u, p in places]
        negative = [states_BLD[u, p] @ vector(int(negatives_BL[u, p])) for u, p in places]
        return _softplus(-torch.stack(positive)).mean() + _softplus(torch.stack(negative)).mean()
    terms = [_ce_term(states_BLD, vectors_BL1D, items_BL1, log_popularity, u, p) for u, p in places]
    return torch.stack(terms).mean()


def _softplus(scores: Tensor) -> Tensor:
    return scores.exp().log1p()


def _ce_term(
    states_BLD: Tensor, vectors_BL1D: Tensor, items_BL1: Tensor, log_p: Tensor, u: int, p: int
) -> Tensor:
    columns = items_BL1.flatten()
    is_own = torch.isin(columns, items_BL1[u]) | (columns == 0)
    target = u * items_BL1.shape[1] + p + 1
    is_own[target] = False
    scores = vectors_BL1D.flatten(0, 1) @ states_BLD[u, p] - log_p[columns]
    logits = scores.masked_fill(is_own, -1e4)
    return logits.logsumexp(0) - logits[target]


def loss_of_next_batch(trainer: Trainer, model: Recommender) -> Tensor:
    samples = trainer.to_device(next_batch(trainer))
    loss, log_popularity = trainer.config.training.loss, trainer.log_popularity_N1
    return loss_by_slots(model, samples.items_BL1, samples.negatives_BT, log_popularity, loss)


@losses
@pytest.mark.parametrize("item", ITEMS)
def test_a_step_is_the_papers_loss_and_gradient(
    loss: str, item: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """In the second step as in the first: nothing is left over from the step before."""
    config = tiny_config(
        item=ITEMS[item], model={"dropout": 0.0}, training=ONE_STEP | {"loss": loss}
    )
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    trainer.recommender.double()
    without_dropout(trainer.recommender)
    for _ in range(2):
        model = deepcopy(trainer.recommender).train()
        expected = loss_of_next_batch(trainer, model)
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
    samples = trainer.to_device(next_batch(trainer))
    items_BL1, negatives_BL = samples.items_BL1, samples.negatives_BT
    changed = negatives_BL.clone()
    changed[0, -1] = changed[0, -1] % tiny_dataset.num_items + 1
    losses, gradients = [], []
    for negatives in (negatives_BL, changed):
        loss = loss_by_slots(model, items_BL1, negatives, trainer.log_popularity_N1, "bce")
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


def test_popularity_is_the_share_of_train_interactions(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    trained = trainer.samples.trained_UL1[trainer.samples.trained_UL1 > 0].tolist()
    shares = [trained.count(item) / len(trained) for item in range(1, tiny_dataset.num_items + 1)]
    expected = np.log([1.0, *(share or 1.0 for share in shares)])
    np.testing.assert_allclose(trainer.log_popularity_N1, expected, rtol=1e-6)


def test_users_with_a_single_train_item_have_a_loss_of_zero(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    short = replace(
        tiny_dataset,
        num_users=3,
        offsets_U1=np.array([0, 3, 6, 9]),
        item_ids=np.arange(1, 10, dtype=np.int32),
    )
    for loss in OUR_LOSSES:
        config = tiny_config(training={"batch_size": 2, "loss": loss})
        assert trainer_of(config, short, tmp_path).train_epoch() == 0.0


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


def test_evaluation_draws_nothing_and_trains_nothing(tiny_dataset: Dataset, tmp_path: Path) -> None:
    with_it, without = (trainer_of(tiny_config(seed=s), tiny_dataset, tmp_path) for s in (1, 1))
    torch.manual_seed(5)
    with_it.evaluate("valid")
    first = with_it.train_epoch()
    torch.manual_seed(5)
    assert without.train_epoch() == first


# ---- the optimizer


def test_the_encoders_learning_rate_reaches_exactly_the_encoder(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(item=TRAINED_TEXT, optim={"lr": 0.01, "encoder_lr": 1e-4})
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    text = trainer.recommender.item_encoder.parts["text"]
    by_rate = {
        group["lr"]: {id(parameter) for parameter in group["params"]}
        for group in trainer.optimizer.adamw.param_groups
    }
    encoder = {id(parameter) for parameter in text.encoder.parameters()}
    everything = {id(parameter) for parameter in trainer.recommender.parameters()}
    assert by_rate == {1e-4: encoder, 0.01: everything - encoder}


def test_without_its_own_rate_the_encoder_has_the_rate_of_the_rest(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(item=TRAINED_TEXT), tiny_dataset, tmp_path)
    assert {group["lr"] for group in trainer.optimizer.adamw.param_groups} == {0.01}


def test_weight_decay_is_on_everything(tiny_dataset: Dataset, tmp_path: Path) -> None:
    config = tiny_config(item=TRAINED_TEXT, optim={"weight_decay": 0.25})
    groups = trainer_of(config, tiny_dataset, tmp_path).optimizer.adamw.param_groups
    assert [group["weight_decay"] for group in groups] == [0.25, 0.25]


def first_move(config: TrialConfig, dataset: Dataset, folder: Path) -> float:
    """The largest change of a weight in the first step; AdamW's is the learning rate."""
    trainer = trainer_of(config, dataset, folder)
    before = deepcopy(trainer.recommender)
    trainer.train_epoch()
    pairs = zip(trainer.recommender.parameters(), before.parameters(), strict=True)
    return max((after - then).abs().max().item() for after, then in pairs)


@pytest.mark.parametrize(("steps", "share"), [(0, 1.0), (1, 1.0), (4, 1 / 4)])
def test_warm_up_begins_with_a_share_of_the_rate(
    steps: int, share: float, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    optim = {"lr": 0.01, "weight_decay": 0.0, "warmup_steps": steps}
    config = tiny_config(optim=optim, training=ONE_STEP)
    assert first_move(config, tiny_dataset, tmp_path) == pytest.approx(0.01 * share, rel=1e-3)


def test_warm_up_is_linear_and_then_over(tiny_dataset: Dataset, tmp_path: Path) -> None:
    optim = {"lr": 0.01, "encoder_lr": 0.001, "warmup_steps": 4}
    config = tiny_config(item=TRAINED_TEXT, optim=optim, training=ONE_STEP)
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    rates = []
    for _ in range(6):
        rates.append([group["lr"] for group in trainer.optimizer.adamw.param_groups])
        trainer.train_epoch()
    expected = [1 / 4, 2 / 4, 3 / 4, 1, 1, 1]
    assert rates == [[pytest.approx(0.01 * s), pytest.approx(0.001 * s)] for s in expected]


def gradient_norm(clip_norm: float | None, dataset: Dataset, folder: Path) -> float:
    config = tiny_config(optim={"clip_norm": clip_norm}, training=ONE_STEP)
    trainer = trainer_of(config, dataset, folder)
    trainer.train_epoch()
    gradients = [p.grad.flatten() for p in trainer.recommender.parameters() if p.grad is not None]
    return torch.cat(gradients).norm().item()


def test_clipping_bounds_the_norm_of_the_whole_gradient(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    free = gradient_norm(None, tiny_dataset, tmp_path)
    assert gradient_norm(free / 10, tiny_dataset, tmp_path) == pytest.approx(free / 10, rel=1e-3)
    assert gradient_norm(free * 10, tiny_dataset, tmp_path) == pytest.approx(free, rel=1e-6)


# ---- precision


@losses
@pytest.mark.parametrize("item", ["id", "trained text"])
def test_bf16_trains_to_nearly_the_loss_of_fp32(
    loss: str, item: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def trained(precision: str) -> Trainer:
        training = {"loss": loss, "precision": precision}
        config = tiny_config(item=ITEMS[item], model={"dropout": 0.0}, training=training)
        return trainer_of(config, tiny_dataset, tmp_path)

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


# ---- micro-batches of items


def gradients_of(trainer: Trainer) -> dict[str, Tensor]:
    named = trainer.recommender.named_parameters()
    return {name: p.grad.clone() for name, p in named if p.grad is not None}


@losses
@pytest.mark.parametrize("item", ["trained text", "id and text"])
@pytest.mark.parametrize("micro_items", [1, 7, 10_000])
def test_encoding_items_in_chunks_gives_the_loss_and_gradient_of_all_at_once(
    loss: str, item: str, micro_items: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    def trained(**training: Any) -> tuple[float, dict[str, Tensor]]:
        training |= ONE_STEP | {"loss": loss}
        config = tiny_config(item=ITEMS[item], model={"dropout": 0.0}, training=training)
        trainer = trainer_of(config, tiny_dataset, tmp_path)
        trainer.recommender.double()
        without_dropout(trainer.recommender)
        return trainer.train_epoch(), gradients_of(trainer)

    (whole, expected), (in_chunks, found) = trained(), trained(micro_items=micro_items)
    assert in_chunks == pytest.approx(whole, abs=1e-10)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


class Limited(nn.Module):
    """An ID table on a device with room for the activations of a few items."""

    def __init__(self, inner: nn.Module, room: int) -> None:
        super().__init__()
        self.inner = inner
        self.room = room

    def forward(self, items_N: Tensor) -> Tensor:
        if len(items_N) > self.room:
            raise torch.OutOfMemoryError(f"no room for {len(items_N)} items")
        vectors: Tensor = self.inner(items_N)
        return vectors


def limited(
    room: int, dataset: Dataset, folder: Path, loss: str = "bce", workers: Workers = ALONE
) -> Trainer:
    config = tiny_config(model={"dropout": 0.0}, training=ONE_STEP | {"loss": loss})
    trainer = trainer_of(config, dataset, folder, workers)
    parts = trainer.recommender.item_encoder.parts
    parts["id"] = Limited(parts["id"], room)
    return trainer


def test_out_of_memory_halves_the_chunks_until_they_fit_and_keeps_the_batch(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    roomy, tight = (limited(room, tiny_dataset, tmp_path) for room in (10_000, 5))
    assert tight.train_epoch() == pytest.approx(roomy.train_epoch(), rel=1e-6)
    torch.testing.assert_close(gradients_of(tight), gradients_of(roomy), rtol=0, atol=1e-6)
    assert roomy.recommender.micro_items is None
    # A batch of all users has nearly all of the 30 items: 30 -> 15 -> 7 -> 3, or 29 -> 14 -> ...
    assert tight.recommender.micro_items == 3


def test_out_of_memory_with_one_item_is_an_error(tiny_dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(torch.OutOfMemoryError, match=r"^no room for 1 items$"):
        limited(0, tiny_dataset, tmp_path).train_epoch()


def test_out_of_memory_ends_the_trial_where_other_workers_wait_for_vectors(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = limited(5, tiny_dataset, tmp_path, "in_batch_ce", Workers(rank=0, size=2))
    with pytest.raises(torch.OutOfMemoryError, match=r"^no room for \d+ items$"):
        trainer.train_epoch()
    assert trainer.recommender.micro_items is None


def test_chunks_are_refused_where_items_are_normalised_together(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    image = {"name": "resnet18", "pretrained": False, "size": 32, "trainable_layers": "all"}
    config = tiny_config(item={"image": image}, training={"micro_items": 4})
    with pytest.raises(SpecError, match=r"^training\.micro_items: an item encoder with BatchNorm"):
        trainer_of(config, tiny_dataset, tmp_path)
