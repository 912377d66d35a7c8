"""What a reference is given, and what it gives: scores of both splits, and how it was tuned."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from morec.config import EvaluationSpec
from morec.data.dataset import Dataset
from morec.data.splits import Split
from morec.results import Evaluation

ReferenceScores = Evaluation | dict[str, float]
"""An evaluation with ranks, which is compared user by user; or expected values of the metrics."""


@dataclass(frozen=True)
class ReferenceTask:
    """What a reference may read: a data set, how it is ranked, and an encoder's features."""

    dataset: Dataset
    spec: EvaluationSpec
    features_NH: npt.NDArray[np.float32] | None = None
    """Frozen features, item i at index i - 1; None for references that read interactions only."""


@dataclass(frozen=True)
class Scored:
    """A reference on both splits."""

    valid: ReferenceScores
    test: ReferenceScores
    chosen: Mapping[str, float] = field(default_factory=dict)
    """What was chosen on validation: name -> value."""
    left_out: str = ""
    """Why there are no scores; empty where there are."""


ReferenceFunction = Callable[[ReferenceTask], Scored]


def left_out(reason: str) -> Scored:
    """No scores, for a stated reason: words that continue "EASE is left out: "."""
    return Scored(valid={}, test={}, left_out=reason)


def on_both_splits(
    score: Callable[[Dataset, Split, EvaluationSpec], ReferenceScores],
) -> ReferenceFunction:
    """A reference without anything to choose, from a function that scores one split."""

    def scored(task: ReferenceTask) -> Scored:
        valid = score(task.dataset, "valid", task.spec)
        return Scored(valid, score(task.dataset, "test", task.spec))

    return scored


def metrics_in(scores: ReferenceScores) -> dict[str, float]:
    """The metrics of a reference, whatever else it has."""
    return scores.metrics if isinstance(scores, Evaluation) else scores
