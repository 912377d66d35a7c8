"""Environment variables that Ray reads, some of them only when it is imported; imports no Ray."""

import os
from contextlib import suppress
from pathlib import Path

CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
SWITCHES = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Idle OpenMP threads that spin slow down concurrent trials (measured: up to 10 times).
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Defaults for the processes that run trials; a variable that is already set stays."""
PATIENCE = {
    "RAY_gcs_server_port_wait_time_s": "120",
    "RAY_gcs_rpc_server_connect_timeout_s": "60",
    "RAY_gcs_server_request_timeout_seconds": "180",
    "RAY_py_gcs_connect_timeout_s": "120",
    "RAY_raylet_start_wait_time_s": "180",
    "RAY_agent_register_timeout_ms": "180000",
    "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "180",
}
"""How long Ray's processes wait for one another to start, so that a busy machine is only slow; a
variable that is already set stays. Ray's own values are 5 to 60 s. A worker's wait to register is
Ray's: one that dies before is noticed only when that wait is over. A worker that was starting when
its session was killed waits, idle, for five minutes and ends."""
NICENESS = "RAY_worker_niceness"
"""What Ray's workers add to the niceness of the process that starts them; Ray's own value is 15."""


def set_switches(*, is_local: bool) -> None:
    """Switch off Ray's own output; let a local session listen on the loopback interface only.

    Without this, Ray listens on every interface, for nodes that may join. Ray's token, which others
    need to connect, stays switched on.
    """
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "3600"
    for name, value in (SWITCHES | PATIENCE).items():
        os.environ.setdefault(name, value)
    # Its name speaks of other systems. With "0" a node's address is loopback on Linux as well.
    if is_local:
        os.environ.setdefault(CLUSTER, "0")
    else:
        os.environ[CLUSTER] = "1"


def set_niceness(niceness: int | None) -> None:
    """Give the trials of the session that starts next this niceness; None leaves it to Ray."""
    if niceness is not None:
        os.environ[NICENESS] = str(niceness)


def hide_token() -> None:
    """Make Ray's token readable by this user alone; Ray creates it readable by everybody.

    Whoever has the token may run code in every session of this user.
    """
    with suppress(OSError):
        (Path.home() / ".ray" / "auth_token").chmod(0o600)
