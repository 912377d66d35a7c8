"""Ranks from blocks of scores, against loops over users and items; choices on validation."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import Candidates, EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.slices import slicings
from morec.data.splits import Split, train_popularity_N1
from morec.references import dense_ranking
from morec.references.dense_ranking import Scorer, choose, evaluate, too_many_scores
from morec.references.popularity import popularity
from morec.references.scored import ReferenceTask
from morec.results import Evaluation
from tests.morec.data.hand_made import dataset_of, datasets, quick
from tests.morec.references.loops import drawn_dataset, loop_histories, loop_ranks, pools, splits


def loop_score(history: list[int], item: int) -> float:
    """A score with many ties that depends on the order of the history."""
    return sum((place + 1) * (past * item % 3) for place, past in enumerate(history[::-1]))


def score(inputs_BL: np.ndarray, num_items: int) -> np.ndarray:
    histories = [[item for item in row if item] for row in inputs_BL.tolist()]
    items = range(1, num_items + 1)
    return np.array([[loop_score(one, item) for item in items] for one in histories], float)


@quick
@given(datasets(), splits, pools, st.booleans())
def test_ranks_are_those_of_a_loop_over_users_and_items(
    dataset: Dataset, split: Split, candidates: Candidates, mask_history: bool
) -> None:
    spec = EvaluationSpec(candidates=candidates, mask_history=mask_history)
    task = ReferenceTask(dataset, spec)
    found = evaluate(task, split, lambda inputs_BL: score(inputs_BL, dataset.num_items))
    items = range(dataset.num_items + 1)
    scores = [[loop_score(one, item) for item in items] for one in loop_histories(dataset, split)]
    expected = loop_ranks(dataset, split, spec, scores)
    assert (found.ranks.tolist(), found.num_tied, found.num_forced_misses) == expected
    assert set(found.slices) == {one.dimension for one in slicings(dataset, split)}


@quick
@given(datasets(), splits, pools, st.booleans())
def test_scores_without_users_rank_as_popularity_does(
    dataset: Dataset, split: Split, candidates: Candidates, mask_history: bool
) -> None:
    spec = EvaluationSpec(candidates=candidates, mask_history=mask_history)
    counts_N = train_popularity_N1(dataset)[1:].astype(float)
    task = ReferenceTask(dataset, spec)
    found = evaluate(task, split, lambda inputs_BL: np.tile(counts_N, (len(inputs_BL), 1)))
    # Lists are counted for popularity alone.
    expected = popularity(dataset, split, spec).model_copy(update={"lists": {}})
    assert found == expected


def test_blocks_do_not_change_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = drawn_dataset()
    task = ReferenceTask(dataset, EvaluationSpec())

    def evaluated() -> Evaluation:
        return evaluate(task, "test", lambda inputs_BL: score(inputs_BL, dataset.num_items))

    whole = evaluated()
    sizes: list[int] = []

    def counted(inputs_BL: np.ndarray) -> np.ndarray:
        sizes.append(len(inputs_BL))
        return score(inputs_BL, dataset.num_items)

    monkeypatch.setattr(dense_ranking, "BLOCK_SCORES", 3 * dataset.num_items + 1)
    assert evaluate(task, "test", counted) == whole
    assert sizes == [3] * 13 + [1]


def test_scores_that_are_equal_but_for_rounding_tie() -> None:
    dataset = dataset_of([[1, 2, 3, 4]], num_items=5)
    nearly_N = np.array([0, 0, 0, 0.1 + 0.2, 0.3])
    found = evaluate(ReferenceTask(dataset, EvaluationSpec()), "test", lambda _: nearly_N[None])
    assert (found.ranks.tolist(), found.num_tied) == ([2], 1)


def constant(value: float, log: list[float], num_items: int) -> Scorer:
    """Scores that put high ids first, the more so the larger ``value`` is; a log of its calls."""

    def scored(inputs_BL: np.ndarray) -> np.ndarray:
        log.append(value)
        return np.tile(value * np.arange(num_items, dtype=float), (len(inputs_BL), 1))

    return scored


def test_the_best_point_on_validation_is_chosen_and_test_is_looked_at_once() -> None:
    # The targets of validation are the highest ids, those of test the lowest.
    dataset = dataset_of([[4, 5, 9, 1], [5, 4, 8, 2]], num_items=9)
    log: list[float] = []
    points = [({"value": value}, constant(value, log, 9)) for value in (-1.0, 1.0, 2.0)]
    spec = EvaluationSpec(ks=(1, 2), select="HR@2")
    found = choose(ReferenceTask(dataset, spec), iter(points))
    assert found.chosen == {"value": 1.0}
    assert isinstance(found.valid, Evaluation) and isinstance(found.test, Evaluation)
    assert found.valid.ranks.tolist() == [1, 2]
    assert found.test.ranks.tolist() == [6, 5]
    assert log == [-1.0, 1.0, 2.0, 1.0, 1.0]


def test_the_metric_that_chooses_is_the_one_that_selects_models() -> None:
    # Ranks by the first point are 1, 3, 3, by the second 3, 2, 2.
    dataset = dataset_of([[4, 5, 3, 1], [5, 4, 1, 2], [4, 5, 1, 2]], num_items=5)
    by_point = {1.0: [0, 1, 2, 0, 0], 2.0: [1, 2, 0, 0, 0]}

    def points() -> Iterator[tuple[dict[str, float], Scorer]]:
        for value, scores in by_point.items():
            yield {"value": value}, lambda rows, row=scores: np.array([row] * len(rows), float)

    for metric, chosen in (("HR@1", 1.0), ("HR@2", 2.0)):
        spec = EvaluationSpec(ks=(1, 2), select=metric)
        assert choose(ReferenceTask(dataset, spec), points()).chosen == {"value": chosen}


def test_a_choice_reads_evenly_spread_users_and_the_result_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = drawn_dataset(num_users=40)
    monkeypatch.setattr(dense_ranking, "BLOCK_USERS", 2)
    monkeypatch.setattr(dense_ranking, "CHOICE_USERS", 10)
    seen: list[int] = []

    def counted(inputs_BL: np.ndarray) -> np.ndarray:
        seen.append(len(inputs_BL))
        return np.ones((len(inputs_BL), dataset.num_items))

    found = choose(ReferenceTask(dataset, EvaluationSpec()), [({}, counted)])
    assert isinstance(found.valid, Evaluation) and found.valid.num_users == 40
    assert seen == [2] * (5 + 20 + 20)


def test_no_more_scores_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = drawn_dataset(num_users=40, num_items=15)
    monkeypatch.setattr(dense_ranking, "MAX_SCORES", 600)
    assert too_many_scores(dataset) == ""
    monkeypatch.setattr(dense_ranking, "MAX_SCORES", 599)
    assert too_many_scores(dataset) == "40 users times 15 items are more than 599 scores"
