"""When a trial ends, which epoch is its best, when it has collapsed, and its way into a file."""

import pytest

from morec.checkpoints import STORED
from morec.errors import CollapsedError
from morec.progress import Progress
from morec.results import EpochRecord, Evaluation, pack_ranks


def epoch(number: int, score: float) -> EpochRecord:
    return EpochRecord(epoch=number, train_loss=1, valid={"HR@1": score}, train_s=0, eval_s=0)


def valid(score: float) -> Evaluation:
    return Evaluation(
        metrics={"HR@1": score},
        num_users=1,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks([1]),
    )


@pytest.mark.parametrize(
    ("num_epochs", "best", "is_over"),
    [(1, 1, False), (7, 1, False), (8, 1, True), (9, 3, False), (10, 3, True), (20, 20, True)],
)
def test_more_than_6_epochs_after_the_best_or_20_in_all_are_the_end(
    num_epochs: int, best: int, is_over: bool
) -> None:
    progress = Progress([epoch(number + 1, 0.0) for number in range(num_epochs)], best)
    assert progress.is_over(max_epochs=20, patience=6) is is_over


def test_an_equal_score_is_no_progress_but_the_first_always_is() -> None:
    assert Progress().is_best(0.0, "HR@1")
    assert not Progress(best_valid=valid(0.5)).is_best(0.5, "HR@1")
    assert Progress(best_valid=valid(0.5)).is_best(0.51, "HR@1")


@pytest.mark.parametrize("best", [None, valid(0.5)])
def test_progress_survives_a_checkpoint(best: Evaluation | None) -> None:
    progress = Progress([epoch(1, 0.5), epoch(2, 0.25)], 1, best, 3, spent_s=1.5, energy_j=2.5)
    state = progress.to_state()
    assert state.keys() == set(STORED["progress"])
    assert Progress.from_state(state) == progress


@pytest.mark.parametrize(
    ("best", "score", "is_collapsed"),
    [(0.4, 0.1, True), (0.4, 0.11, False), (0.39, 0.1, False), (None, 0.0, False)],
)
def test_falling_to_chance_from_four_times_chance_is_a_collapse(
    best: float | None, score: float, is_collapsed: bool
) -> None:
    progress = Progress(best_valid=None if best is None else valid(best))
    if not is_collapsed:
        progress.check_above_chance(score, "HR@1", chance=0.1)
        return
    with pytest.raises(CollapsedError, match=r"HR@1 fell to 0\.1000, no better than chance"):
        progress.check_above_chance(score, "HR@1", chance=0.1)
