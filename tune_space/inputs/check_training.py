"""Refuses a study whose data leaves a model or a loss nothing to train on, before trials start."""

from collections.abc import Sequence

from morec.config import TrialConfig
from morec.config.losses import LOSS_OPTIONS
from morec.errors import DataError, SpecError
from morec.models.recommender import check_trains
from tune_space.inputs.prepare import Prepared, data_key, variants
from tune_space.study.arm import Arm

MATTERS = (
    *("dataset", "model.kind", "training.loss", "training.batch_size", "training.max_epochs"),
    *(f"training.{option}" for option in LOSS_OPTIONS),
    *("optim.schedule", "optim.warmup_steps"),
)
"""Paths that decide whether anything trains, and whether a learning rate's schedule begins."""


def check_training(prepared: Prepared, arms: Sequence[Arm]) -> None:
    """Refuse arms whose data leaves nothing to train on, for every searched choice that matters.

    Raises:
        DataError: names every such arm; see ``morec.models.recommender.check_trains``.
    """
    problems: dict[str, dict[str, None]] = {}
    seen: dict[tuple[str, ...], str] = {}
    for arm in arms:
        for config in variants(arm, MATTERS):
            training = config.training
            options = (str(getattr(training, option)) for option in LOSS_OPTIONS)
            plan = _plan_of(config)
            key = (data_key(config), config.model.kind, training.loss, plan, *options)
            if key not in seen:
                seen[key] = _training_problem(prepared, config)
            if seen[key]:
                problems.setdefault(seen[key], {})[arm.name] = None
    if problems:
        found = (f"arm {', '.join(map(repr, names))}: {text}" for text, names in problems.items())
        raise DataError("\n".join(["nothing was started", *found]))


def _training_problem(prepared: Prepared, config: TrialConfig) -> str:
    """Why nothing would train; empty where something does."""
    try:
        check_trains(config, prepared.dataset(config))
    except (DataError, SpecError) as error:
        return f"dataset {config.dataset.kind}, {config.model.kind}: {error}"
    return ""


def _plan_of(config: TrialConfig) -> str:
    """What the steps of a schedule depend on; empty without one, so that data is looked at once."""
    optim, training = config.optim, config.training
    if optim.schedule == "none":
        return ""
    return f"{optim.schedule} {optim.warmup_steps} {training.batch_size} {training.max_epochs}"
