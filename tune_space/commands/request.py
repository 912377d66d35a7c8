"""What the command line asks of a command, and what the command answers.

A command is a module with ``answer(request)``; ``COMMANDS`` in ``studies/commands.py`` lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from morec.errors import ExitCode
from tune_space.schedule.plan import Plan
from tune_space.study.load import LoadedStudy

if TYPE_CHECKING:
    # Their torch would slow down the commands that do without it.
    from morec.model_profile import ModelProfile
    from tune_space.capacity.admission import Capacity


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


@dataclass(frozen=True)
class Request:
    """A command that is about no study in particular."""

    out: Path
    """Folder of the studies' output folders; of a ``StudyRequest`` the study's own."""
    argument: Any = None
    """What stands after the command's option: a trial's id, a list of words, or nothing."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Options that only this command reads, by name; None where one is not given."""
    program: str = "python studies/run.py"
    """How the command line was called, for lines that name a further command."""
    say: Callable[[str], None] = say
    """Says beforehand what takes long; all other lines are the command's answer."""


@dataclass(frozen=True)
class StudyRequest(Request):
    """A command about one study."""

    study: LoadedStudy = field(kw_only=True)
    root: Path = field(kw_only=True)
    """Folder of the study file; the study's relative paths start there."""
    only: tuple[str, ...] = ()
    """Full names of the arms in question; all of them if empty."""
    retry_failed: bool = False
    find_capacity: "Callable[[], Capacity]" = field(kw_only=True)
    """Asks this machine or, with ``--address``, the cluster."""


@dataclass(frozen=True)
class Answer:
    """What a command found, in lines."""

    lines: tuple[str, ...] = ()
    exit_code: ExitCode = ExitCode.OK


@dataclass(frozen=True, kw_only=True)
class PlanAnswer(Answer):
    """A plan, which is printed as a table before the lines."""

    plan: Plan
    num_seeds: int
    num_concurrent: int
    """Trials that would run at the same time."""
    profiles: "Mapping[str, ModelProfile | None]"
    """By arm name; None where the model's shapes are not known yet."""
