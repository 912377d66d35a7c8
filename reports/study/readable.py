"""Refuses a ledger whose packed numbers cannot be unpacked, before anything is made of them."""

from morec.errors import DataError
from morec.results import Evaluation, TrialResult
from tune_space.ledger.manifest import Manifest
from tune_space.ledger.records import Ledger


def check_manifest(ledger: Ledger, manifest: Manifest) -> None:
    """Unpack the ranks of references and the users' slices once.

    Raises:
        DataError: they cannot be unpacked; names the manifest and the place in it.
    """
    where = str(ledger.manifest_path)
    for reference in manifest.references:
        if reference.test_evaluation is not None:
            _check(reference.test_evaluation, f"{where}: {reference.name}")
    for entry in (entry for dataset in manifest.datasets for entry in dataset.slices):
        try:
            _ = entry.codes
        except DataError as error:
            raise DataError(f"{where}: {error}") from error


def check_record(ledger: Ledger, record: TrialResult) -> None:
    """Unpack the ranks and lists of a final trial once.

    Raises:
        DataError: they cannot be unpacked; names the file.
    """
    if record.test is not None:
        _check(record.test, f"{ledger.trials_folder / record.trial_id}.json: test")


def _check(result: Evaluation, where: str) -> None:
    try:
        result.check_packed()
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
