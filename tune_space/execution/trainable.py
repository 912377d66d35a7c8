"""The function that Ray Tune runs: it takes one job and reports epochs and one record."""

import traceback
from pathlib import Path
from typing import Any

import ray.tune

from morec.cost import give_back_unused
from morec.ray_train import TrialJob, train
from morec.results import TrialResult, TrialStatus, utc_now
from morec.storage import is_url
from morec.trial_code import trial_code
from morec.trial_log import log_tail
from tune_space.execution.failures import reason_of


def run_job(tune_config: dict[str, Any]) -> None:
    """Run ``tune_config["job"]`` and report its record under ``result``.

    Any exception becomes the record of a failed trial here, and only here; the study goes on.
    """
    job = TrialJob.model_validate_json(tune_config["job"])
    try:
        result = train(job)
    except Exception as error:
        result = TrialResult(
            trial_id=job.config.trial_id(job.sources),
            config=job.config,
            sources=job.sources,
            status=TrialStatus.FAILED,
            reason=reason_of(error),
            error=traceback.format_exc(),
            log_tail=None if is_url(job.checkpoints) else log_tail(Path(job.checkpoints)),
            code=trial_code(job.config),
            finished_at=utc_now(),
        )
    # The process may wait for its next trial for hours.
    give_back_unused()
    ray.tune.report({"result": result.model_dump_json()})
