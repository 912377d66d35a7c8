"""How a study is run, and what came of it: what the command line and the runner agree on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _nothing() -> None:
    """Nobody wants to know."""


@dataclass(frozen=True)
class RunOptions:
    """Everything about a run that is not in the study."""

    out: Path
    """The study's output folder: its ledger, checkpoints and report."""
    root: Path
    """Folder of the study file; the study's relative paths start there."""
    study_file_text: str
    command: str
    only: tuple[str, ...] = ()
    """Full names (``<dataset>/<arm>``) of the arms to run; all of them if empty."""
    address: str | None = None
    """Of a Ray cluster; None starts a local session."""
    retry_failed: bool = False
    verbose: bool = False
    on_progress: Callable[[], None] = _nothing
    """Called on the driver whenever the study has moved on, several times a second."""


@dataclass(frozen=True)
class RunOutcome:
    """What one run of the command leaves the study as."""

    num_done: int
    """Trials of the study with a record, from this run or an earlier one."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Trials of the study that failed, by id, and why in a word or two."""
    unlocked: tuple[str, ...] = ()
    """Arms whose search ended without a single completed trial."""
    given_up: tuple[str, ...] = ()
    """Arms that did nothing but fail, so that the rest of their trials was not started."""
    is_finished: bool = True
    """Whether every trial asked for has a record."""
    signal: int | None = None
    """The signal that interrupted the run."""

    @property
    def exit_code(self) -> int:
        """128 + signal when interrupted, 1 if a trial failed or an arm has no choice, else 0."""
        if self.signal is not None:
            return 128 + self.signal
        return 1 if self.failed or self.unlocked or self.given_up else 0
