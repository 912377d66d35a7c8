"""Every reference of the table is evaluated like a model, on both splits."""

from dataclasses import replace
from math import log2

import numpy as np
import pytest

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.slices import slicings
from morec.data.splits import Split, evaluation_batches, train_sequences_UL1
from morec.references.chance import chance
from morec.references.popularity import popularity
from morec.references.scored import ReferenceTask, metrics_in
from morec.references.table import ENCODER_REFERENCES, REFERENCES

TRAINED = EvaluationSpec(candidates="trained")
splits = pytest.mark.parametrize("split", ["valid", "test"])


def users(dataset: Dataset, split: Split) -> list[tuple[int, set[int]]]:
    """Every user's target and masked items."""
    found = []
    for batch in evaluation_batches(dataset, split, 7):
        for row, target in enumerate(batch.targets_B.tolist()):
            history = batch.history_items[batch.history_rows == row]
            found.append((target, set(history.tolist())))
    return found


def ranks_by_popularity(dataset: Dataset, split: Split) -> list[int]:
    trained = train_sequences_UL1(dataset).flatten().tolist()
    ranks = []
    for target, history in users(dataset, split):
        others = set(range(1, dataset.num_items + 1)) - history - {target}
        ahead = sum(trained.count(item) >= trained.count(target) for item in others)
        ranks.append(1 + ahead)
    return ranks


@splits
def test_popularity_is_evaluated_like_a_model(tiny_dataset: Dataset, split: Split) -> None:
    ranks = ranks_by_popularity(tiny_dataset, split)
    result = popularity(tiny_dataset, split, EvaluationSpec(ks=(1, 10)))
    assert result.ranks.tolist() == ranks
    assert result.num_users == tiny_dataset.num_users == len(ranks)
    assert result.num_forced_misses == 0
    assert result.metrics == {
        "HR@1": ranks.count(1) / len(ranks),
        "HR@10": sum(rank <= 10 for rank in ranks) / len(ranks),
        "NDCG@1": ranks.count(1) / len(ranks),
        "NDCG@10": pytest.approx(sum(1 / log2(r + 1) for r in ranks if r <= 10) / len(ranks)),
        "MRR@1": ranks.count(1) / len(ranks),
        "MRR@10": pytest.approx(sum(1 / rank for rank in ranks if rank <= 10) / len(ranks)),
    }


@splits
def test_chance_spreads_the_target_evenly_over_the_candidates(
    tiny_dataset: Dataset, split: Split
) -> None:
    found = users(tiny_dataset, split)
    candidates = [tiny_dataset.num_items - len(history) for _, history in found]
    gain = sum(1 / log2(rank + 1) for rank in range(1, 11))
    harmonic = sum(1 / rank for rank in range(1, 11))
    assert chance(tiny_dataset, split, EvaluationSpec()) == {
        "HR@10": pytest.approx(sum(10 / count for count in candidates) / len(found)),
        "NDCG@10": pytest.approx(sum(gain / count for count in candidates) / len(found)),
        "MRR@10": pytest.approx(sum(harmonic / count for count in candidates) / len(found)),
    }


@splits
def test_both_follow_the_candidates_of_the_models(tiny_dataset: Dataset, split: Split) -> None:
    """The first user's target is new, so it is ranked beside the trained items."""
    items, ends = tiny_dataset.item_ids.copy(), tiny_dataset.offsets_U1[1:]
    items[items == 4] = 5
    items[ends[0] - (2 if split == "valid" else 1)] = 4
    dataset = replace(tiny_dataset, item_ids=items)
    trained = set(train_sequences_UL1(dataset).flatten().tolist()) - {0}
    assert 4 not in trained
    found = users(dataset, split)
    others = [len(trained - history - {target}) for target, history in found]
    forced = [target in history for target, history in found]
    ranking = popularity(dataset, split, TRAINED)
    assert ranking.ranks[0] == others[0] + 1
    hits = [
        0 if is_forced else min(10, count + 1) / (count + 1)
        for count, is_forced in zip(others, forced, strict=True)
    ]
    expected = sum(hits) / len(hits)
    assert chance(dataset, split, TRAINED)["HR@10"] == pytest.approx(expected)
    assert chance(dataset, split, EvaluationSpec())["HR@10"] < expected


@splits
def test_popularity_has_the_slices_of_a_model(tiny_dataset: Dataset, split: Split) -> None:
    result = popularity(tiny_dataset, split, EvaluationSpec())
    for slicing in slicings(tiny_dataset, split):
        parts = result.slices[slicing.dimension]
        assert sum(part.num_users for part in parts.values()) == tiny_dataset.num_users
        for label, part in parts.items():
            ranks_U = result.ranks[slicing.codes_U == slicing.labels.index(label)]
            assert part.metrics["HR@10"] == (ranks_U <= 10).mean()


def task_of(dataset: Dataset, spec: EvaluationSpec) -> ReferenceTask:
    features_NH = np.random.default_rng(0).normal(size=(dataset.num_items, 3)).astype(np.float32)
    return ReferenceTask(dataset, spec, features_NH)


@pytest.mark.parametrize("name", [*REFERENCES, *ENCODER_REFERENCES])
def test_a_reference_has_every_metric_at_every_cutoff(tiny_dataset: Dataset, name: str) -> None:
    spec = EvaluationSpec(ks=(1, 5), select="HR@5")
    times_s = np.arange(len(tiny_dataset.item_ids))
    dataset = replace(tiny_dataset, times_s=times_s)
    found = (REFERENCES | ENCODER_REFERENCES)[name](task_of(dataset, spec))
    assert found.left_out == ""
    for scores in (found.valid, found.test):
        metrics = metrics_in(scores)
        assert list(metrics) == ["HR@1", "HR@5", "NDCG@1", "NDCG@5", "MRR@1", "MRR@5"]
        assert all(0 <= value <= 1 for value in metrics.values())


def test_references_of_one_split_are_those_of_both(tiny_dataset: Dataset) -> None:
    spec = EvaluationSpec()
    for name, score in (("popularity", popularity), ("chance", chance)):
        found = REFERENCES[name](ReferenceTask(tiny_dataset, spec))
        assert found.valid == score(tiny_dataset, "valid", spec)
        assert found.test == score(tiny_dataset, "test", spec)
        assert found.chosen == {}


def test_the_rows_of_the_references_stand_in_this_order() -> None:
    assert list(REFERENCES) == ["popularity", "recent popularity", "chance", "ItemKNN", "EASE"]
    assert list(ENCODER_REFERENCES) == ["content kNN"]
