"""Notices when the Ray session dies under a running study, which Ray Tune would wait for for ever.

Looked at are the two servers a driver depends on: the cluster's control service and this node's
raylet. A server that is only busy still takes connections; one that is gone refuses them.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import ray

POLL_S = 0.5
TIMEOUT_S = 5.0
"""A connection that is neither taken nor refused in this time counts as refused."""
MAX_REFUSALS = 3
"""Refused so many times in a row, a server is gone."""
GONE_CODE = 1
"""Exit code; records are written whole, so that ending at any moment loses none."""


class RayWatch:
    """Asks servers, from a thread of its own, whether they are still there."""

    def __init__(
        self, servers: Mapping[str, tuple[str, int]], when_gone: Callable[[str], None]
    ) -> None:
        self._servers = servers
        self._when_gone = when_gone
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="ray watch", daemon=True)

    def start(self) -> None:
        """Begin; ``when_gone`` is called from the thread, once, with a sentence."""
        self._thread.start()

    def stop(self) -> None:
        """End; the session may go now."""
        self._is_over.set()
        self._thread.join()

    def gone(self) -> str | None:
        """The first server that refuses connections, in words; None if all take them."""
        for name, address in self._servers.items():
            if not answers(address):
                return f"Ray's {name} at {address[0]}:{address[1]} is gone"
        return None

    def is_intact(self) -> bool:
        """Whether the session still stands, asked until the answer is certain."""
        for _ in range(MAX_REFUSALS):
            if self.gone() is None:
                return True
            time.sleep(POLL_S)
        return False

    def _watch(self) -> None:
        refusals = 0
        while not self._is_over.wait(POLL_S):
            what = self.gone()
            refusals = refusals + 1 if what else 0
            if what and refusals >= MAX_REFUSALS and not self._is_over.is_set():
                self._when_gone(what)
                return


@contextmanager
def watched_session() -> Iterator[RayWatch]:
    """End this process with a message should the Ray session it is connected to die."""
    watch = RayWatch(_servers(), _end_process)
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
    """Whether something takes connections there."""
    try:
        socket.create_connection(address, TIMEOUT_S).close()
    except OSError:
        return False
    return True


def _end_process(what: str) -> None:
    """Say what happened and end at once: whoever waits for Ray in this process waits for ever."""
    print(
        f"\n{what}. What had finished is recorded; run the same command again to continue",
        file=sys.stderr,
        flush=True,
    )
    sys.stdout.flush()
    os._exit(GONE_CODE)
