"""Which checkpoints of a study stay: those to continue from, and others while they fit."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path

from morec.checkpoints import Checkpoints
from morec.storage import Storage
from tune_space.ledger.layout import CHECKPOINTS, path_bytes
from tune_space.study.spec import StudySpec


class CheckpointKeeper:
    """The checkpoints of one study, in its output folder and, where it has one, in its storage."""

    def __init__(self, study: StudySpec, out: Path, storage: Storage | None = None) -> None:
        self.storage = storage
        self._folder = out / CHECKPOINTS
        self._keeps = study.keep_checkpoints
        self._max_bytes = study.checkpoints_gb * 1e9

    def of(self, trial_id: str) -> Checkpoints:
        """A trial's checkpoints."""
        storage = self.storage and self.storage.within(CHECKPOINTS, trial_id)
        return Checkpoints(self._folder / trial_id, storage)

    def end(self, trial_id: str) -> None:
        """Remove what a trial leaves behind when it ends, unless the study keeps checkpoints."""
        if not self._keeps:
            self.of(trial_id).remove()

    def tidy(self, going_on: Collection[str], is_done: Callable[[str], bool]) -> None:
        """Delete what no trial will continue from.

        Checkpoints of done trials go unless the study keeps them. Of the others that are not
        ``going_on``, the oldest go until the rest fits ``checkpoints_gb``.
        """
        total = 0
        idle = (path for path in self._folder.glob("*") if path.name not in going_on)
        for path in sorted(idle, key=lambda path: path.lstat().st_mtime, reverse=True):
            is_dropped = is_done(path.name) and not self._keeps
            total += 0 if is_dropped else path_bytes(path)
            if is_dropped or total > self._max_bytes:
                # A link is not followed: rmtree refuses it.
                shutil.rmtree(path, ignore_errors=True)
