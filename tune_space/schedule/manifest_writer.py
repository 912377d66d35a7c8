"""Writes the manifest of a running study, with the times of this run of the command."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from morec.results import utc_now
from tune_space.ledger.records import ArmEntry, Ledger, Manifest, trials_of


@dataclass(frozen=True)
class Clock:
    """Where a study's times come from; a test passes its own."""

    seconds: Callable[[], float] = time.monotonic
    """Seconds since some moment; never goes back."""
    utc: Callable[[], str] = utc_now
    """The date and time that are written down."""


SYSTEM_CLOCK = Clock()


class ManifestWriter:
    """Writes one study's manifest during one run of the command."""

    def __init__(self, ledger: Ledger, manifest: Manifest, clock: Clock = SYSTEM_CLOCK) -> None:
        self.ledger = ledger
        self.manifest = manifest
        """As last written; before that, as the run begins."""
        self.clock = clock
        self._began_at = clock.seconds()
        self._elapsed_before = manifest.elapsed_s

    def seconds_of_run(self) -> float:
        """Wall-clock seconds since this run of the command began."""
        return self.clock.seconds() - self._began_at

    def write_manifest(
        self,
        state: Literal["running", "finished", "interrupted"],
        *,
        arms: Sequence[ArmEntry],
        running: Collection[str],
        recorded: Collection[str],
    ) -> None:
        """Replace the manifest; ``recorded`` trials that no arm asks for are its orphans."""
        update = {
            "state": state,
            "updated_at": self.clock.utc(),
            "arms": tuple(arms),
            "running": tuple(running),
            "orphaned": tuple(sorted(set(recorded) - trials_of(arms))),
            "elapsed_s": self._elapsed_before + self.seconds_of_run(),
        }
        self.manifest = self.manifest.model_copy(update=update)
        self.ledger.write_manifest(self.manifest)
