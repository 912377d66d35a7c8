"""Signals end a block in good order, whoever has their handler at that moment."""

import os
import signal

import pytest

from tune_space.execution.signals import Caught, sigterm_as_sigint, stopped_by_signal


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_and_is_remembered(number: int) -> None:
    caught = Caught()
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_as_sigint(caught), stopped_by_signal(caught):
        os.kill(os.getpid(), number)
        pytest.fail("the block went on")
    assert caught.number == number
    assert signal.getsignal(signal.SIGTERM) == before


def test_rays_own_handler_of_sigterm_counts_as_the_signal() -> None:
    caught = Caught()
    with stopped_by_signal(caught):
        raise SystemExit(signal.SIGTERM)
    assert caught.number == signal.SIGTERM


@pytest.mark.parametrize("error", [SystemExit(1), SystemExit(), ValueError("x")])
def test_anything_else_passes(error: BaseException) -> None:
    caught = Caught()
    with pytest.raises(type(error)), stopped_by_signal(caught):
        raise error
    assert caught.number is None
