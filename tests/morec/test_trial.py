"""A trial as a whole: what it reports, how it ends, and that interruptions change no number."""

import math
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from morec import checkpoints
from morec.checkpoints import STORED, Checkpoints
from morec.config import SyntheticSpec
from morec.data.dataset import Dataset, load_dataset
from morec.references.popularity import popularity as popularity_of
from morec.results import Cost, EpochRecord, Reason, TrialStatus, utc_now
from morec.trial_code import trial_code
from morec.workers import Workers
from tests.morec.encoders.test_controls import swap_of
from tests.morec.test_progress import valid
from tests.morec.tiny_trials import (
    BERT4REC,
    DSSM,
    FROZEN_TEXT,
    GRU4REC,
    NEXTITNET,
    OTHER_MODELS,
    TRAINED_TEXT,
    TRAININGS,
    numbers,
    run,
    stop_after,
    tiny_config,
)

THREE_EPOCHS = {"max_epochs": 3}
TESTED = {"test": True}
BY_FIRST_PLACE = {"ks": (1,), "select": "HR@1"}


@pytest.fixture(autouse=True)
def every_epoch_has_its_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk is."""
    monkeypatch.setattr(checkpoints, "CHEAP_S", math.inf)


def interrupted(config: Any, dataset: Dataset, folder: Path, num_epochs: int) -> None:
    with pytest.raises(SystemExit):
        run(config, dataset, folder, report=stop_after(num_epochs))


# ---- interruptions


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"training": {"loss": "in_batch_ce"}},
        {"item": TRAINED_TEXT},
        {"model": DSSM},
        {"model": GRU4REC},
        {"optim": {"schedule": "cosine"}},
        {"item": {"text": {**FROZEN_TEXT["text"], "control": "noise"}}},
        {"item": TRAINED_TEXT, "optim": {"schedule": "linear", "encoder_lr": 1e-3}},
        {"item": {"text": {**FROZEN_TEXT["text"], "side": {"width": 4}}}},
        {"item": {"id": True, "id_init": FROZEN_TEXT}},
        {"item": {"id": True, "id_init": {**FROZEN_TEXT, "max_distance": 0.5}}},
    ],
    ids=[
        "id",
        "id in-batch",
        "trained text",
        "dssm",
        "gru4rec",
        "cosine",
        "noise",
        "trained text linear",
        "side",
        "id from text",
        "id near text",
    ],
)
def test_a_continued_trial_equals_an_uninterrupted_one(
    sections: dict[str, Any], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """After each of its epochs, of which the trial itself leaves a copy."""
    training = THREE_EPOCHS | sections.get("training", {})
    optim = {"warmup_steps": 10} | sections.get("optim", {})
    config = tiny_config(**sections | {"training": training, "optim": optim}, evaluation=TESTED)
    home = tmp_path / "whole"

    def keep(epochs: tuple[EpochRecord, ...], cost: Cost) -> None:
        shutil.copytree(home, tmp_path / f"after {len(epochs)}")

    whole = run(config, tiny_dataset, home, report=keep)
    assert whole.num_starts == 1
    for num_epochs in (1, 2, 3):
        continued = run(config, tiny_dataset, tmp_path / f"after {num_epochs}")
        assert (numbers(continued), continued.num_starts) == (numbers(whole), 2)


def test_a_trial_may_be_interrupted_after_every_epoch(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(training=THREE_EPOCHS)
    for num_epochs in (1, 2, 3):
        interrupted(config, tiny_dataset, tmp_path / "parts", num_epochs)
    continued = run(config, tiny_dataset, tmp_path / "parts")
    assert numbers(continued) == numbers(run(config, tiny_dataset, tmp_path / "whole"))
    assert continued.num_starts == 4


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_truncated_checkpoint_costs_time_but_no_numbers(
    share: float, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(evaluation=TESTED)
    interrupted(config, tiny_dataset, tmp_path, 1)
    last = tmp_path / "checkpoints" / "last.pt"
    last.write_bytes(last.read_bytes()[: int(share * last.stat().st_size)])
    again = run(config, tiny_dataset, tmp_path)
    assert numbers(again) == numbers(run(config, tiny_dataset, tmp_path / "whole"))
    assert again.num_starts == 1


@pytest.mark.parametrize(
    ("part", "key"), [("format", None), ("trainer", "random"), ("progress", "energy_j")]
)
def test_a_checkpoint_of_other_code_starts_the_trial_anew(
    part: str, key: str | None, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """It lacks its format number, or a key that a later version of the code asks for."""
    config = tiny_config()
    interrupted(config, tiny_dataset, tmp_path, 1)
    last = tmp_path / "checkpoints" / "last.pt"
    state = torch.load(last, weights_only=True)
    assert state.keys() == {"format", *STORED}
    assert all(state[name].keys() == set(keys) for name, keys in STORED.items() if keys)
    if key is None:
        state.pop(part, None)
    else:
        del state[part][key]
    torch.save(state, last)
    again = run(config, tiny_dataset, tmp_path)
    assert again.num_starts == 1
    assert numbers(again) == numbers(run(config, tiny_dataset, tmp_path / "whole"))


def test_a_continued_trial_first_reports_what_it_knows(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(training=THREE_EPOCHS)
    interrupted(config, tiny_dataset, tmp_path, 2)
    reported: list[int] = []
    run(config, tiny_dataset, tmp_path, report=lambda epochs, cost: reported.append(len(epochs)))
    assert reported == [2, 3]


def test_time_spent_before_an_interruption_counts(tiny_dataset: Dataset, tmp_path: Path) -> None:
    config = tiny_config()
    interrupted(config, tiny_dataset, tmp_path, 1)
    saved = Checkpoints(tmp_path / "checkpoints")
    last = saved.load()
    assert last is not None
    last["progress"]["spent_s"] += 1000.0
    saved.save(last)
    result = run(config, tiny_dataset, tmp_path)
    assert result.cost is not None
    assert 1000 < result.cost.total_s < 1100


# ---- a trial from beginning to end


@pytest.mark.parametrize("item", [FROZEN_TEXT, TRAINED_TEXT], ids=["frozen", "trained"])
def test_a_trial_with_shuffled_titles_is_one_of_a_catalogue_with_swapped_titles(
    item: dict[str, Any], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(item={"text": item["text"] | {"control": "shuffle"}}, evaluation=TESTED)
    shuffled = run(config, tiny_dataset, tmp_path / "shuffled")
    titles = tiny_dataset.titles
    assert titles is not None
    swapped = tuple(titles[row] for row in swap_of(len(titles), seed=config.seed).tolist())
    plain = tiny_config(item=item, evaluation=TESTED)
    expected = run(plain, replace(tiny_dataset, titles=swapped), tmp_path / "swapped")
    losses = [[epoch.train_loss for epoch in trial.epochs] for trial in (shuffled, expected)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert (shuffled.valid, shuffled.test) == (expected.valid, expected.test)


def test_every_epoch_is_reported_with_all_before_it(tiny_dataset: Dataset, tmp_path: Path) -> None:
    reported: list[tuple[int, ...]] = []
    result = run(
        tiny_config(training=THREE_EPOCHS),
        tiny_dataset,
        tmp_path,
        report=lambda epochs, cost: reported.append(tuple(record.epoch for record in epochs)),
    )
    assert reported == [(1,), (1, 2), (1, 2, 3)]
    assert result.trial_id == result.config.trial_id({"data": tiny_dataset.sha256})
    assert result.status is TrialStatus.COMPLETED


def test_the_best_epoch_is_the_one_that_is_tested(tiny_dataset: Dataset, tmp_path: Path) -> None:
    """The test ranks are those of a trial that ends at the best epoch."""
    config = tiny_config(training={"max_epochs": 6}, optim={"lr": 0.1}, evaluation=TESTED)
    result = run(config, tiny_dataset, tmp_path / "long")
    assert result.best_epoch is not None
    assert result.best_epoch < 6
    scores = [record.valid["HR@10"] for record in result.epochs]
    assert scores.index(max(scores)) + 1 == result.best_epoch
    until_best = tiny_config(
        training={"max_epochs": result.best_epoch}, optim={"lr": 0.1}, evaluation=TESTED
    )
    short = run(until_best, tiny_dataset, tmp_path / "short")
    assert (short.valid, short.test) == (result.valid, result.test)


@pytest.mark.parametrize("candidates", ["all", "trained"])
@pytest.mark.parametrize("item", [{"id": True}, FROZEN_TEXT, TRAINED_TEXT])
@pytest.mark.parametrize("model", OTHER_MODELS, ids=lambda model: model["kind"])
def test_every_model_runs_to_its_record(
    model: dict[str, Any],
    item: dict[str, Any],
    candidates: str,
    tiny_dataset: Dataset,
    tmp_path: Path,
) -> None:
    evaluation = TESTED | {"candidates": candidates}
    config = tiny_config(model=model, item=item, evaluation=evaluation, training=THREE_EPOCHS)
    result = run(config, tiny_dataset, tmp_path)
    assert result.status is TrialStatus.COMPLETED
    assert result.trial_id.startswith(f"{model['kind']}-")
    first, *later = [record.train_loss for record in result.epochs]
    assert min(later) < first  # A trained encoder's dropout may outweigh one epoch.
    for record in (result.valid, result.test):
        assert record is not None
        assert {"popularity", "history"} <= record.slices.keys()
    assert result.cost is not None
    assert result.cost.uncounted_ops == ()


@pytest.mark.parametrize("patience", [1, 2])
def test_training_stops_after_more_than_patience_epochs_without_progress(
    patience: int, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    training = {"max_epochs": 10, "patience": patience}
    config = tiny_config(training=training, optim={"lr": 1e-30, "weight_decay": 0.0})
    result = run(config, tiny_dataset, tmp_path)
    assert (len(result.epochs), result.best_epoch) == (1 + patience + 1, 1)


def test_the_record_says_what_was_run_by_which_code_and_when(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(evaluation=TESTED)
    begun, start = utc_now(), time.perf_counter()
    result = run(config, tiny_dataset, tmp_path)
    took_s = time.perf_counter() - start
    assert (result.config, result.sources) == (config, {"data": tiny_dataset.sha256})
    assert result.code == trial_code(config) != {}
    assert begun <= result.finished_at <= utc_now()
    times = [(record.train_s, record.eval_s) for record in result.epochs]
    assert all(train_s > 0 and eval_s > 0 for train_s, eval_s in times)
    assert sum(map(sum, times)) < took_s
    assert result.cost is not None and result.cost.total_s < took_s + 1
    assert result.test is not None and result.test.kept_lists is not None
    assert len(result.test.kept_lists.users_V) == 41
    assert (result.error, result.reason, result.num_starts) == (None, None, 1)


class Pausing(Workers):
    """One worker, whose checkpoint must lie there when it waits for the others."""

    folder: ClassVar[Path]
    epochs: ClassVar[list[int]]

    def wait(self) -> None:
        saved = Checkpoints(self.folder / "checkpoints").load()
        assert saved is not None
        self.epochs.append(len(saved["progress"]["epochs"]))


@pytest.mark.parametrize(("cheap_s", "saved"), [(math.inf, [1, 2, 3]), (-1.0, [1, 3])])
def test_workers_wait_for_every_checkpoint_that_is_due_and_for_that_of_the_last_epoch(
    cheap_s: float,
    saved: list[int],
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one is always due; where each costs far too much, no other is but the last."""
    monkeypatch.setattr(checkpoints, "CHEAP_S", cheap_s)
    monkeypatch.setattr(checkpoints, "MAX_SHARE", 1e-9)
    Pausing.folder, Pausing.epochs = tmp_path, []
    config = tiny_config(training=THREE_EPOCHS)
    run(config, tiny_dataset, tmp_path, workers=Pausing())
    assert Pausing.epochs == saved


# ---- second-round pre-training


@pytest.mark.parametrize("trainable", [0, 1, "all"])
def test_a_trial_starts_from_the_second_round_and_shares_it(
    trainable: int | str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    text = FROZEN_TEXT["text"] | {"trainable_layers": trainable, "pooling": "mean"}
    second_round = {"max_epochs": 2, "lr": 1e-3}
    config = tiny_config(item={"text": text | {"second_round": second_round}}, evaluation=TESTED)
    result = run(config, tiny_dataset, tmp_path)
    assert result.status is TrialStatus.COMPLETED
    (second,) = (tmp_path / "artefacts").glob("masked-language-round-*")
    made_at = (second / "meta.json").stat().st_mtime_ns
    assert numbers(run(config, tiny_dataset, tmp_path)) == numbers(result)
    assert (second / "meta.json").stat().st_mtime_ns == made_at
    without = tiny_config(item={"text": text}, evaluation=TESTED)
    assert numbers(run(without, tiny_dataset, tmp_path / "without")) != numbers(result)


def test_a_trial_is_the_same_whether_it_finds_its_second_round_or_makes_it(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    text = TRAINED_TEXT["text"] | {"second_round": {"max_epochs": 1}}
    config = tiny_config(item={"id": True, "text": text, "fusion": "add"})
    made = run(config, tiny_dataset, tmp_path / "one")
    other_seed = config.model_copy(update={"seed": 1})
    run(other_seed, tiny_dataset, tmp_path / "two")
    shutil.rmtree(tmp_path / "two" / "checkpoints", ignore_errors=True)
    assert numbers(run(config, tiny_dataset, tmp_path / "two")) == numbers(made)


# ---- the test split


def with_test_targets(dataset: Dataset, item: int) -> Dataset:
    """Put ``item`` where the test targets stand."""
    items = np.array(dataset.item_ids)
    items[dataset.offsets_U1[1:] - 1] = item
    return replace(dataset, item_ids=items)


@pytest.mark.parametrize("item", [{"id": True}, FROZEN_TEXT], ids=["id", "text"])
@pytest.mark.parametrize("loss", TRAININGS)
def test_a_trial_that_does_not_test_never_looks_at_the_test_targets(
    loss: str, item: dict[str, Any], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """10**9 is no item: whatever read it would fail."""
    config = tiny_config(item=item, training=TRAININGS[loss])
    clean = run(config, tiny_dataset, tmp_path / "clean")
    assert clean.test is None
    for poison in (1, 10**9):
        poisoned = with_test_targets(tiny_dataset, poison)
        assert numbers(run(config, poisoned, tmp_path / f"of {poison}")) == numbers(clean)


def test_selection_is_the_same_whether_the_trial_tests_or_not(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    poisoned = with_test_targets(tiny_dataset, 1)
    silent = run(tiny_config(), tiny_dataset, tmp_path / "silent")
    tested = run(tiny_config(evaluation=TESTED), tiny_dataset, tmp_path / "tested")
    misled = run(tiny_config(evaluation=TESTED), poisoned, tmp_path / "misled")
    assert numbers(tested) | {"test": None} == numbers(silent)
    assert numbers(misled) | {"test": None} == numbers(silent)
    assert tested.test != misled.test


# ---- trials that go wrong


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [
        (8, r"^epoch 1: the training loss became (nan|inf)$"),
        (64, r"^epoch 1: the scores of 41 of 41 users are not finite$"),
    ],
)
def test_a_diverged_trial_has_failed_and_says_when(
    batch_size: int, message: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(optim={"lr": 1e30}, training={"batch_size": batch_size})
    result = run(config, tiny_dataset, tmp_path)
    assert (result.status, result.reason) == (TrialStatus.FAILED, Reason.DIVERGED)
    assert re.match(message, result.error or "")
    assert result.epochs == ()
    assert result.best_epoch is result.valid is result.test is None


def test_items_that_all_look_the_same_are_a_collapse(tiny_dataset: Dataset, tmp_path: Path) -> None:
    same = replace(tiny_dataset, titles=("one title for all",) * tiny_dataset.num_items)
    result = run(tiny_config(item=FROZEN_TEXT), same, tmp_path)
    assert result.status is TrialStatus.COLLAPSED
    assert result.error == (
        "epoch 1: the target ties with more than half of the 30 candidates for 41 of 41 users"
    )


def test_a_score_that_falls_to_chance_is_a_collapse(tiny_dataset: Dataset, tmp_path: Path) -> None:
    """The interrupted trial claims a perfect first epoch; the second hits nothing."""
    config = tiny_config(optim={"lr": 1e-30}, evaluation=BY_FIRST_PLACE)
    interrupted(config, tiny_dataset, tmp_path, 1)
    saved = Checkpoints(tmp_path / "checkpoints")
    last = saved.load()
    assert last is not None
    last["progress"]["best_valid"] = valid(1.0).model_dump_json()
    saved.save(last)
    result = run(config, tiny_dataset, tmp_path)
    assert result.status is TrialStatus.COLLAPSED
    assert result.error == (
        "epoch 2: validation HR@1 fell to 0.0000, no better than chance (0.0424)"
    )
    assert len(result.epochs) == 1


# ---- learning


EASY = {
    "kind": "synthetic",
    "num_users": 1200,
    "num_items": 40,
    "num_tastes": 4,
    "mean_seq_len": 10,
    "max_seq_len": 10,
    "image_size": 16,
}
"""Few items of few tastes, which many users show within an epoch or two."""
ONE_BLOCK = {"num_blocks": 1}
STEADY = {"num_blocks": 1, "dropout": 0.0}
"""Of a model that takes many steps to find where to look."""


@pytest.fixture(scope="module")
def easy_dataset() -> Dataset:
    return load_dataset(SyntheticSpec.model_validate(EASY), Path())


@pytest.mark.parametrize(
    ("model", "loss", "max_epochs"),
    [
        (ONE_BLOCK, "bce", 2),
        (ONE_BLOCK, "in_batch_ce", 2),
        (DSSM, "bce", 2),
        (GRU4REC, "bce", 2),
        ({}, "full_ce", 3),
        (STEADY, "gbce", 5),
        (BERT4REC | STEADY, "full_ce", 10),
        (GRU4REC, "sampled_ce shared by popularity", 2),
        (NEXTITNET, "sampled_ce", 2),
        (NEXTITNET, "in_batch_ce", 2),
        # Fewer targets an epoch, and where to look is all to be learnt from positions.
        (BERT4REC | STEADY, "in_batch_ce", 10),
    ],
    ids=lambda value: value.get("kind", "sasrec") if isinstance(value, dict) else str(value),
)
def test_learning_beats_popularity_where_users_have_tastes(
    model: dict[str, Any], loss: str, max_epochs: int, easy_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(
        dataset=EASY,
        model={"dim": 32, **model},
        training={
            **TRAININGS[loss],
            "batch_size": 64,
            "max_epochs": max_epochs,
            "patience": max_epochs,
        },
        evaluation={"test": True, "batch_size": 512},
    )
    result = run(config, easy_dataset, tmp_path)
    popularity = popularity_of(easy_dataset, "test", config.evaluation).metrics["HR@10"]
    assert result.test is not None
    assert result.test.metrics["HR@10"] > 1.15 * popularity
    assert result.epochs[-1].train_loss < result.epochs[0].train_loss


BY_TIME = {"by_time": {"test": 0.2, "valid": 0.2, "target": "last"}}


@pytest.mark.parametrize(
    "model", [{}, *OTHER_MODELS], ids=lambda model: model.get("kind", "sasrec")
)
def test_every_model_trains_and_ranks_where_users_lack_some_splits(
    model: dict[str, Any], tmp_path: Path
) -> None:
    evaluation = TESTED | {"split": BY_TIME}
    config = tiny_config(model=model, evaluation=evaluation, training={"max_epochs": 1})
    dataset = load_dataset(config.dataset, Path(), config.evaluation.split)
    result = run(config, dataset, tmp_path)
    assert result.status is TrialStatus.COMPLETED, result.error
    for split, found in (("valid", result.valid), ("test", result.test)):
        assert found.num_users == dataset.counts[f"{split}_targets"] < dataset.num_users
        assert sum(one.num_users for one in found.slices["popularity"].values()) == found.num_users


def test_a_trial_is_not_run_on_windows_of_another_split(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match="windows of another split"):
        run(tiny_config(evaluation={"split": BY_TIME}), tiny_dataset, tmp_path)
