"""What is said of a tracker that refuses: one line, what to do, no secret."""

from pathlib import Path

import pytest

from reports.trackers.problems import format_problem


def test_secrets_of_urls_and_of_the_environment_are_not_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "KEY-SECRET")
    error = RuntimeError("http://me:SECRET@host/x?token=SECRET said no to KEY-SECRET\nmore SECRET")
    assert format_problem(Path("runs/fusion"), "wandb:team/p", error) == (
        "wandb:team/p: RuntimeError: http://host/x?... said no to ***. No result is lost: the next "
        "run of the study sends what is missing, or python -m reports runs/fusion --to wandb:team/p"
    )
