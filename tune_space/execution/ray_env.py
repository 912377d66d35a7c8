"""Ray's switches, set before Ray is imported, which reads some of them only then."""

import os
from contextlib import suppress
from pathlib import Path

CLUSTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
SWITCHES = {
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Idle OpenMP threads that spin slow down the trials beside them (measured: up to 10 times).
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Environment of the processes that run trials, where nobody has set it otherwise."""


def set_switches(*, is_local: bool) -> None:
    """Let only our display speak; a session of this machine alone listens on this machine alone.

    Ray would listen on every interface, for nodes that may join. That others need a token is Ray's
    default for a session of its own, and stays.
    """
    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "3600"
    for name, value in SWITCHES.items():
        os.environ.setdefault(name, value)
    # Named after other systems; where it is "0", a node's address is loopback.
    if is_local:
        os.environ.setdefault(CLUSTER, "0")
    else:
        os.environ[CLUSTER] = "1"


def hide_token() -> None:
    """Let nobody else read the token that Ray made for this user, which it leaves for all to read.

    Whoever has it may run code in every session of this user.
    """
    with suppress(OSError):
        (Path.home() / ".ray" / "auth_token").chmod(0o600)
