"""The loop of second-round pre-training on a model of one number: what is kept and refused."""

import math
import time
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from morec.config import MaskedLanguageSpec
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.second_round import STORED, losses_of, second_round, trained_folder
from morec.errors import SpecError

VALUES_N = torch.arange(20.0)
KEY = {"weights": "ones"}


class OneNumber:
    """Predict every item's value by one number; the noise stands for masks and dropout."""

    title = "one number guessing"
    where = "item.text.second_round"

    def __init__(self, noise: float = 0.0, stop_in_epoch: int | None = None) -> None:
        self.num_items = len(VALUES_N)
        self.model: Any = nn.Linear(1, 1, bias=False)
        nn.init.ones_(self.model.weight)
        self.noise = noise
        self.stop_in_epoch = stop_in_epoch
        self.seen: dict[bool, list[list[int]]] = {True: [], False: []}

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        is_training = self.model.training
        if is_training and len(self.seen[False]) == self.stop_in_epoch:
            raise KeyboardInterrupt
        self.seen[is_training].append(rows_B.tolist())
        targets_B = VALUES_N[rows_B] + self.noise * torch.randn(len(rows_B))
        return (self.model.weight[0, 0] - targets_B).square().mean(), len(rows_B)

    def save(self, folder: Path) -> None:
        torch.save(self.model.state_dict(), folder / "weights.pt")


def spec_of(**changes: Any) -> MaskedLanguageSpec:
    fields = {"max_epochs": 4, "lr": 0.5, "weight_decay": 0.0, "batch_size": 64}
    return MaskedLanguageSpec.model_validate({**fields, **changes})


def go_on(
    store: ArtefactStore, objective: OneNumber | None = None, **changes: Any
) -> tuple[Artefact, float]:
    """The artefact and the number it holds."""
    objective = objective or OneNumber()
    found = second_round("round", KEY, spec_of(**changes), lambda: objective, store)
    weights = torch.load(trained_folder(found) / "weights.pt", weights_only=True)
    return found, float(weights["weight"])


def interrupt(store: ArtefactStore, epoch: int, **changes: Any) -> None:
    with pytest.raises(KeyboardInterrupt):
        go_on(store, OneNumber(noise=1.0, stop_in_epoch=epoch), **changes)


def test_the_losses_are_those_of_a_plain_loop(store: ArtefactStore) -> None:
    objective = OneNumber()
    found, number = go_on(store, objective, weight_decay=0.1)
    valid_N, train_N = (VALUES_N[rows[0]] for rows in (objective.seen[False], objective.seen[True]))
    weight = nn.Parameter(torch.ones(()))
    optimizer = torch.optim.AdamW([weight], lr=0.5, weight_decay=0.1)
    losses: dict[str, list[float]] = {"train": [], "valid": []}
    for _ in range(4):
        losses["valid"].append((weight - valid_N).square().mean().item())
        loss = (weight - train_N).square().mean()
        losses["train"].append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    losses["valid"].append((weight - valid_N).square().mean().item())
    assert {split: len(values) for split, values in losses_of(found).items()} == {
        "train": 4,
        "valid": 5,
    }
    for split, expected in losses.items():
        np.testing.assert_allclose(losses_of(found)[split], expected, rtol=1e-5)
    assert math.isclose(number, weight.item(), rel_tol=1e-6)


@pytest.mark.parametrize(("share", "num_valid"), [(0.1, 2), (0.3, 6), (0.001, 1), (0.999, 19)])
def test_some_items_measure_the_loss_and_never_train(
    store: ArtefactStore, share: float, num_valid: int
) -> None:
    objective = OneNumber()
    go_on(store, objective, valid_share=share)
    valid = objective.seen[False][0]
    assert len(valid) == num_valid
    assert all(rows == valid for rows in objective.seen[False])
    for rows in objective.seen[True]:
        assert sorted(rows + valid) == list(range(20))


def test_every_epoch_trains_in_another_order_and_in_batches(store: ArtefactStore) -> None:
    objective = OneNumber()
    go_on(store, objective, max_epochs=2, batch_size=5)
    assert [len(rows) for rows in objective.seen[True]] == 2 * [5, 5, 5, 3]
    first, second = objective.seen[True][:4], objective.seen[True][4:]
    assert first != second
    assert sorted(chain(*first)) == sorted(chain(*second))


def test_validation_masks_the_same_in_every_epoch(store: ArtefactStore) -> None:
    """A number that does not move has one validation loss, noise or not."""
    found, _ = go_on(store, OneNumber(noise=1.0), lr=1e-30)
    assert len(set(losses_of(found)["valid"])) == 1
    assert len(set(losses_of(found)["train"])) == 4


def test_the_epoch_with_the_lowest_validation_loss_is_kept(store: ArtefactStore) -> None:
    """Steps of 4 from 1 to about 9.5 overshoot and come back."""
    objective = OneNumber()
    found, number = go_on(store, objective, lr=4.0, max_epochs=6)
    valid_N = VALUES_N[objective.seen[False][0]]
    valid = losses_of(found)["valid"]
    assert 0 < valid.index(min(valid)) < 6
    assert math.isclose((number - valid_N).square().mean().item(), min(valid), rel_tol=1e-5)


def test_untouched_weights_that_no_epoch_beats_are_kept_and_a_line_says_so(
    store: ArtefactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    _, number = go_on(store, lr=1e3, max_epochs=1)
    assert number == 1.0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "second round: one number guessing, no epoch beats the untouched weights, which are kept"
    )


def test_every_epoch_prints_a_line(
    store: ArtefactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = go_on(store, max_epochs=2)
    losses = losses_of(found)
    assert capsys.readouterr().out.splitlines() == [
        f"second round: one number guessing, epoch 0/2, valid {losses['valid'][0]:.2f}",
        *(
            f"second round: one number guessing, epoch {epoch}/2, "
            f"train {losses['train'][epoch - 1]:.2f}, valid {losses['valid'][epoch]:.2f}"
            for epoch in (1, 2)
        ),
    ]


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_an_interrupted_round_goes_on_to_the_same_bits(tmp_path: Path, epoch: int) -> None:
    whole, parts = ArtefactStore(tmp_path / "whole"), ArtefactStore(tmp_path / "parts")
    expected, number = go_on(whole, OneNumber(noise=1.0), batch_size=4)
    interrupt(parts, epoch, batch_size=4)
    rest = OneNumber(noise=1.0)
    found, again = go_on(parts, rest, batch_size=4)
    assert (again, losses_of(found)) == (number, losses_of(expected))
    assert len(rest.seen[True]) == (4 - (epoch - 1)) * 5  # 18 items in batches of 4


def test_the_checkpoint_is_deleted_at_the_end(store: ArtefactStore) -> None:
    interrupt(store, 3)
    (checkpoint,) = store.folder.glob("*.checkpoint")
    assert (checkpoint / "last.pt").stat().st_size > 0
    go_on(store, OneNumber(noise=1.0))
    assert list(store.folder.glob("*.checkpoint")) == []


def test_a_truncated_checkpoint_costs_time_but_no_numbers(tmp_path: Path) -> None:
    _, number = go_on(ArtefactStore(tmp_path / "whole"), OneNumber(noise=1.0))
    parts = ArtefactStore(tmp_path / "parts")
    interrupt(parts, 3)
    (last,) = parts.folder.glob("*.checkpoint/last.pt")
    last.write_bytes(last.read_bytes()[:100])
    assert go_on(parts, OneNumber(noise=1.0))[1] == number


@pytest.mark.parametrize("part", STORED)
def test_a_checkpoint_that_lacks_a_part_costs_time_but_no_numbers(
    tmp_path: Path, part: str
) -> None:
    _, number = go_on(ArtefactStore(tmp_path / "whole"), OneNumber(noise=1.0))
    parts = ArtefactStore(tmp_path / "parts")
    interrupt(parts, 3)
    (last,) = parts.folder.glob("*.checkpoint/last.pt")
    state = torch.load(last, weights_only=True)
    del state[part]
    torch.save(state, last)
    assert go_on(parts, OneNumber(noise=1.0))[1] == number


def test_seconds_before_an_interruption_count(store: ArtefactStore) -> None:
    interrupt(store, 3)
    (last,) = store.folder.glob("*.checkpoint/last.pt")
    state = torch.load(last, weights_only=True)
    torch.save(state | {"spent_s": state["spent_s"] + 1000.0}, last)
    found, _ = go_on(store, OneNumber(noise=1.0))
    assert 1000 < found.seconds < 1060


def test_the_same_round_is_trained_once_and_others_are_other_artefacts(
    store: ArtefactStore,
) -> None:
    found, _ = go_on(store)
    never = OneNumber(stop_in_epoch=0)
    assert go_on(store, never)[0] == found
    assert never.seen == {True: [], False: []}
    changes: list[dict[str, Any]] = [
        {"max_epochs": 5},
        {"lr": 0.25},
        {"seed": 1},
        {"valid_share": 0.2},
        {"mask_share": 0.3},
        {"weight_decay": 0.5},
        {"batch_size": 8},
    ]
    paths = {go_on(store, **change)[0].path for change in changes}
    assert len(paths | {found.path}) == 1 + len(changes)


def test_a_round_does_not_change_the_trials_random_state(store: ArtefactStore) -> None:
    objective = OneNumber(noise=1.0)
    before = torch.get_rng_state()
    go_on(store, objective)
    assert torch.equal(torch.get_rng_state(), before)


class Diverging(OneNumber):
    """Not finite in training from the second epoch on."""

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        loss, num = super().loss(rows_B)
        is_second = self.model.training and len(self.seen[True]) == 2
        return loss * (math.inf if is_second else 1.0), num


def test_a_loss_that_is_not_finite_says_when_and_what_helps(store: ArtefactStore) -> None:
    with pytest.raises(SpecError) as caught:
        go_on(store, Diverging())
    assert str(caught.value) == (
        "item.text.second_round: the training loss became inf in epoch 2/4; lower lr (0.5)"
    )
    assert list(store.folder.glob("*.checkpoint")) == []


def test_weights_that_diverge_show_in_the_validation_loss(store: ArtefactStore) -> None:
    expected = r"the validation loss became (inf|nan) in epoch 1/4; lower lr \(1e\+30\)"
    with pytest.raises(SpecError, match=expected):
        go_on(store, lr=1e30)


class NothingMasked(OneNumber):
    """As a language objective where no token of a short title is drawn."""

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        return super().loss(rows_B)[0] * math.nan, 0


def test_without_any_masked_item_there_is_no_loss(store: ArtefactStore) -> None:
    with pytest.raises(SpecError) as caught:
        go_on(store, NothingMasked())
    assert str(caught.value) == (
        "item.text.second_round: nothing is masked in the validation items, so there is no "
        "validation loss; raise mask_share (0.15) or valid_share (0.1 of 20 items)"
    )


def test_other_artefacts_have_no_losses(store: ArtefactStore) -> None:
    def make(folder: Path) -> None:
        (folder / "rows.txt").write_text("1")

    assert losses_of(store.get_or_make("rows", {}, make)) == {}


class Seeds(OneNumber):
    """Remembers what seed its draws come from."""

    def __init__(self) -> None:
        super().__init__()
        self.seeds: dict[bool, set[int]] = {True: set(), False: set()}

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        self.seeds[self.model.training].add(torch.initial_seed())
        return super().loss(rows_B)


def test_every_epoch_draws_from_a_seed_of_its_own_and_validation_from_another(
    store: ArtefactStore,
) -> None:
    first, other = Seeds(), Seeds()
    go_on(store, first, batch_size=5)
    go_on(store, other, batch_size=5, seed=1)
    found = [first.seeds[False], first.seeds[True], other.seeds[False], other.seeds[True]]
    assert [len(seeds) for seeds in found] == [1, 4, 1, 4]
    assert len(set().union(*found)) == 10


def test_what_is_drawn_before_training_comes_from_the_seed_and_moves_no_item(
    tmp_path: Path,
) -> None:
    drawn, valid = [], []
    for number in (1, 3):
        objective = OneNumber()

        def make(number: int = number, objective: OneNumber = objective) -> OneNumber:
            drawn.append(torch.rand(number)[0].item())
            return objective

        torch.manual_seed(number)
        second_round("round", KEY, spec_of(), make, ArtefactStore(tmp_path / str(number)))
        valid.append(objective.seen[False][0])
    assert drawn[0] == drawn[1]
    assert valid[0] == valid[1]


class Slow(OneNumber):
    """A second passes with every loss."""

    def __init__(self, clock: list[float], **options: Any) -> None:
        super().__init__(**options)
        self.clock = clock

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        found = super().loss(rows_B)
        self.clock[0] += 1
        return found


def test_seconds_are_those_of_both_attempts_up_to_the_checkpoint(
    store: ArtefactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    with pytest.raises(KeyboardInterrupt):
        go_on(store, Slow(clock, stop_in_epoch=3))
    clock[0] += 1000
    found, _ = go_on(store, Slow(clock))
    # Validation and twice an epoch; then two epochs more.
    assert found.seconds == (1 + 2 * 2) + 2 * 2
    assert go_on(store, Slow(clock), seed=1)[0].seconds == 1 + 4 * 2


class Level(OneNumber):
    """Its validation loss stays the same, whatever it learns."""

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        loss, num = super().loss(rows_B)
        return (loss if self.model.training else 0 * loss + 3), num


def test_a_loss_that_only_stays_the_same_leaves_the_untouched_weights(store: ArtefactStore) -> None:
    found, number = go_on(store, Level())
    assert number == 1.0
    assert losses_of(found)["valid"] == (3.0,) * 5


class Uneven(OneNumber):
    """Nothing is predicted in batches that begin with an odd row; some losses are large."""

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        super().loss(rows_B)
        loss = 0 * self.model.weight.sum() + loss_of(int(rows_B[0]))
        return (loss * math.nan, 0) if rows_B[0] % 2 else (loss, 1)


def loss_of(row: int) -> float:
    """In fp32 a small one is lost beside a large one."""
    return 2.0**24 if row < 10 else 1.0


def test_batches_without_predictions_do_not_count_and_sums_are_exact(store: ArtefactStore) -> None:
    objective = Uneven()
    found, _ = go_on(store, objective, batch_size=2, valid_share=0.5, max_epochs=1, seed=28)
    batches = {"train": objective.seen[True], "valid": objective.seen[False][:5]}
    for split, seen in batches.items():
        losses = [loss_of(rows[0]) for rows in seen if rows[0] % 2 == 0]
        assert losses_of(found)[split][0] == sum(losses) / len(losses)
        assert len(losses) < len(seen) == 5
        assert set(losses) == {1.0, 2.0**24}


class NothingToTrain(OneNumber):
    """Nothing is masked in the items that train."""

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        loss, num = super().loss(rows_B)
        return (loss, 0) if self.model.training else (loss, num)


def test_without_any_masked_train_item_there_is_no_loss(store: ArtefactStore) -> None:
    with pytest.raises(SpecError, match="nothing is masked in the training items, so there is no"):
        go_on(store, NothingToTrain())


def test_a_round_that_goes_on_says_so(
    store: ArtefactStore, capsys: pytest.CaptureFixture[str]
) -> None:
    interrupt(store, 3)
    capsys.readouterr()
    go_on(store, OneNumber(noise=1.0))
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == "second round: one number guessing, goes on after 2 epochs"
    assert [line.split(",")[1] for line in rest] == [" epoch 3/4", " epoch 4/4"]
