"""The exit code says how a run ended."""

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
