"""What every case is given."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import Row


@dataclass(frozen=True)
class Settings:
    """Where artefacts lie and how much is measured."""

    folder: Path
    rounds: int = 5
    quick: bool = False
    """Small sizes, to see that everything runs; the numbers mean nothing."""
    peer: Path | None = None
    """The Python of an environment with RecTools."""

    @property
    def store(self) -> Path:
        return self.folder / "artefacts"

    def size(self, full: int, quick: int) -> int:
        return quick if self.quick else full


Case = Callable[[Settings], list[Row]]
