"""Studies that were run to their end, for audits: every number in them follows from the others."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from morec.metrics import metrics_of
from morec.results import Evaluation, pack_ranks
from tests.tune_space.made_up_trials import conductor_of, end, study
from tune_space.ledger.records import Ledger
from tune_space.schedule.jobs import Job

NUM_USERS = 40


def ranked(score: float, draw: np.random.Generator) -> Evaluation:
    """Ranks of 40 users of whom about ``score`` hit."""
    ranks_U = np.where(draw.random(NUM_USERS) < score, 3, 30)
    return Evaluation(
        metrics=metrics_of(ranks_U, [10]),
        num_users=NUM_USERS,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks(ranks_U),
    )


def result_of(job: Job) -> Any:
    """A record whose numbers all follow from its ranks, and those from its configuration."""
    made = end(job)
    draw = np.random.default_rng(int(job.trial_id[-8:], 16))
    valids = [ranked(epoch.valid["HR@10"], draw) for epoch in made.epochs]
    epochs = tuple(
        epoch.model_copy(update={"valid": valid.metrics})
        for epoch, valid in zip(made.epochs, valids, strict=True)
    )
    best = max(range(len(valids)), key=lambda place: valids[place].metrics["HR@10"])
    test = ranked(0.5, draw) if made.test else None
    fields = {"epochs": epochs, "best_epoch": best + 1, "valid": valids[best], "test": test}
    return made.model_copy(update=fields)


def run_all(folder: Path, **changes: Any) -> Path:
    conductor = conductor_of(folder, study(**changes))
    while (job := conductor.next_job()) is not None:
        conductor.finish(result_of(job))
    conductor.write_manifest("finished")
    return folder


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def arm(folder: Path, name: str = "ID") -> Any:
    return next(entry for entry in Ledger(folder).read_manifest().arms if entry.name == name)


def record(folder: Path, trial_id: str) -> Path:
    return folder / "trials" / f"{trial_id}.json"


def set_at(path: str, new: Any) -> Callable[[dict[str, Any]], None]:
    def change(value: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            value = value[name]
        value[last] = new

    return change
