"""Made-up studies and edits of them, drawn from a seed, as study files."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

File = dict[str, Any]
"""A study file as a mapping."""
LR = {"loguniform": [1e-4, 1e-1]}
SPACES: tuple[dict[str, Any], ...] = (
    {"optim.lr": LR},
    {"optim.lr": LR},
    {"optim.lr": LR, "model.num_blocks": {"int": [1, 3]}},
    {"model.num_blocks": {"choice": [1, 2, 3]}},
    {"optim.lr": {"choice": [1e-3, 1e-2]}, "model.num_blocks": {"choice": [1, 2]}},
    {
        "training.loss": {"choice": ["bce", "in_batch_ce"]},
        "training.batch_size": {"choice": [16, 32], "when": {"training.loss": "in_batch_ce"}},
    },
    {},
)
"""Search spaces: endless, small, with a condition, and none."""
MODEL_DIMS = (16, 32, 48, 64, 80, 96)
DATA = {"kind": "synthetic"}


def draw_study(draw: Random) -> File:
    """A study file of two or three arms, and perhaps late fusions of them."""
    names = "ABC"[: draw.choice([2, 2, 3])]
    dims = draw.sample(MODEL_DIMS, len(names))
    file: File = {
        "question": "q",
        "baseline": "A",
        "base": {
            "dataset": DATA,
            "item": {"id": True},
            "model": {"dropout": 0.1},
            "training": {"max_epochs": draw.randint(1, 5)},
        },
        "arms": {name: {"model.dim": dim} for name, dim in zip(names, dims, strict=True)},
        "search": draw.choice(SPACES),
        "budget": _draw_budget(draw),
        "seeds": [1, 2][: draw.randint(1, 2)],
        "resources": {"silence_minutes": 5},
        "sampler": draw.choice(["tpe", "tpe", "random"]),
        "scheduler": draw.choice(["none", "asha", "median"]),
    }
    if draw.random() < 0.3:
        file["arms"]["late"] = {"ensemble": ["A", "B"]}
    if draw.random() < 0.1 and len(file["seeds"]) > 1:
        file["arms"]["twice"] = {"ensemble": ["A", "A"]}
    if draw.random() < 0.1:
        file["datasets"] = {"d": {"dataset": DATA}, "e": {"dataset": DATA | {"seed": 1}}}
    if draw.random() < 0.15:
        _add_conditions(file, draw)
    if draw.random() < 0.15:
        file["keep_checkpoints"] = True
    return file


def _draw_budget(draw: Random) -> File:
    if draw.random() < 0.15:
        trials, parallel = draw.randint(6, 9), draw.choice([1, 4, 8])
    else:
        trials, parallel = draw.choice([0, 1, 2, 3, 3, 4]), draw.choice([1, 1, 1, 2, 3, "auto"])
    hours = {"hours": draw.choice([0.3, 1, 3])} if draw.random() < 0.15 else {}
    return {"trials": trials, "parallel": parallel, **hours}


def study_text(file: File) -> str:
    """The file's text; JSON is YAML."""
    return json.dumps(file)


def _add_conditions(file: File, draw: Random) -> None:
    """Conditions, of which the second leaves an arm of another loss as it is.

    A file that has them stays as it is: another loss would be another arm B.
    """
    if "training.loss" in file["search"] or "conditions" in file:
        return
    file["conditions"] = {"plain": {}, "gbce": {"training.loss": "in_batch_ce"}}
    if draw.random() < 0.5:
        file["arms"]["B"]["training.loss"] = "in_batch_ce"


def _remove_conditions(file: File, draw: Random) -> None:
    file.pop("conditions", None)


def _change_budget(file: File, draw: Random) -> None:
    file["budget"]["trials"] = draw.randint(0, 5)


def _change_seeds(file: File, draw: Random) -> None:
    file["seeds"] = sorted(draw.sample([1, 2, 3], draw.randint(1, 2)))
    if len(file["seeds"]) < 2:
        file["arms"].pop("twice", None)


def _add_arm(file: File, draw: Random) -> None:
    used = {arm.get("model.dim") for arm in file["arms"].values()}
    new = {"model.dim": draw.choice([d for d in MODEL_DIMS if d not in used])}
    file["arms"].setdefault("N", new)


def _remove_arm(file: File, draw: Random) -> None:
    members = {one for arm in file["arms"].values() for one in arm.get("ensemble", ())}
    others = [name for name in file["arms"] if name not in members | {"A"}]
    if others:
        del file["arms"][draw.choice(others)]


def _add_ensemble(file: File, draw: Random) -> None:
    if "B" in file["arms"]:
        file["arms"]["late"] = {"ensemble": ["A", "B"]}


def _remove_ensemble(file: File, draw: Random) -> None:
    file["arms"].pop("late", None)


def _change_search_seed(file: File, draw: Random) -> None:
    file["search_seed"] = draw.randint(0, 2)


def _change_report(file: File, draw: Random) -> None:
    file["question"] = f"q{draw.random()}"


def _change_hours(file: File, draw: Random) -> None:
    file["budget"]["hours"] = draw.choice([0.3, 1])


def _change_arm(file: File, draw: Random) -> None:
    used = {arm.get("model.dim") for arm in file["arms"].values()}
    file["arms"]["A"]["model.dim"] = draw.choice([d for d in MODEL_DIMS if d not in used])


def _change_space(file: File, draw: Random) -> None:
    if "conditions" not in file:
        file["search"] = draw.choice(SPACES)


def _change_sampler(file: File, draw: Random) -> None:
    file["sampler"] = draw.choice(["tpe", "random"])


def _change_scheduler(file: File, draw: Random) -> None:
    file["scheduler"] = draw.choice(["none", "asha", "median"])


def _change_parallel(file: File, draw: Random) -> None:
    file["budget"]["parallel"] = draw.choice([1, 2, 3])


Edit = Callable[[File, Random], None]
FREE: tuple[Edit, ...] = (
    _change_budget,
    _change_seeds,
    _add_arm,
    _remove_arm,
    _add_ensemble,
    _remove_ensemble,
    _add_conditions,
    _remove_conditions,
    _change_search_seed,
    _change_report,
    _change_hours,
)
"""Edits after which the study must come to what it would have come to, had it always been so."""
BOUND: tuple[Edit, ...] = (
    _change_arm,
    _change_space,
    _change_sampler,
    _change_scheduler,
    _change_parallel,
)
"""Edits that go on from the search there is: what was asked for stays."""


def draw_edit(file: File, draw: Random) -> tuple[File, str, bool]:
    """An edited copy, the edit's name, and whether it is one of ``FREE``."""
    edit = draw.choice(FREE if draw.random() < 0.65 else BOUND)
    edited = deepcopy(file)
    edit(edited, draw)
    return edited, edit.__name__.strip("_").replace("_", " "), edit in FREE
