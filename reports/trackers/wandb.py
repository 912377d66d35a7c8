"""Weights & Biases: a run a trial, in the study's group of a project.

What was sent is written down beside the ledger, in ``wandb/``, since an offline W&B cannot be
asked. A run's id is made of study and trial, so a run that was sent twice is one run online.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import wandb

from morec.results import write_atomically
from reports.trackers.runs import RECORD, Run, TrackedStudy, run_key
from tune_space.study.url_secrets import without_secrets

SENT = "sent.json"
"""Address -> run id -> the digest and the number of epochs that were sent."""


def send(study: TrackedStudy, address: str) -> int:
    """Send the trials that were not sent yet; returns how many were.

    Raises:
        wandb.errors.Error: W&B is away, nobody is logged in, or it refuses something.
    """
    path = study.folder / "wandb" / SENT
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    sent = known.setdefault(_destination(address), {})
    number = 0
    for run in study.runs:
        run_id = run_key(study, run)
        before = sent.get(run_id, {})
        if before.get("digest") == run.digest:
            continue
        _send(study, run, address, num_known=before.get("epochs", 0))
        sent[run_id] = {"digest": run.digest, "epochs": len(run.epochs)}
        write_atomically(path, json.dumps(known, indent=1))
        number += 1
    return number


def _destination(address: str) -> str:
    """What tells places apart that do not share runs: the server or offline, and the project."""
    mode = os.environ.get("WANDB_MODE", "online")
    url = without_secrets(os.environ.get("WANDB_BASE_URL", ""))
    base = url if mode == "online" else mode
    return f"{base} {address}".strip()


def _send(study: TrackedStudy, run: Run, address: str, *, num_known: int) -> None:
    """Send one run, without the epochs that were sent before."""
    entity, _, project = address.rpartition("/")
    made = wandb.init(
        entity=entity or None,
        project=project,
        id=run_key(study, run),
        resume="allow",
        group=study.name,
        job_type=run.tags["role"],
        name=run.name,
        config=_nested(run.params),
        dir=str(study.folder),
        settings=wandb.Settings(
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            x_disable_stats=True,
            x_disable_meta=True,
            x_save_requirements=False,
        ),
    )
    for epoch in run.epochs[num_known:]:
        made.log({**epoch.metrics, "epoch": epoch.step}, step=epoch.step)
    made.summary.update({**run.metrics, **run.tags, RECORD: run.digest})
    made.finish(exit_code=1 if run.status in ("failed", "collapsed") else 0)


def _nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted paths as nested mappings, which W&B writes as dotted paths again."""
    nested: dict[str, Any] = {}
    for path, value in params.items():
        *above, last = path.split(".")
        inner = nested
        for key in above:
            inner = inner.setdefault(key, {})
        inner[last] = value
    return nested
