"""One trial to run, and one arm on its way through the study."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from morec.config import TrialConfig
from tune_space.ledger.records import Role, SearchEntry
from tune_space.schedule.arm_search import ArmSearch
from tune_space.study.expand import Arm


@dataclass(frozen=True)
class Job:
    """One trial to run now."""

    trial_id: str
    arm: str
    role: Role
    config: TrialConfig
    sources: Mapping[str, str]


@dataclass
class ArmState:
    """One arm on its way through the study: searching, then locked, then replicated."""

    arm: Arm
    search: ArmSearch
    earlier: list[SearchEntry]
    """Search trials an earlier run asked for and this one has not yet asked for again."""
    open_search: Job | None = None
    """The search trial whose result the next suggestion waits for."""
    is_searched: bool = False
    locked: SearchEntry | None = None
    final: dict[str, Job] = field(default_factory=dict)
    """Jobs of the locked configuration by trial id."""

    def jobs(self) -> list[Job]:
        """The arm's trials that may run now, in order; some may be running or done."""
        return [self.open_search] if self.open_search else list(self.final.values())
