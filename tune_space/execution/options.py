"""What the command line tells the runner, and what the runner answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from morec.errors import ExitCode


def _ignore() -> None:
    """Nobody follows the progress."""


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
    """Address of a Ray cluster; None starts a session on this machine."""
    retry_failed: bool = False
    verbose: bool = False
    on_progress: Callable[[], None] = _ignore
    """Called on the driver after every event of Ray Tune, several times a second."""


@dataclass(frozen=True)
class RunOutcome:
    """How the study stands after one run of the command."""

    num_done: int
    """Trials of the study with a record, from this run or an earlier one."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Trials of the study that failed: id -> the reason in a word or two."""
    unlocked: tuple[str, ...] = ()
    """Arms whose search ended without a single completed trial."""
    given_up: tuple[str, ...] = ()
    """Arms whose trials all failed, so that the others were not started."""
    is_finished: bool = True
    """Whether every trial asked for has a record."""
    signal: int | None = None
    """The signal that interrupted the run."""

    @property
    def exit_code(self) -> ExitCode:
        """A signal counts before trials that failed and arms without a choice."""
        if self.signal is not None:
            return ExitCode(128 + self.signal)
        return ExitCode.FAILED if self.failed or self.unlocked or self.given_up else ExitCode.OK

    def format_problems(self) -> list[str]:
        """What failed and what is missing, a line each."""
        # Its Optuna would slow down the answer to a typo.
        from tune_space.schedule.arm_plan import MAX_FAILURES

        lines = [f"failed: {trial_id} ({reason})" for trial_id, reason in self.failed.items()]
        lines += [f"no search trial of arm {arm!r} completed" for arm in self.unlocked]
        lines += [
            f"arm {arm!r} is given up: {MAX_FAILURES} trials failed, none did not"
            for arm in self.given_up
        ]
        if not self.is_finished:
            lines.append("not finished: run the same command again to continue")
        return lines
