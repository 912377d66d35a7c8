"""What becomes of a made-up trial: it follows from its identity and a seed, and from no clock."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from random import Random

from morec.config import TrialConfig
from morec.config.ensemble import member_sources
from morec.results import EpochRecord, Reason, TrialResult, TrialStatus
from tests.tune_space.made_up_trials import COST, evaluation
from tune_space.schedule.jobs import Job

LOST, KILLED_FOR_MEMORY, HANGS = "lost", "killed for memory", "hangs"
"""Ends that no record of the trial's own tells of."""
FAILURES = {
    "exception": Reason.EXCEPTION,
    "diverged": Reason.DIVERGED,
    "device memory": Reason.DEVICE_MEMORY,
    "host memory": Reason.HOST_MEMORY,
    LOST: Reason.PROCESS_LOST,
    KILLED_FOR_MEMORY: Reason.HOST_MEMORY,
    HANGS: Reason.HUNG,
}
"""Ways to fail -> the reason that the record must give."""
ENDS = {"completes": 80, "collapses": 4, **dict.fromkeys(FAILURES, 2)}
"""How a trial ends -> how often."""
HOPELESS, UNLUCKY = 0.12, 0.3
"""Shares of the arms of which every trial fails, and of which all trials or most do."""
BAD_LUCK = 0.8
"""Share of the trials of an unlucky arm that fail."""


@dataclass(frozen=True)
class Fate:
    """How one trial goes, whenever and however often it is started."""

    end: str
    """A key of ``ENDS``."""
    scores: tuple[float, ...]
    """On validation, per epoch that it trains; a trial that fails does so in the one after."""

    @cached_property
    def epochs(self) -> tuple[EpochRecord, ...]:
        """The records of its epochs."""
        return tuple(
            EpochRecord(epoch=n, train_loss=1 / n, valid={"HR@10": s}, train_s=1, eval_s=1)
            for n, s in enumerate(self.scores, start=1)
        )

    @cached_property
    def reports(self) -> tuple[str, ...]:
        """What the trial reports after each epoch: all epochs so far, as JSON."""
        dumped = [one.model_dump(mode="json") for one in self.epochs]
        return tuple(json.dumps(dumped[:n]) for n in range(1, len(dumped) + 1))

    @property
    def reason(self) -> Reason | None:
        """Of its failure; None where it does not fail."""
        return FAILURES.get(self.end)


@dataclass(frozen=True)
class Fates:
    """The fates of all trials of one schedule."""

    seed: int
    is_healed: bool = False
    """Whether what made trials fail has been repaired."""

    def of(self, config: TrialConfig, sources: Mapping[str, str]) -> Fate:
        """The fate of one trial."""
        return _fate(self, config, tuple(sorted(sources.items())))

    def record(
        self, job: Job, num_epochs: int | None = None, status: TrialStatus | None = None
    ) -> TrialResult:
        """The record of a trial that went its way to the end, or was pruned after some epochs."""
        fate = self.of(job.config, job.sources)
        epochs = fate.epochs[:num_epochs]
        best = max(range(len(epochs)), key=lambda n: fate.scores[n], default=0)
        status = status or _STATUS.get(fate.end, TrialStatus.FAILED)
        is_done = status is TrialStatus.COMPLETED
        return TrialResult(
            trial_id=job.trial_id,
            config=job.config,
            sources=dict(job.sources),
            status=status,
            epochs=epochs,
            best_epoch=best + 1 if is_done else None,
            valid=evaluation(fate.scores[best]) if is_done else None,
            test=evaluation(1 - fate.scores[best])
            if is_done and job.config.evaluation.test
            else None,
            cost=COST,
            reason=fate.reason if status is TrialStatus.FAILED else None,
            error=fate.end if status in (TrialStatus.FAILED, TrialStatus.COLLAPSED) else None,
        )


_STATUS = {"completes": TrialStatus.COMPLETED, "collapses": TrialStatus.COLLAPSED}


@lru_cache(maxsize=4000)
def _fate(fates: Fates, config: TrialConfig, sources: tuple[tuple[str, str], ...]) -> Fate:
    given = dict(sources)
    draw = Random(f"{fates.seed} {config.trial_id(given)}")
    top = draw.randint(1, 9) / 10  # Coarse, so that some trials are equally good.
    end = draw.choices(list(ENDS), list(ENDS.values()))[0]
    num = draw.randint(1, config.training.max_epochs)
    if config.ensemble:
        parts = [
            fates.of(one, member_sources(given, n)) for n, one in enumerate(config.ensemble, 1)
        ]
        end = "completes" if all(one.end == "completes" for one in parts) else "diverged"
        num = 1
    elif fates.is_healed:
        end = "completes"
    else:
        luck = Random(f"{fates.seed} {config.model.dim}").random()
        if luck < HOPELESS or (luck < UNLUCKY and draw.random() < BAD_LUCK):
            end = "exception"
    rising = (0.5 + 0.5 * n / num for n in range(1, num + 1))
    scores = (round(top * share * draw.choice([0.5, 0.8, 1, 1]), 2) for share in rising)
    return Fate(end, tuple(scores))
