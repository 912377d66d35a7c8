"""Which trackers there are, and how a study is sent to one of them, whatever happens there."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import cast

from filelock import FileLock, Timeout

from reports.study.garbage_collection import paused_garbage_collection
from reports.study.summary import summarise
from reports.trackers.problems import format_missing, format_problem
from reports.trackers.runs import TrackedStudy


@dataclass(frozen=True)
class Tracker:
    """Where people look at runs."""

    module: str
    """Has ``send(study, address) -> int``: what is not there yet is sent, and counted."""
    install: str
    """What brings the package that it needs, in pip's words."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment variables of its client, set where they are not: an absent server is given up
    after seconds instead of minutes, and nobody else is told anything."""


TRACKERS = {
    "mlflow": Tracker(
        "reports.trackers.mlflow",
        '-e ".[mlflow]"',
        {
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        },
    ),
    "wandb": Tracker(
        "reports.trackers.wandb",
        '-e ".[wandb]"',
        {"WANDB_INIT_TIMEOUT": "30", "WANDB_ERROR_REPORTING": "false"},
    ),
    "tensorboard": Tracker("reports.trackers.tensorboard", "tensorboardX"),
    "optuna": Tracker("reports.trackers.optuna", "optuna"),
}
"""By name; a tracker is a field of ``TrackingSpec``, one file in this folder and one line here."""


@dataclass(frozen=True)
class Sent:
    """What came of sending a study to a tracker."""

    number: int = 0
    """Runs that were made or replaced."""
    problem: str = ""
    """Why some are missing, and what to do; empty if all are there."""


def send(folder: Path, name: str, address: str) -> Sent:
    """Send a study's trials to a tracker, those that it does not have yet.

    A tracker that is away, refuses or lacks its package is a problem, never an error: what is
    missing is sent by the next call.

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    with paused_garbage_collection():
        study = TrackedStudy(folder, summarise(folder))
    tracker = TRACKERS[name]
    for variable, value in tracker.settings.items():
        os.environ.setdefault(variable, value)
    try:
        with _alone(folder, name):
            return Sent(_sender(tracker)(study, address))
    except Timeout:
        return Sent(problem=f"{name}: another process is sending this study")
    except ImportError as error:
        return Sent(problem=format_missing(name, error, install=tracker.install))
    except Exception as error:
        # Whatever a tracker's client raises: hundreds of kinds, and none of them is ours.
        return Sent(problem=format_problem(folder, f"{name}:{address}", error))


def _sender(tracker: Tracker) -> Callable[[TrackedStudy, str], int]:
    return cast("Callable[[TrackedStudy, str], int]", import_module(tracker.module).send)


def _alone(folder: Path, name: str) -> FileLock:
    """A lock of this machine, since a study's folder may be one that can only be read."""
    identity = f"{os.getuid()} {folder.resolve()} {name}"
    digest = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return FileLock(Path(tempfile.gettempdir()) / f"morec-tracking-{digest}.lock", timeout=0)
