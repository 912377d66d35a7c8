"""What Ray Tune runs: one job in, epochs and one record out."""

import traceback
from typing import Any

import ray.tune

from morec.ray_train import TrialJob, train
from morec.results import TrialResult, TrialStatus, utc_now


def run_job(tune_config: dict[str, Any]) -> None:
    """Run ``tune_config["job"]`` and report its record under ``result``.

    The one place where any exception becomes a failed trial; the study goes on.
    """
    job = TrialJob.model_validate_json(tune_config["job"])
    try:
        result = train(job)
    except Exception:
        result = TrialResult(
            trial_id=job.config.trial_id(job.sources),
            config=job.config,
            sources=job.sources,
            status=TrialStatus.FAILED,
            error=traceback.format_exc(),
            finished_at=utc_now(),
        )
    ray.tune.report({"result": result.model_dump_json()})
