"""MLflow: a run a trial, in an experiment named as the study's output folder.

MLflow itself knows what it has: a run is found by its trial id, and its digest says whether the
record is still the one that was sent.
"""

import logging
from collections.abc import Iterator, Mapping

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.tracking import MlflowClient

from reports.trackers.runs import RECORD, TRIAL, Run, TrackedStudy, plain_name

STATUSES = {
    "completed": "FINISHED",
    "pruned": "KILLED",
    "failed": "FAILED",
    "collapsed": "FAILED",
}
MAX_TAG, MAX_PARAM, MAX_BATCH = 5000, 6000, 1000
"""Characters of a tag and of a parameter, and metrics of a request, that MLflow takes."""
_PARAMS_PER_BATCH = 100
_PAGE = 1000


def send(study: TrackedStudy, address: str) -> int:
    """Send what MLflow does not have yet; returns how many runs were made or replaced.

    Raises:
        mlflow.exceptions.MlflowException: MLflow is away, or refuses something.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    client = MlflowClient(address)
    experiment = _experiment(client, study)
    known = dict(_known(client, experiment))
    sent = 0
    for run in study.runs:
        before = known.get(run.trial_id)
        if before is not None and before.data.tags.get(RECORD) == run.digest:
            continue
        if before is not None:
            # What was logged cannot be taken back, so a changed record is a run of its own. MLflow
            # keeps the one before among its deleted runs.
            client.delete_run(before.info.run_id)
        _create(client, experiment, run)
        sent += 1
    return sent


def _experiment(client: MlflowClient, study: TrackedStudy) -> str:
    found = client.get_experiment_by_name(study.name)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            raise mlflow.exceptions.MlflowException(
                f"experiment {study.name!r} is deleted; restore it there, or delete it for good"
            )
        return str(found.experiment_id)
    tags = {
        "mlflow.note.content": study.question,
        # MLflow shows its pages of training, not those of language models.
        "mlflow.experimentKind": "custom_model_development",
    }
    return str(client.create_experiment(study.name, tags=tags))


def _known(client: MlflowClient, experiment: str) -> Iterator[tuple[str, mlflow.entities.Run]]:
    """Trial id and run of all that this project put into the experiment."""
    token = None
    while True:
        page = client.search_runs([experiment], max_results=_PAGE, page_token=token)
        for run in page:
            trial_id = run.data.tags.get(TRIAL)
            if trial_id is not None:
                yield trial_id, run
        token = page.token
        if not token:
            return


def _create(client: MlflowClient, experiment: str, run: Run) -> None:
    """Make one run. Its digest comes last: a run that was cut short is made again."""
    began_ms, ended_ms = round(run.began_s * 1000), round(run.ended_s * 1000)
    tags = {name: value[:MAX_TAG] for name, value in run.tags.items()}
    made = client.create_run(experiment, start_time=began_ms, tags=tags, run_name=run.name)
    run_id = made.info.run_id
    params = [Param(path, str(value)[:MAX_PARAM]) for path, value in run.params.items()]
    for start in range(0, len(params), _PARAMS_PER_BATCH):
        client.log_batch(run_id, params=params[start : start + _PARAMS_PER_BATCH])
    metrics = [*_metrics(run, ended_ms)]
    for start in range(0, len(metrics), MAX_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + MAX_BATCH])
    client.set_terminated(run_id, STATUSES[run.status], end_time=ended_ms)
    client.log_batch(run_id, tags=[RunTag(RECORD, run.digest)])


def _metrics(run: Run, ended_ms: int) -> Iterator[Metric]:
    for epoch in run.epochs:
        yield from _at(epoch.metrics, round(epoch.ended_s * 1000), epoch.step)
    yield from _at(run.metrics, ended_ms, 0)


def _at(metrics: Mapping[str, float], time_ms: int, step: int) -> Iterator[Metric]:
    for name, value in metrics.items():
        yield Metric(plain_name(name), float(value), time_ms, step)
