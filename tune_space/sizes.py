"""Parameters and FLOPs of every arm's model, counted before anything is trained or downloaded."""

from collections.abc import Sequence

from morec.blueprint import Blueprint, blueprint
from tune_space.expand import Arm
from tune_space.ledger import Manifest
from tune_space.study import StudySpec


def model_sizes(
    study: StudySpec, arms: Sequence[Arm], manifest: Manifest | None
) -> dict[str, Blueprint | None]:
    """Count each arm's model by arm name; None where its shapes cannot be known from here.

    The numbers of users and items are those of the last run or, before one, what the study says
    that the paper had.
    """
    return {arm.name: _model_size(study, arm, manifest) for arm in arms}


def _model_size(study: StudySpec, arm: Arm, manifest: Manifest | None) -> Blueprint | None:
    entries = manifest.datasets if manifest else ()
    known = next((entry for entry in entries if entry.dataset == arm.dataset), None)
    counted = known or study.datasets.get(arm.dataset)
    return blueprint(
        arm.config,
        num_users=counted.num_users if counted else None,
        num_items=counted.num_items if counted else None,
    )
