"""Writes the manifest of a running study, with the times of this run of the command."""

from collections.abc import Collection, Sequence
from time import monotonic
from typing import Literal

from morec.results import utc_now
from tune_space.ledger.manifest import ArmEntry, Manifest, trials_of
from tune_space.ledger.records import Ledger


class ManifestWriter:
    """Writes one study's manifest during one run of the command."""

    def __init__(self, ledger: Ledger, manifest: Manifest) -> None:
        self.ledger = ledger
        self.manifest = manifest
        """As last written; before that, as the run begins."""
        self._began_at = monotonic()
        self._elapsed_before = manifest.elapsed_s

    def seconds_of_run(self) -> float:
        """Wall-clock seconds since this run of the command began."""
        return monotonic() - self._began_at

    def write_manifest(
        self,
        state: Literal["running", "finished", "interrupted"],
        *,
        arms: Sequence[ArmEntry],
        running: Collection[str],
        recorded: Collection[str],
        interrupted_by: str | None = None,
    ) -> None:
        """Replace the manifest; ``recorded`` trials that no arm asks for are its orphans."""
        update = {
            "state": state,
            "interrupted_by": interrupted_by,
            "updated_at": utc_now(),
            "arms": tuple(arms),
            "running": tuple(running),
            "orphaned": tuple(sorted(set(recorded) - trials_of(arms))),
            "elapsed_s": self._elapsed_before + self.seconds_of_run(),
        }
        self.manifest = self.manifest.model_copy(update=update)
        self.ledger.write_manifest(self.manifest)
