"""Two limits of Ray's start that no setting reaches, lifted while this machine is busy.

Seen with Ray 2.60 (its issue 65983). The raylet ends itself where an agent has not written down its
ports after 15 s; an agent imports for 3 s of a core's time. The driver waits 30 s for the raylet.
With ports given beforehand the raylet waits for no agent, and the driver waits as long as we say.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from unittest.mock import patch

import psutil
from ray._private import parameter, services

RAYLET_S = 180.0
"""Longest wait for a raylet that lives."""
AGENT_PORTS = ("metrics_agent_port", "dashboard_agent_listen_port", "runtime_env_agent_port")
POLL_S = 0.5


@contextmanager
def lifted_limits() -> Iterator[None]:
    """Start a session without these limits; with another Ray that has other parts, with them."""
    if not hasattr(parameter, "RayParams") or not hasattr(services, "get_node"):
        yield
        return
    ports = dict(zip(AGENT_PORTS, free_ports(len(AGENT_PORTS)), strict=True))
    with (
        patch.object(parameter, "RayParams", partial(parameter.RayParams, **ports)),
        patch.object(services, "get_node", patient(services.get_node)),
    ):
        yield


def free_ports(num: int) -> list[int]:
    """Ports of this machine that nobody uses now, each another one."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(num)]
    for server in servers:
        server.close()
    return [server.getsockname()[1] for server in servers]


def patient(get_node: Callable[..., Any]) -> Callable[..., Any]:
    """``get_node``, which raises until the raylet is known, as a function that waits for it.

    It waits up to ``RAYLET_S`` seconds, and no longer than the raylet lives.
    """

    def wait(*arguments: Any) -> Any:
        deadline = time.monotonic() + RAYLET_S
        while True:
            try:
                return get_node(*arguments)
            except RuntimeError:
                if time.monotonic() > deadline or not _has_raylet():
                    raise
            time.sleep(POLL_S)

    return wait


def _has_raylet() -> bool:
    """Whether this process has a raylet that has not ended."""
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "raylet" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
