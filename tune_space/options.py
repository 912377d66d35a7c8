"""What the command line decides about one run, and what came of the run."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunOptions:
    """How to run a study this time; nothing here changes a number."""

    out: Path
    """The study's output folder."""
    root: Path
    """Folder of the study file; relative data paths start here."""
    study_file_text: str
    command: str
    only: tuple[str, ...] = ()
    """Run only these arms; empty: all."""
    address: str | None = None
    """An existing Ray cluster; None: a session on this machine."""
    retry_failed: bool = False
    fresh: bool = False
    """Move an earlier run's folder aside and start anew."""
    verbose: bool = False


@dataclass(frozen=True)
class RunOutcome:
    """What a run of the command came to."""

    num_done: int
    """Trials of the study with a record, from this run and earlier ones."""
    failed: tuple[str, ...]
    """Trial ids of failed trials."""
    unlocked: tuple[str, ...]
    """Arms whose search ended without one completed trial, so that they have no result."""
    is_finished: bool
    """Whether nothing is left to run; False when the time budget ran out or it was interrupted."""
    signal: int | None
    """The signal that interrupted the run."""
