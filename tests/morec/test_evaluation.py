"""One evaluation against the protocol, user by user."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from morec.config import TrialConfig
from morec.data.dataset import Dataset
from morec.data.slices import Slicing, popularity_codes_N1, slicings
from morec.data.splits import Split, evaluation_batches, train_popularity_N1
from morec.encoders.artefacts import ArtefactStore
from morec.errors import CollapsedError, DivergedError
from morec.evaluation import evaluation_of, user_blocks
from morec.metrics import NEVER_FOUND, metrics_of
from morec.results import Evaluation, SliceMetrics
from morec.trainer import Trainer
from morec.workers import Workers
from tests.morec.tiny_trials import TRAINED_TEXT, tiny_config

CPU = torch.device("cpu")
ITEMS: dict[str, dict[str, Any]] = {"id": {"id": True}, "trained text": TRAINED_TEXT}
MODELS: dict[str, dict[str, Any]] = {
    "sasrec": {},
    "dssm": {"kind": "dssm", "mlp_layers": 1},
    "gru4rec": {"kind": "gru4rec"},
    "nextitnet": {"kind": "nextitnet"},
    "bert4rec": {"kind": "bert4rec"},
}
splits = pytest.mark.parametrize("split", ["valid", "test"])
cutoffs = st.integers(1, 20)
TRAINED_ONLY = {"candidates": "trained"}


def trainer_of(config: TrialConfig, dataset: Dataset, folder: Path) -> Trainer:
    return Trainer(config, dataset, ArtefactStore(folder), workers=Workers(), device=CPU)


def with_cold_targets(dataset: Dataset) -> Dataset:
    """The last targets of some users are items that no train list holds."""
    items, ends = dataset.item_ids.copy(), dataset.offsets_U1[1:]
    is_train = np.ones(len(items), dtype=bool)
    is_train[ends - 1] = is_train[ends - 2] = False
    for number, untrained in enumerate((4, 9, 16)):
        items[is_train & (items == untrained)] = 1
        items[ends[3 * number] - 2] = items[ends[3 * number + 1] - 1] = untrained
    return replace(dataset, item_ids=items)


def evaluation_by_users(trainer: Trainer, split: Split) -> tuple[list[int], int, int]:
    """Every user alone: score all items, strike the history out, sort, ties first."""
    model = trainer.recommender.eval()
    num_items = trainer.dataset.num_items
    trained = train_popularity_N1(trainer.dataset)
    is_full = trainer.config.evaluation.candidates == "all"
    vectors = torch.cat([model.item_encoder(torch.tensor([i + 1])) for i in range(num_items)])
    ranks, num_tied, num_forced = [], 0, 0
    for user, batch in enumerate(evaluation_batches(trainer.dataset, split, 1)):
        inputs = torch.from_numpy(batch.inputs_BL)[0]
        slots = torch.stack([vectors[i - 1] if i else 0 * vectors[0] for i in inputs.tolist()])
        states = model.user_encoder(slots[None], inputs[None] > 0, torch.tensor([user]))
        scores = vectors @ states[0, -1]
        target, history = int(batch.targets_B[0]), set(batch.history_items.tolist())
        history = history if trainer.config.evaluation.mask_history else set()
        candidates = [i for i in range(1, num_items + 1) if is_full or trained[i] > 0]
        others = [i for i in candidates if i not in history and i != target]
        higher = sum(bool(scores[i - 1] > scores[target - 1]) for i in others)
        equal = sum(bool(scores[i - 1] == scores[target - 1]) for i in others)
        is_forced = target in history
        ranks.append(NEVER_FOUND if is_forced else 1 + higher + equal)
        num_tied += equal > 0 and not is_forced
        num_forced += is_forced
    return ranks, num_tied, num_forced


def summary(result: Evaluation) -> tuple[list[int], int, int]:
    return result.ranks.tolist(), result.num_tied, result.num_forced_misses


@splits
@pytest.mark.parametrize("candidates", ["all", "trained"])
@pytest.mark.parametrize("item", ITEMS)
@pytest.mark.parametrize("model", MODELS)
def test_evaluation_is_that_of_every_user_alone(
    split: Split, candidates: str, item: str, model: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(
        item=ITEMS[item], model=MODELS[model], evaluation={"candidates": candidates}
    )
    trainer = trainer_of(config, with_cold_targets(tiny_dataset), tmp_path)
    trainer.train_epoch()
    trainer.recommender.double()
    with torch.no_grad():
        expected = evaluation_by_users(trainer, split)
    assert summary(trainer.evaluate(split)) == expected


def test_a_target_that_repeats_the_history_is_a_forced_miss(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    items = tiny_dataset.item_ids.copy()
    ends = tiny_dataset.offsets_U1[1:]
    items[ends[:5] - 2] = items[ends[:5] - 3]
    trainer = trainer_of(tiny_config(), replace(tiny_dataset, item_ids=items), tmp_path)
    result = trainer.evaluate("valid")
    assert result.num_forced_misses == 5
    assert (result.ranks[:5] == NEVER_FOUND).all()
    assert (result.ranks[5:] <= tiny_dataset.num_items).all()


@splits
@pytest.mark.parametrize("mask_history", [True, False])
def test_the_history_is_ranked_only_where_nothing_is_masked(
    split: Split, mask_history: bool, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """A third of the users come back to an item that they had before."""
    items, ends = tiny_dataset.item_ids.copy(), tiny_dataset.offsets_U1[1:][::3]
    target, earlier = (ends - 2, ends - 3) if split == "valid" else (ends - 1, ends - 3)
    items[target] = items[earlier]
    config = tiny_config(evaluation={"mask_history": mask_history})
    trainer = trainer_of(config, replace(tiny_dataset, item_ids=items), tmp_path)
    trainer.recommender.double()
    with torch.no_grad():
        expected = evaluation_by_users(trainer, split)
    result = trainer.evaluate(split)
    assert summary(result) == expected
    assert result.num_forced_misses == (len(ends) if mask_history else 0)


def test_a_cutoff_above_the_catalogue_hits_every_target_but_the_masked_ones(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    items, ends = tiny_dataset.item_ids.copy(), tiny_dataset.offsets_U1[1:]
    items[ends[:5] - 1] = items[ends[:5] - 2]
    config = tiny_config(evaluation={"ks": (10, 31, 90), "select": "HR@10"})
    trainer = trainer_of(config, replace(tiny_dataset, item_ids=items), tmp_path)
    metrics = trainer.evaluate("test").metrics
    assert metrics["HR@31"] == metrics["HR@90"] == pytest.approx(36 / 41)


def lists_by_users(trainer: Trainer, k: int) -> list[list[int]]:
    """Every user alone on the test split: score all items, strike the history out, sort."""
    model, spec = trainer.recommender.eval(), trainer.config.evaluation
    num_items = trainer.dataset.num_items
    trained = train_popularity_N1(trainer.dataset)
    vectors = model.item_encoder(torch.arange(1, num_items + 1))
    found = []
    for user, batch in enumerate(evaluation_batches(trainer.dataset, "test", 1)):
        inputs = torch.from_numpy(batch.inputs_BL)[0]
        slots = torch.stack([vectors[i - 1] if i else 0 * vectors[0] for i in inputs.tolist()])
        states = model.user_encoder(slots[None], inputs[None] > 0, torch.tensor([user]))
        scores = (vectors @ states[0, -1]).tolist()
        target = int(batch.targets_B[0])
        history = set(batch.history_items.tolist()) if spec.mask_history else set()
        some = [i for i in range(1, num_items + 1) if spec.candidates == "all" or trained[i] > 0]
        left = {*some, target} - history
        ordered = sorted(left, key=lambda i: (-scores[i - 1], i == target, i))
        found.append(ordered[:k])
    return found


@pytest.mark.parametrize("mask_history", [True, False])
@pytest.mark.parametrize("candidates", ["all", "trained"])
def test_lists_on_test_hold_what_every_user_alone_would_be_given(
    candidates: str, mask_history: bool, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Items 1 to 3 have one vector, so that scores tie; some targets are no candidates."""
    evaluation = {"candidates": candidates, "mask_history": mask_history, "ks": (3, 10)}
    config = tiny_config(evaluation=evaluation)
    trainer = trainer_of(config, with_cold_targets(tiny_dataset), tmp_path)
    trainer.train_epoch()
    flatten_scores(trainer, 3)
    trainer.recommender.double()
    with torch.no_grad():
        lists = lists_by_users(trainer, 10)
    popularity = train_popularity_N1(trainer.dataset)
    num_candidates = int((popularity > 0).sum()) if candidates == "trained" else 30
    found = trainer.evaluate("test").lists
    for k in (3, 10):
        entries = [item for one in lists for item in one[:k]]
        listed = {item for item in entries if candidates == "all" or popularity[item] > 0}
        mean = sum(popularity[item] for item in entries) / len(entries)
        assert found[f"coverage@{k}"] == pytest.approx(len(listed) / num_candidates)
        assert found[f"mean popularity@{k}"] == pytest.approx(mean)


def test_nobody_counts_the_lists_of_validation(tiny_dataset: Dataset, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    assert trainer.evaluate("valid").lists == {}
    expected = {f"{name}@10" for name in ("coverage", "mean popularity", "tail share", "gini")}
    assert trainer.evaluate("test").lists.keys() == expected


@pytest.mark.parametrize("mask_history", [True, False])
@pytest.mark.parametrize("candidates", ["all", "trained"])
def test_kept_lists_are_what_every_user_alone_would_be_given(
    candidates: str, mask_history: bool, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """Ten places whatever the cut-offs are; ties and cold targets as in the test above."""
    evaluation = {"candidates": candidates, "mask_history": mask_history, "ks": (3,)}
    config = tiny_config(evaluation=evaluation | {"select": "HR@3"})
    trainer = trainer_of(config, with_cold_targets(tiny_dataset), tmp_path)
    trainer.train_epoch()
    flatten_scores(trainer, 3)
    trainer.recommender.double()
    with torch.no_grad():
        lists = lists_by_users(trainer, 10)
    result = trainer.evaluate("test", kept_lists=1_000)
    kept = result.kept_lists
    assert kept is not None and (kept.places, kept.num_users) == (10, 41)
    assert kept.items_VK.tolist() == [one + [0] * (10 - len(one)) for one in lists]
    batches = evaluation_batches(trainer.dataset, "test", 1)
    targets = [int(batch.targets_B[0]) for batch in batches]
    assert kept.targets_V.tolist() == targets
    places = [
        one.index(target) + 1 if target in one else None
        for one, target in zip(lists, targets, strict=True)
    ]
    assert places == [rank if rank <= 10 else None for rank in result.ranks.tolist()]
    without = trainer.evaluate("test")
    assert without.kept_lists is None
    assert result.model_copy(update={"kept_lists": None}) == without


@pytest.mark.parametrize("candidates", ["all", "trained"])
def test_metrics_of_lists_follow_from_the_lists_that_are_kept(
    candidates: str, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    config = tiny_config(evaluation={"candidates": candidates, "ks": (1, 5, 10)})
    dataset = with_cold_targets(tiny_dataset)
    result = trainer_of(config, dataset, tmp_path).evaluate("test", kept_lists=41)
    assert result.kept_lists is not None
    items_VK = result.kept_lists.items_VK
    popularity = train_popularity_N1(dataset)
    candidate = np.flatnonzero(popularity > (0 if candidates == "trained" else -1))
    candidate = candidate[candidate > 0]
    tail = {i for i in range(1, 31) if popularity_codes_N1(dataset)[i] <= 2}
    for k in (1, 5, 10):
        entries = [item for item in items_VK[:, :k].ravel().tolist() if item]
        expected = {
            "coverage": len(set(entries) & set(candidate.tolist())) / len(candidate),
            "mean popularity": sum(popularity[item] for item in entries) / len(entries),
            "tail share": sum(item in tail for item in entries) / len(entries),
        }
        found = {name: result.lists[f"{name}@{k}"] for name in expected}
        assert found == pytest.approx(expected, abs=1e-12)


def test_users_above_the_limit_are_drawn_and_their_lists_are_the_same(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    whole, some = (trainer.evaluate("test", kept_lists=limit).kept_lists for limit in (41, 7))
    assert whole is not None and some is not None
    assert len(some.users_V) == 7
    assert some.items_VK.tolist() == whole.items_VK[some.users_V].tolist()


def test_validation_keeps_no_lists(tiny_dataset: Dataset, tmp_path: Path) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    assert trainer.evaluate("valid", kept_lists=41).kept_lists is None


@splits
def test_slices_are_those_of_the_splits_users(
    split: Split, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    dataset = with_cold_targets(tiny_dataset)
    result = trainer_of(tiny_config(), dataset, tmp_path).evaluate(split)
    for slicing in slicings(dataset, split):
        expected = {
            label: metrics_of(result.ranks[slicing.codes_U == code], (10,))
            for code, label in enumerate(slicing.labels)
            if (slicing.codes_U == code).any()
        }
        found = result.slices[slicing.dimension]
        assert {label: part.metrics for label, part in found.items()} == expected
    assert result.slices.keys() == {slicing.dimension for slicing in slicings(dataset, split)}
    assert result.slices["popularity"]["new"].num_users >= 3


def test_the_evaluation_batch_size_changes_nothing(tiny_dataset: Dataset, tmp_path: Path) -> None:
    results = [
        trainer_of(tiny_config(evaluation={"batch_size": size}), tiny_dataset, tmp_path).evaluate(
            "valid"
        )
        for size in (1, 16, 512)
    ]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("num_ranked", [1, 7, 10_000])
@pytest.mark.parametrize("candidates", ["all", "trained"])
def test_how_many_users_are_ranked_at_once_changes_nothing(
    num_ranked: int,
    candidates: str,
    tiny_dataset: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tiny_config(model={"dim": 2, "num_heads": 1}, evaluation={"candidates": candidates})
    trainer = trainer_of(config, with_cold_targets(tiny_dataset), tmp_path)
    trainer.recommender.double()
    expected = trainer.evaluate("test")
    monkeypatch.setattr("morec.evaluation.CACHED_SCORES", num_ranked * tiny_dataset.num_items)
    assert trainer.evaluate("test") == expected


@pytest.mark.parametrize("dim", [1, 6, 10_000])
def test_blocks_have_every_user_once_also_where_vectors_are_one_wide(dim: int) -> None:
    users = range(8_000)
    blocks = user_blocks(torch.zeros(1).expand(8_000, dim), 100)
    assert [user for block in blocks for user in users[block]] == list(users)


def flatten_scores(trainer: Trainer, num_alike: int) -> None:
    """Give the first items one vector."""
    with torch.no_grad():
        embedding = trainer.recommender.item_encoder.parts["id"].embedding
        embedding.weight[1 : 1 + num_alike] = embedding.weight[1]


def test_scores_that_tell_no_items_apart_are_a_collapse(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    flatten_scores(trainer, tiny_dataset.num_items)
    with pytest.raises(
        CollapsedError,
        match=r"^the target ties with more than half of the 30 candidates for \d+ of 41 users$",
    ):
        trainer.evaluate("valid")


def test_a_few_items_alike_are_reported_as_ties_not_as_a_collapse(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    flatten_scores(trainer, 5)
    assert 0 < trainer.evaluate("valid").num_tied < 41


@pytest.mark.parametrize(
    ("num_tied", "num_flat", "num_users", "is_collapsed"),
    [(15, 40, 40, False), (16, 20, 40, False), (16, 21, 40, True), (29, 21, 41, True)],
)
def test_more_than_half_of_the_users_tied_with_more_than_half_of_the_items_are_a_collapse(
    num_tied: int,
    num_flat: int,
    num_users: int,
    is_collapsed: bool,
    tiny_dataset: Dataset,
    tmp_path: Path,
) -> None:
    evaluator = trainer_of(tiny_config(), tiny_dataset, tmp_path).evaluator
    tied_U = np.array([num_tied] * num_flat + [0] * (num_users - num_flat))
    if not is_collapsed:
        evaluator._check_not_collapsed(tied_U)
        return
    with pytest.raises(CollapsedError, match=f"30 candidates for {num_flat} of {num_users} users"):
        evaluator._check_not_collapsed(tied_U)


class _Averaging(Workers):
    """Two workers whose mean statistics are those of the standard normal distribution."""

    def average_buffers(self, module: nn.Module) -> None:
        for norm in (one for one in module.modules() if isinstance(one, nn.BatchNorm2d)):
            norm.reset_running_stats()


def test_an_evaluation_uses_the_mean_of_all_workers_batch_statistics(
    tiny_dataset: Dataset, tmp_path: Path
) -> None:
    image = {"name": "test_resnet", "pretrained": False, "size": 32, "trainable_layers": "all"}
    config = tiny_config(item={"image": image})
    evaluations = []
    for workers, mean in ((Workers(), 0.0), (_Averaging(), 5.0)):
        store = ArtefactStore(tmp_path)
        trainer = Trainer(config, tiny_dataset, store, workers=workers, device=CPU)
        for name, buffer in trainer.recommender.named_buffers():
            if name.endswith("running_mean"):
                buffer.fill_(mean)
        evaluations.append(trainer.evaluate("valid"))
    assert evaluations[0] == evaluations[1]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_not_finite_are_a_divergence(
    value: float, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    trainer = trainer_of(tiny_config(), tiny_dataset, tmp_path)
    with torch.no_grad():
        trainer.recommender.item_encoder.parts["id"].embedding.weight[7, 0] = value
    with pytest.raises(DivergedError, match=r"^the scores of 41 of 41 users are not finite$"):
        trainer.evaluate("valid")


def test_evaluation_is_fp32_whatever_the_training(tiny_dataset: Dataset, tmp_path: Path) -> None:
    full, half = (
        trainer_of(tiny_config(training={"precision": precision}), tiny_dataset, tmp_path)
        for precision in ("fp32", "bf16")
    )
    assert full.evaluate("valid") == half.evaluate("valid")


def test_a_record_holds_ranks_metrics_and_counts() -> None:
    ranks_U = np.array([2, 30, NEVER_FOUND, NEVER_FOUND, NEVER_FOUND])
    record = evaluation_of(ranks_U, (1, 5), (), num_tied=1)
    assert record.ranks.tolist() == ranks_U.tolist()
    assert record.metrics == metrics_of(ranks_U, (1, 5))
    assert (record.num_users, record.num_tied, record.num_forced_misses) == (5, 1, 3)
    assert record.slices == {}


def test_slices_are_the_metrics_of_their_users_in_the_order_of_the_labels() -> None:
    popularity = Slicing("popularity", ("new", "cold", "head"), np.array([2, 0, 2, 2]))
    history = Slicing("history", ("3-4", "5-9"), np.array([0, 0, 1, 1]))
    ranks_U = np.array([1, 7, 3, 20])
    slicings = (popularity, history)
    record = evaluation_of(ranks_U, (5,), slicings, num_tied=0)
    expected = {
        "popularity": {"new": [7], "head": [1, 3, 20]},
        "history": {"3-4": [1, 7], "5-9": [3, 20]},
    }
    assert record.slices == {
        dimension: {
            label: SliceMetrics(num_users=len(ranks), metrics=metrics_of(np.array(ranks), (5,)))
            for label, ranks in parts.items()
        }
        for dimension, parts in expected.items()
    }
    assert list(record.slices["popularity"]) == ["new", "head"]


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 3)), min_size=1), cutoffs)
def test_slices_weighted_by_their_users_add_up_to_the_whole(users, k: int) -> None:
    ranks_U, codes_U = (np.array(column) for column in zip(*users, strict=True))
    slicing = Slicing("some", ("a", "b", "c", "d"), codes_U)
    record = evaluation_of(ranks_U, (k,), (slicing,), num_tied=0)
    parts = record.slices["some"].values()
    assert sum(part.num_users for part in parts) == len(users)
    for name, value in record.metrics.items():
        total = sum(part.num_users * part.metrics[name] for part in parts)
        assert total / len(users) == pytest.approx(value)
