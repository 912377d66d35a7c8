"""Signals end a block in good order, whoever has their handler at that moment."""

import os
import signal
from collections.abc import Iterator

import pytest

from tune_space.execution.signals import Caught, sigterm_as_sigint, stopped_by_signal


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Python's own handlers, also where these tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_block_and_is_remembered(number: int) -> None:
    caught = Caught()
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_as_sigint(caught), stopped_by_signal(caught):
        os.kill(os.getpid(), number)
        pytest.fail("the block went on")
    assert caught.number == number
    assert signal.getsignal(signal.SIGTERM) == before


def test_sigterm_ends_a_block_that_a_shell_started_with_sigint_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    caught = Caught()
    with sigterm_as_sigint(caught), stopped_by_signal(caught):
        os.kill(os.getpid(), signal.SIGTERM)
        pytest.fail("the block went on")
    assert caught.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_handler_of_sigint_that_the_block_leaves_behind_is_gone_afterwards() -> None:
    with sigterm_as_sigint(Caught()):
        signal.signal(signal.SIGINT, lambda *signals: None)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


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
