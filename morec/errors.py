"""Everything this project raises on purpose.

::

    MorecError
      SpecError      a study file or configuration is wrong   -> nothing ran, exit 2
      DataError      a file is not what the dataset says      -> nothing ran, exit 2
      FolderInUseError  another process runs this study       -> nothing ran, exit 2
      ClusterError   a Ray cluster cannot run this study      -> nothing ran, exit 2
      TrialError     one trial cannot go on                   -> it is FAILED, the study goes on
        DivergedError    the loss or the scores are not finite
        CollapsedError   the scores no longer tell items apart -> it is COLLAPSED
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class MorecError(Exception):
    """Base of every error a user is meant to read without a stack trace."""


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


class TrialError(MorecError, RuntimeError):
    """One trial cannot go on; its study can."""


class DivergedError(TrialError):
    """The training loss, or a score in evaluation, became NaN or infinite."""


class CollapsedError(TrialError):
    """The model's scores no longer tell items apart (paper, figure 5)."""


def did_you_mean(found: str, allowed: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest allowed name, or an empty string."""
    near = get_close_matches(found, list(allowed), n=1)
    return f" Did you mean {near[0]!r}?" if near and near[0] != found else ""
