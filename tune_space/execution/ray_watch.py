"""Ends the driver when its Ray session dies; Ray Tune would wait for the session for ever.

A driver depends on two servers: the cluster's control service and this node's raylet. A busy server
still takes connections; a server that is gone refuses them.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

import ray

from morec.errors import DataError, ExitCode
from tune_space.ledger.records import Ledger

POLL_S = 0.5
TIMEOUT_S = 5.0
"""A connection attempt that is not answered in this time counts as refused."""
MAX_REFUSALS = 3
"""A server that refuses this many connections in a row is gone."""


class RayWatch:
    """Connects to servers again and again, in a thread of its own, to see whether they live."""

    def __init__(
        self, servers: Mapping[str, tuple[str, int]], when_gone: Callable[[str], None]
    ) -> None:
        self._servers = servers
        self._when_gone = when_gone
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ray watch", daemon=True)

    def start(self) -> None:
        """Begin; the thread calls ``when_gone`` once, with a sentence, if a server is gone."""
        self._thread.start()

    def stop(self) -> None:
        """End; from now on the session may be shut down."""
        self._is_over.set()
        self._thread.join()

    def gone(self) -> str | None:
        """A sentence about the first server that refuses a connection; None if all take it."""
        for name, address in self._servers.items():
            if not answers(address):
                return f"Ray's {name} at {address[0]}:{address[1]} is gone"
        return None

    def is_intact(self) -> bool:
        """Whether the session lives; asks up to ``MAX_REFUSALS`` times to be certain."""
        for _ in range(MAX_REFUSALS):
            if self.gone() is None:
                return True
            time.sleep(POLL_S)
        return False

    def _watch(self) -> None:
        refusals = 0
        while not self._is_over.wait(POLL_S):
            sentence = self.gone()
            refusals = refusals + 1 if sentence else 0
            if sentence and refusals >= MAX_REFUSALS and not self._is_over.is_set():
                self._when_gone(sentence)
                return


@contextmanager
def watched_session(ledger: Ledger) -> Iterator[RayWatch]:
    """End this process with a message if its Ray session dies; the ledger's study is interrupted.

    Records are written whole, so ending at any moment loses none.
    """

    def end(sentence: str) -> None:
        with suppress(OSError, DataError):
            ledger.interrupt(sentence)
        _end_process(sentence)

    watch = RayWatch(_servers(), end)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def _servers() -> dict[str, tuple[str, int]]:
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    servers = {"control service": (host, int(port))}
    for node in ray.nodes():
        if node["NodeID"] == context.get_node_id():
            servers["raylet"] = (node["NodeManagerAddress"], node["NodeManagerPort"])
    return servers


def answers(address: tuple[str, int]) -> bool:
    """Whether a server at this host and port takes connections."""
    try:
        socket.create_connection(address, TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _end_process(sentence: str) -> None:
    """Print what happened and end at once, since other threads may wait for Ray for ever."""
    print(
        f"\n{sentence}. What had finished is recorded; run the same command again to continue",
        file=sys.stderr,
        flush=True,
    )
    sys.stdout.flush()
    os._exit(ExitCode.NO_RAY)
