"""Starts Ray on this machine without the servers that no study asks anything of.

Seen with Ray 2.60. Told to start no dashboard, Ray starts one all the same, for usage statistics,
and waits for it. It starts a monitor that would add nodes to a cluster, and a monitor of the logs,
also where nobody prints them. Each takes one to three seconds of a core to import.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ray._private import parameter, services

from tune_space.execution.ray_limits import with_named


@contextmanager
def needed_servers(*, dashboard: bool, logs: bool) -> Iterator[None]:
    """Start a session with these servers and those that it cannot do without.

    ``logs``: whether the driver prints what trials write. A Ray that has other parts starts all of
    its servers.
    """
    parts = ((parameter, "RayParams"), (services, "start_api_server"))
    if not all(hasattr(module, name) for module, name in parts):
        yield
        return
    left_out = {"no_monitor": True, "include_log_monitor": logs}
    start_dashboard = services.start_api_server if dashboard else _no_dashboard
    with (
        patch.object(parameter, "RayParams", with_named(parameter.RayParams, left_out)),
        patch.object(services, "start_api_server", start_dashboard),
    ):
        yield


def _no_dashboard(*arguments: object, **named: object) -> tuple[str, None]:
    """What Ray's function returns where there is no page to open: no address, no process."""
    return "", None
