"""Records survive their file, and one whose fields do not fit its status is refused."""

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from morec.results import (
    Cost,
    EpochRecord,
    Evaluation,
    TrialResult,
    TrialStatus,
    pack_ranks,
    replace_atomically,
    write_atomically,
)
from tests.morec.tiny_trials import tiny_config

seconds = st.floats(0, 1e6)
shares = st.floats(0, 1)
counts = st.integers(0, 10**15)


def epoch(number: int, score: float = 0.5) -> EpochRecord:
    metrics = {"HR@10": score, "NDCG@10": score / 2}
    return EpochRecord(epoch=number, train_loss=1.25, valid=metrics, train_s=2.0, eval_s=0.5)


def evaluation(*ranks: int) -> Evaluation:
    return Evaluation(
        metrics={"HR@10": 1.0},
        num_users=len(ranks),
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks(ranks),
    )


def fields(**changes: Any) -> dict[str, Any]:
    """A completed trial that has not seen the test split."""
    config = tiny_config()
    return {
        "trial_id": config.trial_id({}),
        "config": config,
        "sources": {},
        "status": TrialStatus.COMPLETED,
        "epochs": (epoch(1),),
        "best_epoch": 1,
        "valid": evaluation(1, 2),
        **changes,
    }


@st.composite
def costs(draw: st.DrawFn) -> Cost:
    return Cost(
        params_total=draw(counts),
        params_trainable=draw(counts),
        forward_macs_paper=draw(st.none() | counts),
        forward_macs_run=draw(st.none() | counts),
        uncounted_ops=tuple(draw(st.lists(st.text(), max_size=2))),
        first_epoch_s=draw(st.none() | seconds),
        epoch_s=draw(st.none() | seconds),
        eval_s=draw(st.none() | seconds),
        total_s=draw(seconds),
        peak_memory_bytes=draw(st.none() | counts),
        memory_kind="process resident set",
        device=draw(st.text()),
    )


@st.composite
def results(draw: st.DrawFn) -> TrialResult:
    """Results of every status, tested or not."""
    status = draw(st.sampled_from(TrialStatus))
    is_done = status is TrialStatus.COMPLETED
    is_tested = is_done and draw(st.booleans())
    ranks = draw(st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=5))
    scores = draw(st.lists(shares, min_size=1, max_size=3))
    return TrialResult(
        **fields(
            config=tiny_config(evaluation={"test": is_tested}, seed=draw(st.integers(0, 99))),
            status=status,
            epochs=tuple(epoch(number + 1, score) for number, score in enumerate(scores)),
            valid=evaluation(*ranks) if is_done else None,
            best_epoch=1 if is_done else None,
            test=evaluation(*ranks) if is_tested else None,
            cost=draw(st.none() | costs()),
            error=draw(st.text(min_size=1)),
            num_starts=draw(st.integers(1, 9)),
        )
    )


@given(results())
def test_a_result_reads_back_as_it_was_written(result: TrialResult) -> None:
    assert TrialResult.model_validate_json(result.model_dump_json()) == result


@given(st.lists(st.integers(1, 2**32 - 1), min_size=1))
def test_packed_ranks_unpack_to_the_same(ranks: list[int]) -> None:
    changes = {"packed_ranks": pack_ranks(ranks), "num_users": len(ranks)}
    assert evaluation(1).model_copy(update=changes).ranks.tolist() == ranks


def test_packed_ranks_are_small_and_plain_text() -> None:
    ranks = np.random.default_rng(0).integers(1, 1000, size=10_000)
    assert len(pack_ranks(ranks)) < 2.5 * len(ranks)
    assert pack_ranks(ranks).isascii()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": ()}, "a completed trial has epochs, a best epoch and validation metrics"),
        ({"best_epoch": None}, "a completed trial has epochs, a best epoch and validation metrics"),
        ({"valid": None}, "a completed trial has epochs, a best epoch and validation metrics"),
        ({"best_epoch": 2}, "best epoch 2 is none of the 1 epochs"),
        ({"best_epoch": 0}, "best epoch 0 is none of the 1 epochs"),
        ({"test": evaluation(1)}, "test metrics belong to completed trials that ask for them"),
        (
            {"config": tiny_config(evaluation={"test": True})},
            "a completed trial that asks for test metrics has them",
        ),
        ({"status": TrialStatus.FAILED}, "a failed trial says why"),
        ({"status": TrialStatus.COLLAPSED, "error": ""}, "a failed trial says why"),
        (
            {
                "config": tiny_config(evaluation={"test": True}),
                "status": TrialStatus.PRUNED,
                "test": evaluation(1),
            },
            "test metrics belong to completed trials that ask for them",
        ),
        ({"epochs": (epoch(1), epoch(3))}, r"epochs are numbered 1, 2, \.\.\., not \[1, 3\]"),
    ],
)
def test_a_result_fits_its_status(changes, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TrialResult(**fields(**changes))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_an_epoch_has_a_finite_loss(loss: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        EpochRecord(epoch=1, train_loss=loss, valid={}, train_s=0.0, eval_s=0.0)


@pytest.mark.parametrize("score", [-0.1, 1.1, 17.7])
def test_metrics_are_shares_not_percentages(score: float) -> None:
    with pytest.raises(ValidationError, match="than or equal to"):
        epoch(1, score)


def test_the_best_score_is_the_highest_of_the_selected_metric() -> None:
    epochs = (epoch(1, 0.2), epoch(2, 0.6), epoch(3, 0.4))
    assert TrialResult(**fields(epochs=epochs, best_epoch=2)).best_score() == 0.6


@pytest.mark.parametrize("status", [TrialStatus.FAILED, TrialStatus.COLLAPSED])
def test_a_failed_trial_has_no_score_however_well_it_began(status: TrialStatus) -> None:
    assert TrialResult(**fields(status=status, error="epoch 2: gone")).best_score() is None


def test_a_pruned_trial_has_the_score_it_reached() -> None:
    assert TrialResult(**fields(status=TrialStatus.PRUNED)).best_score() == 0.5


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "trial.json"
    write_atomically(path, "first, and longer")
    write_atomically(path, "second: ü")
    assert path.read_text(encoding="utf-8") == "second: ü"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    write_atomically(path, "old")

    def run_out_of_space(stream: BinaryIO) -> None:
        stream.write(b"half of the n")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        replace_atomically(path, run_out_of_space)
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "not a character: \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_until_a_file_is_whole_readers_see_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "trial.json"
    path.write_bytes(b"old")
    seen = BytesIO()

    def write_and_look(stream: BinaryIO) -> None:
        stream.write(b"new")
        stream.flush()
        seen.write(path.read_bytes())

    replace_atomically(path, write_and_look)
    assert (seen.getvalue(), path.read_bytes()) == (b"old", b"new")
