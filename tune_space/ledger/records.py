"""The ledger of a study: the only hand-over between running and reporting.

``trials/<trial_id>.json`` holds one ``TrialResult`` each; ``manifest.json`` says which of them are
the study, in which role. The driver alone writes here. Reading needs neither Ray nor torch.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from morec.config import Spec
from morec.errors import DataError
from morec.results import TrialResult, TrialStatus, utc_now, write_atomically
from tune_space.ledger.examples import StudyExamples
from tune_space.ledger.layout import EXAMPLES, MANIFEST, TRIALS
from tune_space.ledger.manifest import Manifest

SpecT = TypeVar("SpecT", bound=Spec)
MAX_BYTES = 2**30
"""Of a file of the ledger: a hundred times a record with the ranks of ten million users."""


def best_trial(results: Iterable[TrialResult]) -> TrialResult | None:
    """The completed trial with the best validation score, to which an arm is locked.

    The earliest of equals; None if no trial completed.
    """
    completed = [result for result in results if result.status is TrialStatus.COMPLETED]
    return max(completed, key=lambda result: result.best_score() or 0.0, default=None)


class Ledger:
    """Records and manifest in one study's output folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials_folder = folder / TRIALS
        self.manifest_path = folder / MANIFEST
        self.examples_path = folder / EXAMPLES

    def write(self, result: TrialResult) -> None:
        """Add or replace one trial's record."""
        path = self.trials_folder / f"{result.trial_id}.json"
        write_atomically(path, result.model_dump_json(indent=1))

    def read(self, trial_id: str) -> TrialResult | None:
        """One trial's record, or None if the trial never ended.

        Raises:
            DataError: the file is there but is not a record; it names file and reason.
        """
        path = self.trials_folder / f"{trial_id}.json"
        record = _read(TrialResult, path) if path.exists() else None
        if record is not None and record.trial_id != trial_id:
            raise DataError(f"{path}: holds the record of {record.trial_id}")
        return record

    def recorded(self) -> list[str]:
        """Ids of all trials that have a record, in the order of their names."""
        return [path.stem for path in sorted(self.trials_folder.glob("*.json"))]

    def read_all(self) -> dict[str, TrialResult]:
        """Every record by trial id.

        Raises:
            DataError: as ``read``.
        """
        return {i: record for i in self.recorded() if (record := self.read(i))}

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        write_atomically(self.manifest_path, manifest.model_dump_json(indent=1))

    def interrupt(self, by: str) -> None:
        """Write that a study that ran is interrupted, and ``by`` what; otherwise do nothing.

        Raises:
            DataError: as ``read_manifest``.
        """
        manifest = self.read_manifest()
        if manifest is not None and manifest.state == "running":
            update = {"state": "interrupted", "interrupted_by": by, "updated_at": utc_now()}
            self.write_manifest(manifest.model_copy(update=update))

    def read_manifest(self) -> Manifest | None:
        """The manifest, or None where no study has run yet.

        Raises:
            DataError: the file is there but is not a manifest; it names file and reason.
        """
        return _read(Manifest, self.manifest_path) if self.manifest_path.exists() else None

    def manifest(self) -> Manifest:
        """The manifest of a study that has run.

        Raises:
            DataError: no study has run here, or its manifest cannot be read.
        """
        manifest = self.read_manifest()
        if manifest is None:
            raise DataError(f"{self.folder}: no study has run here (there is no {MANIFEST})")
        return manifest

    def write_examples(self, examples: StudyExamples | None) -> None:
        """Replace the example users; None removes them."""
        if examples is None:
            self.examples_path.unlink(missing_ok=True)
        else:
            write_atomically(self.examples_path, examples.model_dump_json(indent=1))

    def read_examples(self) -> StudyExamples | None:
        """The example users, or None where none were stored.

        Raises:
            DataError: the file is there but holds none; it names file and reason.
        """
        return _read(StudyExamples, self.examples_path) if self.examples_path.exists() else None


def _read(model: type[SpecT], path: Path) -> SpecT:
    try:
        return model.model_validate_json(_read_file(path))
    except (ValidationError, OSError) as error:
        raise DataError(
            f"{path}: not a {model.__name__} of this version. Move the file away, and the same "
            f"command makes again what it held: {error}"
        ) from error


def _read_file(path: Path) -> bytes:
    """The content of a file, which a pipe or a device would never end to give."""
    if not path.is_file():
        raise OSError("it is no file")
    if path.stat().st_size > MAX_BYTES:
        raise OSError(f"it has {path.stat().st_size:,} bytes, and at most {MAX_BYTES:,} are read")
    return path.read_bytes()
