"""The project's own study files with made-up numbers: every table layout a report must print."""

from pathlib import Path

import numpy as np

from tests.reports.made_up_studies import Arm, FakeStudy
from tune_space.study.load import open_study

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))


def shape_of(path: Path, num_users: int = 30) -> FakeStudy:
    """Arms, groups, data sets, contrasts and paper numbers of a study file."""
    loaded = open_study(path)
    study, arms = loaded.spec, loaded.arms
    rng = np.random.default_rng(len(arms))
    by_label: dict[str, Arm] = {}
    on: dict[str, list[str]] = {}
    for arm in arms:
        label = arm.name.removeprefix(f"{arm.dataset}/")
        on.setdefault(arm.dataset, []).append(label)
        parts = {
            key: getattr(arm.config, key).model_dump(mode="json")
            for key in ("item", "optim", "model")
        }
        strength, epoch_s = 0.6 + rng.uniform(0, 1), 2 + 60 * rng.uniform()
        made = Arm(label, strength=strength, epoch_s=epoch_s, group=arm.group, **parts)
        by_label.setdefault(label, made)
    kept = study.model_dump(mode="json", include={"name", "baseline", "contrasts", "expected"})
    return FakeStudy(
        arms=tuple(by_label.values()),
        datasets={key: tuple(labels) for key, labels in on.items() if key},
        num_users=num_users,
        seeds=(1, 2),
        searches=0,
        question=study.question,
        overrides=kept,
    )
