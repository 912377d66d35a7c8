"""The references that stand beside trained models in every accuracy table; nothing is trained."""

from collections.abc import Callable, Mapping

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.references.chance import chance
from morec.references.popularity import popularity
from morec.results import Evaluation

ReferenceScores = Evaluation | dict[str, float]
"""An evaluation with ranks, which is compared user by user; or expected values of the metrics."""

REFERENCES: Mapping[str, Callable[[Dataset, Split, EvaluationSpec], ReferenceScores]] = {
    "popularity": popularity,
    "chance": chance,
}
"""Every reference by the name of its row, in the order of the rows."""


def metrics_in(scores: ReferenceScores) -> dict[str, float]:
    """The metrics of a reference, whatever else it has."""
    return scores.metrics if isinstance(scores, Evaluation) else scores
