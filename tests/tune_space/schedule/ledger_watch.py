"""Watches a study's folder while the study runs: what is written must be whole, and must stay."""

from collections.abc import Iterator
from pathlib import Path

from morec.results import Reason, TrialResult, TrialStatus
from tune_space.ledger.layout import TRIALS
from tune_space.ledger.manifest import Manifest, trials_of
from tune_space.ledger.records import Ledger
from tune_space.schedule.outcomes import REPEATABLE

Stamp = tuple[int, int]
"""Inode and size: a record that is replaced is another file."""


class LedgerWatch:
    """Every record and manifest of one folder, as they were last seen."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger(folder)
        self.records: dict[str, TrialResult] = {}
        self.retries = False
        """Whether this run may replace records of failures."""
        self._retried: set[str] = set()
        self._stamps: dict[str, Stamp] = {}
        self._manifest_stamp: Stamp | None = None

    def begin(self, *, retries: bool) -> None:
        """A run begins."""
        self.retries = retries
        self._retried.clear()

    def take_in(self) -> Iterator[TrialResult]:
        """Records that are new or replaced since the last call; none may be gone or changed."""
        found = {path.stem: path.lstat() for path in (self.ledger.folder / TRIALS).glob("*.json")}
        gone = self.records.keys() - found
        assert not gone, f"records are gone: {sorted(gone)}"
        for trial_id, stat in found.items():
            if self._stamps.get(trial_id) == (stat.st_ino, stat.st_size):
                continue
            self._stamps[trial_id] = (stat.st_ino, stat.st_size)
            record = self.ledger.read(trial_id)
            assert record is not None and record.trial_id == trial_id
            self._check_record(record)
            self.records[trial_id] = record
            yield record

    def check_start(self, trial_id: str) -> None:
        """A trial is in the manifest before it starts; one that has ended is not run again.

        Where failures are to be retried, a failed one is, once in a run.
        """
        manifest = self.ledger.manifest()
        assert trial_id in trials_of(manifest.arms), f"{trial_id} starts, and no arm asks for it"
        assert trial_id in manifest.running, f"{trial_id} starts, and the manifest does not say so"
        if trial_id not in self.records:
            return
        is_failure = self.records[trial_id].status is TrialStatus.FAILED
        assert self.retries and is_failure, f"{trial_id} has ended, and is run again"
        assert trial_id not in self._retried, f"{trial_id} is retried twice in one run"

    def check_running(self) -> None:
        """The manifest of a running study fits its records."""
        manifest = self.manifest()
        if manifest is None:
            return
        wanted = trials_of(manifest.arms)
        assert set(manifest.orphaned) == self.records.keys() - wanted, "orphans are not those"
        running = set(manifest.running)
        assert running <= wanted, f"runs, and no arm asks for it: {running - wanted}"
        ended = {i for i in running & self.records.keys() if not self._may_retry(i)}
        assert not ended, f"runs, and has ended: {ended}"
        if not self.retries:
            self._check_locked(manifest)

    def manifest(self) -> Manifest | None:
        """The manifest, if it was replaced since the last call."""
        path = self.ledger.manifest_path
        stat = path.lstat() if path.exists() else None
        stamp = stat and (stat.st_mtime_ns, stat.st_ino)
        if stamp == self._manifest_stamp:
            return None
        self._manifest_stamp = stamp
        return self.ledger.read_manifest()

    def _check_record(self, record: TrialResult) -> None:
        before = self.records.get(record.trial_id)
        if before is not None:
            assert self._may_retry(record.trial_id), f"{record.trial_id}: its record was replaced"
            self._retried.add(record.trial_id)
        if record.status is TrialStatus.FAILED:
            assert record.reason and record.error, f"{record.trial_id} failed without a reason"
            assert record.reason is not Reason.NO_DISK, "a full disk is no trial's failure"
        if record.test is not None:
            assert record.config.evaluation.test, "a search trial looked at the test split"

    def _may_retry(self, trial_id: str) -> bool:
        is_new = trial_id not in self._retried
        return self.retries and is_new and self.records[trial_id].status is TrialStatus.FAILED

    def _check_locked(self, manifest: Manifest) -> None:
        """What is locked is the first of the best on validation, and nothing is final before."""
        for entry in manifest.arms:
            assert entry.locked or not entry.final, f"{entry.name}: final trials without a choice"
            searched = [e.trial_id for e in entry.search]
            if entry.locked is None or not searched:
                continue
            scores = {i: _score(self.records[i]) for i in searched if i in self.records}
            best = max(scores.values())
            first = next(i for i in searched if scores.get(i) == best)
            assert entry.locked.trial_id == first, f"{entry.name}: {entry.locked} is not the best"


def _score(record: TrialResult) -> float:
    is_done = record.status is TrialStatus.COMPLETED
    return max(one.valid["HR@10"] for one in record.epochs) if is_done else -1


def is_repeatable(record: TrialResult) -> bool:
    """Whether the trial failed for a reason of the machine's."""
    return record.reason in REPEATABLE
