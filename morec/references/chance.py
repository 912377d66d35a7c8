"""The reference "chance": what a uniformly random order of the candidates scores on average."""

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.metrics import expected_metrics
from morec.references.task import ranking_task


def chance(dataset: Dataset, split: Split, spec: EvaluationSpec) -> dict[str, float]:
    """Every metric's expectation over random orders of each user's unmasked candidates.

    A masked target never hits.
    """
    task = ranking_task(dataset, split, spec)
    return expected_metrics(task.num_ranks_U, spec.ks)
