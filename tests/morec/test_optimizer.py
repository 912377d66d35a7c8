"""Learning rates, weight decay, warm-up, schedule and clipping reach the weights they should."""

from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, SequentialLR

from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.errors import SpecError
from morec.trainer import Trainer
from tests.morec.tiny_trainers import ONE_STEP, trainer_of
from tests.morec.tiny_trials import DSSM, TRAINED_TEXT, tiny_config


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


@pytest.mark.parametrize(("optim", "beta2"), [({}, 0.999), ({"beta2": 0.98}, 0.98)])
def test_steps_are_those_of_torchs_adam_with_its_second_beta(
    optim: dict[str, float], beta2: float, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """A weight of zero gradient after a first one moves as the two means fade (Kingma and Ba)."""
    config = tiny_config(optim={"lr": 0.01, "weight_decay": 0.0} | optim)
    optimizer = trainer_of(config, tiny_dataset, tmp_path).optimizer
    (weight, *others) = optimizer.parameters
    for one in (weight, *others):
        one.grad = torch.zeros_like(one)
    moved = []
    for gradient in (2.0, 0.0):
        before = weight.detach().clone()
        torch.nn.init.constant_(weight.grad, gradient)
        optimizer.step()
        moved.append((weight - before).flatten()[0].item())
    assert moved[0] == pytest.approx(-0.01, rel=1e-4)
    mean = 0.9 * 0.1 * 2 / (1 - 0.9**2)
    squares = beta2 * (1 - beta2) * 4 / (1 - beta2**2)
    assert moved[1] == pytest.approx(-0.01 * mean / squares**0.5, rel=1e-4)


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


def torchs_rates(schedule: str, num_steps: int, warmup_steps: int) -> list[float]:
    """The learning rate before every step, and after the last, by torch's own schedulers."""
    adamw = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=0.01)
    num_left = num_steps - warmup_steps
    after: LRScheduler = LinearLR(adamw, start_factor=1.0, end_factor=0.0, total_iters=num_left)
    if schedule == "cosine":
        after = CosineAnnealingLR(adamw, T_max=num_left)
    if warmup_steps:
        first = LinearLR(adamw, 1 / warmup_steps, 1.0, total_iters=warmup_steps - 1)
        after = SequentialLR(adamw, [first, after], [warmup_steps])
    rates = [adamw.param_groups[0]["lr"]]
    for _ in range(num_steps):
        adamw.step()
        after.step()
        rates.append(adamw.param_groups[0]["lr"])
    return rates


@pytest.mark.parametrize("warmup_steps", [0, 2, 11])
@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_is_torchs_over_the_planned_steps_for_both_rates(
    schedule: str, warmup_steps: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """41 users in batches of 16 take 3 steps an epoch, of which the last one is small."""
    optim = {"lr": 0.01, "encoder_lr": 0.001, "schedule": schedule, "warmup_steps": warmup_steps}
    training = {"batch_size": 16, "max_epochs": 4}
    config = tiny_config(item=TRAINED_TEXT, optim=optim, training=training)
    optimizer = trainer_of(config, tiny_dataset, tmp_path).optimizer
    expected = torchs_rates(schedule, 4 * 3, warmup_steps)
    for share in expected[:-1]:
        rates = [group["lr"] for group in optimizer.adamw.param_groups]
        assert rates == pytest.approx([share, share / 10], rel=1e-12, abs=1e-15)
        optimizer.step()
    assert (
        [group["lr"] for group in optimizer.adamw.param_groups] == [0.0, 0.0] == expected[-1:] * 2
    )


def test_an_epoch_of_a_dssm_is_one_of_pairs(tiny_dataset: Dataset, tmp_path: Path) -> None:
    config = tiny_config(model=DSSM, optim={"schedule": "linear"}, training={"max_epochs": 1})
    trainer = trainer_of(config, tiny_dataset, tmp_path)
    trainer.train_epoch()
    assert {group["lr"] for group in trainer.optimizer.adamw.param_groups} == {0.0}


def test_without_a_schedule_the_warm_up_may_take_all_planned_steps(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    training = {"batch_size": 16, "max_epochs": 4}
    config = tiny_config(optim={"lr": 0.01, "warmup_steps": 4 * 3}, training=training)
    optimizer = trainer_of(config, tiny_dataset, tmp_path).optimizer
    for _ in range(4 * 3):
        optimizer.step()
    assert {group["lr"] for group in optimizer.adamw.param_groups} == {0.01}


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_schedule_that_the_warm_up_leaves_no_step_is_refused(
    schedule: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    training = {"batch_size": 16, "max_epochs": 4}
    for steps, is_refused in ((11, False), (12, True)):
        optim = {"schedule": schedule, "warmup_steps": steps}
        config = tiny_config(optim=optim, training=training)
        with ExitStack() as stack:
            if is_refused:
                text = f"{schedule} has no effect: warmup_steps 12 takes all of the 12 planned"
                stack.enter_context(pytest.raises(SpecError, match=text))
            trainer_of(config, tiny_dataset, tmp_path)


def step_with(trainer: Trainer, gradients: list[torch.Tensor]) -> None:
    for parameter, gradient in zip(trainer.optimizer.parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    trainer.optimizer.step()


def test_a_restored_optimizer_takes_the_steps_that_the_saved_one_takes(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """The moments of the steps before and the place in the warm-up, whatever else the state has."""
    config = tiny_config(optim={"schedule": "cosine", "warmup_steps": 4})
    saved, restored = (trainer_of(config, tiny_dataset, tmp_path) for _ in range(2))
    steps = [[torch.randn_like(p) for p in saved.optimizer.parameters] for _ in range(4)]
    for gradients in steps[:2]:
        step_with(saved, gradients)
    restored.recommender.load_state_dict(saved.recommender.state_dict())
    restored.optimizer.restore(deepcopy(saved.optimizer.state()) | {"random": []})
    for gradients in steps[2:]:
        for trainer in (saved, restored):
            step_with(trainer, gradients)
        torch.testing.assert_close(
            restored.recommender.state_dict(), saved.recommender.state_dict(), rtol=0, atol=0
        )
    assert restored.optimizer.adamw.param_groups[0]["lr"] == pytest.approx(0.01)


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
