"""What a run answers: its exit code, and a line for everything that failed or is missing."""

import signal

import pytest

from tune_space.execution.options import RunOutcome


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (RunOutcome(num_done=2), 0),
        (RunOutcome(num_done=1, is_finished=False), 0),
        (RunOutcome(num_done=2, failed=("t1",)), 1),
        (RunOutcome(num_done=0, unlocked=("A",)), 1),
        (RunOutcome(num_done=1, failed=("t1",), is_finished=False, signal=signal.SIGINT), 130),
        (RunOutcome(num_done=1, is_finished=False, signal=signal.SIGTERM), 143),
    ],
)
def test_a_signal_counts_before_failures_and_running_out_of_time_is_no_failure(
    outcome: RunOutcome, code: int
) -> None:
    assert outcome.exit_code == code


def test_every_failed_trial_and_arm_without_a_choice_is_a_line() -> None:
    outcome = RunOutcome(
        num_done=1,
        failed={"t1": "process lost"},
        unlocked=("A",),
        given_up=("B",),
        is_finished=False,
    )
    assert outcome.format_problems() == [
        "failed: t1 (process lost)",
        "no search trial of arm 'A' completed",
        "arm 'B' is given up: 5 trials failed, none did not",
        "not finished: run the same command again to continue",
    ]
    assert RunOutcome(num_done=1).format_problems() == []
