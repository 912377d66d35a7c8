"""Limits of Ray's start that no setting reaches, lifted while this machine is busy.

Seen with Ray 2.60 (its issue 65983). The raylet ends itself where one of its agents has not written
down its ports after 15 s, and an agent needs 3 s of a core to import. The driver waits 30 s for the
raylet. With ports given beforehand the raylet waits for no agent, and the driver waits for as long
as we say. Ray passes one of the ports to the agent and forgets to tell the raylet.
"""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any
from unittest.mock import patch

import psutil
from ray._private import parameter, services

RAYLET_S = 180.0
"""Longest wait for a raylet that lives."""
POLL_S = 0.5
LISTEN = "dashboard_agent_listen_port"
AGENT_PORTS = ("metrics_agent_port", "metrics_export_port", "runtime_env_agent_port", LISTEN)
"""Parameters of a node, each with the port of an agent."""


@contextmanager
def lifted_limits() -> Iterator[None]:
    """Start a session without these limits; with a Ray that has other parts, with them."""
    parts = ((parameter, "RayParams"), (services, "get_node"), (services, "start_ray_process"))
    if not all(hasattr(module, name) for module, name in parts):
        yield
        return
    ports = dict(zip(AGENT_PORTS, free_ports(len(AGENT_PORTS)), strict=True))
    flag = f"--{LISTEN}={ports[LISTEN]}"
    with (
        patch.object(parameter, "RayParams", with_named(parameter.RayParams, ports)),
        patch.object(services, "get_node", patient(services.get_node)),
        patch.object(services, "start_ray_process", flagged(services.start_ray_process, flag)),
    ):
        yield


def free_ports(num: int) -> list[int]:
    """Ports of this machine that nobody uses now, each another one."""
    with ExitStack() as held:
        servers = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(num)]
        return [server.getsockname()[1] for server in servers]


def with_named(make: Callable[..., Any], values: Mapping[str, Any]) -> Callable[..., Any]:
    """``make``, which makes a node's parameters, with these values instead of those it is given."""
    return lambda *arguments, **named: make(*arguments, **{**named, **values})


def flagged(start_process: Callable[..., Any], flag: str) -> Callable[..., Any]:
    """``start_process``, which starts one of Ray's processes, with one more flag for the raylet."""

    def start(command: list[str], process_type: str, *arguments: Any, **named: Any) -> Any:
        more = [flag] if process_type == "raylet" else []
        return start_process([*command, *more], process_type, *arguments, **named)

    return start


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
                if time.monotonic() > deadline or not has_raylet():
                    raise
            time.sleep(POLL_S)

    return wait


def has_raylet() -> bool:
    """Whether this process has a raylet that has not ended."""
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if "raylet" in child.name() and child.status() != psutil.STATUS_ZOMBIE:
                return True
    return False
