"""A study's ``tracking``: where else people look at its trials, without any secret in it."""

import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from morec.config import Spec
from morec.errors import SpecError, did_you_mean
from tune_space.study.url_secrets import without_secrets

DATABASES: dict[str, tuple[str, ...]] = {
    "mysql": ("charset",),
    "postgresql": ("sslmode",),
    "sqlite": (),
}
"""Scheme, without the driver behind its ``+``, -> what may follow the ``?`` of its URLs."""
SERVERS: dict[str, tuple[str, ...]] = {"http": (), "https": ()}
CREDENTIALS = (
    "credentials do not belong into a study or a command line, which are recorded and reported: "
    "give them in the environment or in a file of the client ({where})"
)
_PROJECT = re.compile(r"(?:[\w.-]+/)?[\w.-]+")


def _check_url(url: str, schemes: Mapping[str, tuple[str, ...]], where: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"{without_secrets(url)!r} is no URL: it cannot be taken apart") from error
    scheme = parts.scheme.partition("+")[0]
    if scheme not in schemes or "://" not in url:
        allowed = ", ".join(f"{name}://" for name in schemes)
        raise ValueError(
            f"{without_secrets(url)!r} is no URL of this tracker.{did_you_mean(scheme, schemes)} "
            f"Allowed: {allowed}"
        )
    has_user = parts.password is not None or (scheme in SERVERS and parts.username is not None)
    # A password with a /, ? or # in it ends there for a URL.
    behind = parts.query + parts.fragment + (parts.path if scheme != "sqlite" else "")
    if has_user or "@" in behind:
        raise ValueError(f"{without_secrets(url)!r}: {CREDENTIALS.format(where=where)}")
    for name in parse_qs(parts.query, keep_blank_values=True):
        if name not in schemes[scheme]:
            raise ValueError(
                f"{without_secrets(url)!r}: unknown option {name!r}. Allowed with {scheme}://: "
                f"{', '.join(schemes[scheme]) or 'none'}; {CREDENTIALS.format(where=where)}"
            )
    if parts.fragment:
        raise ValueError(f"{without_secrets(url)!r}: an address has no part after #")
    if scheme == "sqlite" and (parts.netloc or len(parts.path) < 2):
        raise ValueError(f"{url!r} names no file; write sqlite:///FILE or sqlite:////ABSOLUTE/FILE")
    if scheme != "sqlite" and not parts.hostname:
        raise ValueError(f"{without_secrets(url)!r} names no host")
    return url


def _check_mlflow(uri: str) -> str:
    where = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
    return _check_url(uri, SERVERS | DATABASES, where)


def _check_optuna(url: str) -> str:
    return _check_url(url, DATABASES, "PGPASSWORD or ~/.pgpass of PostgreSQL, my.cnf of MySQL")


def _check_project(project: str) -> str:
    if not _PROJECT.fullmatch(project):
        raise ValueError(
            f"{without_secrets(project)!r} is no project; allowed: PROJECT or ENTITY/PROJECT, of "
            "letters, digits, '.', '_' and '-'"
        )
    return project


def _check_folder(folder: str) -> str:
    if not folder.strip() or "://" in folder or "\0" in folder:
        raise ValueError(f"{without_secrets(folder)!r} is no folder of this machine")
    return folder


class TrackingSpec(Spec):
    """Trackers that a study's trials are sent to, besides its report.

    Their order has no meaning, and no trial depends on them. Relative paths begin where the command
    runs, as ``--out`` does.
    """

    mlflow: Annotated[str, AfterValidator(_check_mlflow)] | None = None
    """Tracking URI: ``https://host``, or a database, ``sqlite:///mlflow.db``. A run a trial, in an
    experiment named as the study's output folder."""
    wandb: Annotated[str, AfterValidator(_check_project)] | None = None
    """``PROJECT`` or ``ENTITY/PROJECT`` of Weights & Biases; the study is a group of runs. Its own
    variables apply: ``WANDB_API_KEY``, ``WANDB_BASE_URL``, ``WANDB_MODE=offline``."""
    tensorboard: Annotated[str, AfterValidator(_check_folder)] | None = Field(None, min_length=1)
    """Folder of event files, which ``tensorboard --logdir`` reads: a folder a trial."""
    optuna: Annotated[str, AfterValidator(_check_optuna)] | None = None
    """URL of an Optuna storage, ``sqlite:///optuna.db``, which ``optuna-dashboard`` opens: a study
    per arm, of its search trials."""

    @property
    def addresses(self) -> dict[str, str]:
        """Tracker -> its address, of those that are asked for."""
        return {name: address for name, address in self if address is not None}


def parse_tracker(word: str) -> tuple[str, str]:
    """``mlflow:URI`` -> the tracker's name and its address, as in a study's ``tracking``.

    Raises:
        SpecError: there is no such tracker, or the address is none of it.
    """
    name, _, address = word.partition(":")
    allowed = tuple(TrackingSpec.model_fields)
    if name not in allowed:
        raise SpecError(
            f"{name!r} is not a tracker.{did_you_mean(name, allowed)} Allowed: "
            + ", ".join(f"{one}:..." for one in allowed)
        )
    if not address:
        raise SpecError(f"{name}: has no address; write {name}:ADDRESS")
    try:
        _ADAPTER.validate_python({name: address})
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise SpecError(f"{name}: {message}") from None
    return name, address


_ADAPTER = TypeAdapter(TrackingSpec)
