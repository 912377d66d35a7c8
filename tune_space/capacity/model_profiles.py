"""Parameters and FLOPs of the arms' models, counted before anything is trained or downloaded."""

from collections.abc import Sequence
from functools import cache

from morec.config import EvaluationSpec, OptimSpec, TrainingSpec, TrialConfig
from morec.model_profile import ModelProfile, joined, profile_model
from tune_space.ledger.manifest import DatasetEntry
from tune_space.study.arm import Arm
from tune_space.study.spec import StudySpec, place_of


def model_profiles(
    study: StudySpec, arms: Sequence[Arm], datasets: Sequence[DatasetEntry]
) -> dict[str, ModelProfile | None]:
    """Each arm's profile by arm name; None where the model's shapes are not known yet.

    The numbers of users and items are those of ``datasets``. Before a data set was read they are
    the numbers that the study file states.
    """
    return {arm.name: profile_of(arm.config, *known_counts(study, arm, datasets)) for arm in arms}


def profile_of(
    config: TrialConfig, num_users: int | None, num_items: int | None
) -> ModelProfile | None:
    """One trial's profile, None where its shapes are not known; each shape is counted once.

    Of a trial with members: that of the members together.
    """
    if config.ensemble:
        members = [profile_of(one, num_users, num_items) for one in config.ensemble]
        known = [one for one in members if one is not None]
        return joined(known) if len(known) == len(members) else None
    parts = {"optim": OptimSpec(), "training": TrainingSpec(), "evaluation": EvaluationSpec()}
    return _count(config.model_copy(update=parts | {"seed": 0}), num_users, num_items)


@cache
def _count(
    config: TrialConfig, num_users: int | None, num_items: int | None
) -> ModelProfile | None:
    return profile_model(config, num_users=num_users, num_items=num_items)


def known_counts(
    study: StudySpec, arm: Arm, datasets: Sequence[DatasetEntry]
) -> tuple[int | None, int | None]:
    """Numbers of users and items of an arm's data set; None where they are not known."""
    known = next((entry for entry in datasets if place_of(entry) == place_of(arm)), None)
    counted = known or study.datasets.get(arm.dataset)
    return (counted.num_users, counted.num_items) if counted else (None, None)
