"""What went wrong at a tracker, in one line, with what to do and without any secret."""

import os
from pathlib import Path

from tune_space.study.url_secrets import hide_secrets

SECRETS = (
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "WANDB_API_KEY",
    "PGPASSWORD",
    "MYSQL_PWD",
)
"""Environment variables whose values are never printed."""


def _hide(text: str) -> str:
    """A client's message without secrets: those of URLs, and those of its variables."""
    for value in filter(None, map(os.environ.get, SECRETS)):
        text = text.replace(value, "***")
    return hide_secrets(text)


def format_missing(name: str, error: ImportError, *, install: str) -> str:
    """A tracker's package is not there; ``install`` is what pip is to install."""
    return f"{name}: nothing sent, a package is missing ({error}): pip install {install}"


def format_problem(folder: Path, word: str, error: Exception) -> str:
    """A tracker is away or refuses; ``word`` is ``name:address``, checked to have no secret."""
    first = next(iter(str(error).strip().splitlines()), "").rstrip(".")
    said = _hide(f"{type(error).__name__}: {first}" if first else type(error).__name__)
    return f"{word}: {said}. {format_remedy(folder, word)}"


def format_remedy(folder: Path, word: str) -> str:
    """How what is missing gets there."""
    return (
        "No result is lost: the next run of the study sends what is missing, or python -m reports "
        f"{folder} --to {word}"
    )
