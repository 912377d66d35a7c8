"""Kept lists and example users for a made-up study, from the ranks that its records have."""

from pathlib import Path

import numpy as np

from morec.kept_lists import KeptLists
from morec.packing import pack_integers
from morec.results import Evaluation
from tune_space.inputs.example_pairs import Pair, Side, draw_users, pairs_of
from tune_space.ledger.examples import (
    ExampleItem,
    ExamplePair,
    ExampleSide,
    ExampleUser,
    StudyExamples,
)
from tune_space.ledger.records import Ledger

NUM_ITEMS = 400
PICTURE = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAP//////////////////////////////////////////////////////////"
    "////////////////////////////wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAA//EABQQAQAAAAAAAAAAAA"
    "AAAAAAAAD/2gAIAQEAAD8AN//Z"
)
"""A JPEG of one grey pixel."""


def target_of(user: int) -> int:
    return 1 + user % NUM_ITEMS


def kept_lists(evaluation: Evaluation, shift: int) -> KeptLists:
    """Ten items of every user; the target stands at its rank, if that is 1 to 10."""
    users = np.arange(evaluation.num_users)
    targets_U = users % NUM_ITEMS + 1
    items_UK = (targets_U[:, None] + shift + 11 * np.arange(1, 11)) % NUM_ITEMS + 1
    found = np.flatnonzero(evaluation.ranks <= 10)
    items_UK[found, evaluation.ranks[found] - 1] = targets_U[found]
    return KeptLists(
        places=10,
        num_users=len(users),
        packed_targets=pack_integers(targets_U),
        packed_items=pack_integers(items_UK),
    )


def keep_lists(folder: Path) -> None:
    """Give every final record of a study lists."""
    ledger = Ledger(folder)
    for number, record in enumerate(ledger.read_all().values()):
        if record.test:
            test = record.test.model_copy(update={"kept_lists": kept_lists(record.test, number)})
            ledger.write(record.model_copy(update={"test": test}))


def add_examples(folder: Path, *, title: str = "Item", picture: str = "") -> StudyExamples:
    """Give a study kept lists and example users, as a run stores them."""
    keep_lists(folder)
    ledger = Ledger(folder)
    pairs = pairs_of(ledger.manifest(), ledger.read_all())
    examples = StudyExamples(pairs=tuple(_pair(pair, title, picture) for pair in pairs))
    ledger.write_examples(examples)
    return examples


def _pair(pair: Pair, title: str, picture: str) -> ExamplePair:
    drawn = draw_users(*pair.results)
    assert drawn is not None
    first, second = pair.arms
    sides = _side(first.own_name, drawn.sides[0]), _side(second.own_name, drawn.sides[1])
    return ExamplePair(
        dataset=first.dataset,
        condition=first.condition,
        kind=pair.kind,
        seed=pair.results[0].config.seed,
        num_seeds=pair.num_seeds,
        trial_ids=(pair.results[0].trial_id, pair.results[1].trial_id),
        num_users=drawn.num_users,
        num_equal=drawn.num_equal,
        sides=sides,
        items=tuple(
            ExampleItem(item=item, title=f"{title} {item}", picture=picture)
            for item in range(1, NUM_ITEMS + 1)
        ),
    )


def _side(arm: str, side: Side) -> ExampleSide:
    users = tuple(
        ExampleUser(
            user=user,
            history=tuple((user + step) % NUM_ITEMS + 1 for step in range(1, 6)),
            target=target_of(user),
        )
        for user in side.users
    )
    return ExampleSide(
        arm=arm,
        num_users=side.num_users,
        num_drawn_from=side.num_drawn_from,
        least_ratio=side.least_ratio,
        users=users,
    )
