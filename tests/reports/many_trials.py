"""A made-up study of many trials: copies in memory of a few trials read from a ledger."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from morec.results import EpochRecord, TrialResult
from reports.study.summary import ArmSummary, StudySummary, summarise
from reports.study.trial import Trial
from tests.reports.made_up_studies import FUSION, FakeStudy


def many_trials(folder: Path, number: int) -> StudySummary:
    """``number`` trials over 14 arms: each search trial has its own values and curve."""
    few = summarise(FakeStudy(arms=FUSION, searches=2, num_users=2_000).write(folder))
    rng = np.random.default_rng(3)
    missing = number - sum(len(arm.finals) for arm in few.arms)
    shares = [len(part) for part in np.array_split(np.arange(missing), len(few.arms))]
    arms = [
        replace(arm, searches=tuple(_copies(arm, share, rng)))
        for arm, share in zip(few.arms, shares, strict=True)
    ]
    return replace(few, arms=tuple(arms))


def _copies(arm: ArmSummary, number: int, rng: np.random.Generator) -> Iterator[Trial]:
    for index in range(number):
        like = arm.searches[index % len(arm.searches)]
        assert like.result is not None
        name = f"{like.trial_id[:-8]}{rng.integers(2**32):08x}"
        params = {"optim.lr": float(10 ** rng.uniform(-4, -2)), "model.dropout": rng.uniform()}
        epochs = tuple(_noisy(like.result, rng))
        result = like.result.model_copy(update={"trial_id": name, "epochs": epochs})
        yield replace(like, trial_id=name, params=params, result=result)


def _noisy(result: TrialResult, rng: np.random.Generator) -> Iterator[EpochRecord]:
    """The trial's epochs with noise on their validation scores."""
    noises = rng.uniform(0.6, 1, len(result.epochs)).tolist()
    for epoch, noise in zip(result.epochs, noises, strict=True):
        valid = {metric: value * noise for metric, value in epoch.valid.items()}
        yield epoch.model_copy(update={"valid": valid})
