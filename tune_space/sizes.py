"""Parameters and FLOPs of every arm's model, counted before anything is trained or downloaded."""

from collections.abc import Sequence

from morec.blueprint import Blueprint, blueprint
from morec.config import canonical_json
from tune_space.expand import Arm
from tune_space.ledger import DatasetEntry
from tune_space.study import StudySpec


def model_sizes(
    study: StudySpec, arms: Sequence[Arm], datasets: Sequence[DatasetEntry]
) -> dict[str, Blueprint | None]:
    """Count each arm's model by arm name; None where its shapes cannot be known from here.

    The numbers of users and items are those of ``datasets`` as they were read or, before that, what
    the study says that the paper had.
    """
    counted: dict[str, Blueprint | None] = {}
    sizes = {}
    for arm in arms:
        num_users, num_items = _counts(study, arm, datasets)
        config = arm.config
        shape = [config.item.model_dump(mode="json"), config.model.model_dump(mode="json")]
        key = canonical_json([*shape, config.dataset.max_seq_len, num_users, num_items])
        if key not in counted:
            counted[key] = blueprint(config, num_users=num_users, num_items=num_items)
        sizes[arm.name] = counted[key]
    return sizes


def _counts(
    study: StudySpec, arm: Arm, datasets: Sequence[DatasetEntry]
) -> tuple[int | None, int | None]:
    """Users and items of an arm's data set, as far as they are known."""
    known = next((entry for entry in datasets if entry.dataset == arm.dataset), None)
    counted = known or study.datasets.get(arm.dataset)
    return (counted.num_users, counted.num_items) if counted else (None, None)
