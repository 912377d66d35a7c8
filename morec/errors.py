"""Everything this project raises on purpose, and every exit code of its commands.

::

    MorecError
      SpecError      a study file or configuration is wrong   -> nothing ran, exit 2
      DataError      a file is not what the dataset says      -> nothing ran, exit 2
      FolderInUseError  another process runs this study       -> nothing ran, exit 2
      ClusterError   a Ray cluster cannot run this study      -> nothing ran, exit 2
      RayStartError  Ray did not start on this machine        -> no trial ran, exit 3
      TrialError     one trial cannot go on                   -> it is FAILED, the study goes on
        DivergedError    the loss or the scores are not finite
        CollapsedError   the scores no longer tell items apart -> it is COLLAPSED
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """How a command ended; ``format_exit_codes`` says it in words."""

    OK = 0
    FAILED = 1
    REFUSED = 2
    NO_RAY = 3
    INTERRUPTED = 130
    TERMINATED = 143


EXIT_CODES = {
    ExitCode.OK: "all well, or budget.hours are used up",
    ExitCode.FAILED: "a trial failed (the others finished, the report names it); --audit, "
    "--reproduce or --doctor found something wrong; or a fault of the program, with its traceback",
    ExitCode.REFUSED: "the command line, study, data, folder, cluster, disk or memory is not right",
    ExitCode.NO_RAY: "Ray did not start on this machine, or its session died",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C (SIGINT)",
    ExitCode.TERMINATED: "interrupted by SIGTERM",
}
"""What each code means."""


def format_exit_codes() -> str:
    """Every exit code and what it means, in one sentence."""
    meanings = "; ".join(f"{code:d} {meaning}" for code, meaning in EXIT_CODES.items())
    return f"Exit codes: {meanings}. After 3, 130 and 143 the same command continues."


class MorecError(Exception):
    """Base of every error a user is meant to read without a stack trace."""

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED
    """Of a command that this error ends."""


class SpecError(MorecError, ValueError):
    """A study file or a configuration is wrong; carries every problem found, one per line."""

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DataError(MorecError, ValueError):
    """A data or weights file is missing or is not what its specification says."""


class FolderInUseError(MorecError):
    """Another process already runs a study in this output folder."""


class ClusterError(MorecError):
    """A Ray cluster cannot be reached, or its nodes lack what trials need; one problem a line."""


class RayStartError(MorecError):
    """Ray did not start on this machine; says how often it was tried, the cause and the cure."""

    exit_code = ExitCode.NO_RAY


class TrialError(MorecError, RuntimeError):
    """One trial cannot go on; its study can."""


class DivergedError(TrialError):
    """The training loss, or a score in evaluation, became NaN or infinite."""


class CollapsedError(TrialError):
    """The model's scores no longer tell items apart (paper, figure 5)."""


def first_line(error: Exception) -> str:
    """The first line of an error's message, or else its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest allowed name, or an empty string."""
    near = get_close_matches(found, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near and near[0] != found else ""
