"""Content kNN, against loops over histories with plain cosines."""

from dataclasses import replace

import numpy as np
import pytest

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.references import dense_ranking
from morec.references.content_knn import LAST_ITEMS, content_knn
from morec.references.scored import ReferenceTask, Scored
from morec.results import Evaluation
from tests.morec.data.hand_made import dataset_of
from tests.morec.references.loops import drawn_dataset, loop_histories, loop_ranks, renamed


def features_of(dataset: Dataset, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0.3, 1, (dataset.num_items, 4)).astype(np.float32)


def loop_scores(
    dataset: Dataset, split: Split, features: np.ndarray, number: int
) -> list[list[float]]:
    scores = []
    for history in loop_histories(dataset, split):
        mean = np.mean([features[item - 1] for item in history[-number:]], axis=0, dtype=float)
        cosines = [
            float(mean @ row / (np.linalg.norm(mean) * np.linalg.norm(row)))
            for row in features.astype(float)
        ]
        scores.append([0.0, *cosines])
    return scores


@pytest.mark.parametrize("candidates", ["all", "trained"])
@pytest.mark.parametrize("mask_history", [True, False])
def test_the_number_of_items_is_the_best_on_validation_and_the_ranks_those_of_loops(
    candidates: Candidates, mask_history: bool
) -> None:
    dataset = drawn_dataset(3)
    features = features_of(dataset)
    spec = EvaluationSpec(
        ks=(3,), select="NDCG@3", candidates=candidates, mask_history=mask_history
    )
    found = content_knn(ReferenceTask(dataset, spec, features))
    by_number = {
        number: loop_ranks(dataset, "valid", spec, loop_scores(dataset, "valid", features, number))[
            0
        ]
        for number in (1, 2, 3, 5, 6)
    }
    gains = {
        number: sum(1 / np.log2(rank + 1) for rank in ranks if rank <= 3)
        for number, ranks in by_number.items()
    }
    best = max(gains, key=gains.__getitem__)
    assert found.chosen == {"last items": best}
    assert isinstance(found.valid, Evaluation) and isinstance(found.test, Evaluation)
    assert found.valid.ranks.tolist() == by_number[best]
    on_test = loop_ranks(dataset, "test", spec, loop_scores(dataset, "test", features, best))
    assert found.test.ranks.tolist() == on_test[0]


def test_other_names_of_the_items_and_other_scales_change_nothing() -> None:
    dataset, spec = drawn_dataset(4), EvaluationSpec(ks=(3,), select="HR@3")
    features = features_of(dataset)
    new_ids = np.random.default_rng(4).permutation(dataset.num_items) + 1
    again = np.empty_like(features)
    again[new_ids - 1] = features
    expected = content_knn(ReferenceTask(dataset, spec, features))
    moved = ReferenceTask(renamed(dataset, new_ids.tolist()), spec, again * 8)
    assert content_knn(moved) == expected


def test_an_average_is_not_taken_over_more_items_than_a_model_reads() -> None:
    for length, longest in ((3, 3), (80, 50)):
        dataset = replace(drawn_dataset(5), max_seq_len=length)
        features = features_of(dataset)
        numbers = {n for n in LAST_ITEMS if n <= length} | {min(length, max(LAST_ITEMS))}
        assert max(numbers) == longest
        found = content_knn(ReferenceTask(dataset, EvaluationSpec(), features))
        assert found.chosen["last items"] in numbers


def on_test(found: Scored) -> list[int]:
    assert isinstance(found.test, Evaluation)
    return found.test.ranks.tolist()


def test_equal_features_tie_and_features_of_zero_have_a_cosine_of_zero() -> None:
    dataset = dataset_of([[1, 2, 3, 4]], num_items=6)
    # Items 4 and 5 are equal and like the history; item 6 has no features.
    features = np.array([[1, 0], [1, 0], [1, 0], [3, 3], [3, 3], [0, 0]], dtype=np.float32)
    spec = EvaluationSpec(ks=(1,), select="HR@1")
    assert on_test(content_knn(ReferenceTask(dataset, spec, features))) == [2]
    without = np.array([[0, 0], [0, 0], [0, 0], [3, 3], [3, 3], [0, 0]], dtype=np.float32)
    assert on_test(content_knn(ReferenceTask(dataset, spec, without))) == [3]


def test_too_many_scores_are_left_out_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_ranking, "MAX_SCORES", 1)
    dataset = drawn_dataset()
    found = content_knn(ReferenceTask(dataset, EvaluationSpec(), features_of(dataset)))
    assert found.left_out == "40 users times 15 items are more than 1 scores"
