"""Exports of every kind of arm: their lists are the sealed evaluation's, also without a study."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import morec
from morec.data.dataset import Dataset
from morec.errors import DataError
from morec.exports.recommender import Recommender
from morec.results import TrialResult
from tests.morec.exports.exported import (
    ITEMS,
    MODELS,
    config_of,
    export,
    new_items,
    ranks_in,
    test_histories,
)

ROOT = Path(__file__).parents[3]
NO_NEW_ITEMS = {
    "id": "item.id: an ID has a vector only if training has seen it",
    "id and text": "item.id: an ID has a vector only if training has seen it",
    "content start": "item.id: an ID has a vector only if training has seen it",
    "shuffled text": "item.text.control: shuffle stands in for the contents",
    "words": "item.text: 'word-average' cannot be saved apart from its data set",
    "late fusion": "member 1: item.id: an ID has a vector only if training has seen it",
}
ALL = (*ITEMS, *MODELS, "late fusion", "content members")
test_histories.__test__ = False  # type: ignore[attr-defined]
Exported = tuple[str, Path, TrialResult]


@pytest.fixture(scope="module")
def arm(
    tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Exported]:
    """An arm's export and record by its name; each is trained once, and no test changes it.

    The export was moved, and the study's artefacts and checkpoints are gone.
    """

    @cache
    def exported(name: str) -> Exported:
        made = tmp_path_factory.mktemp("made")
        folder, result = export(config_of(name), tiny_dataset, made)
        moved = folder.rename(tmp_path_factory.mktemp("arms") / f"moved {name}")
        shutil.rmtree(made)
        return name, moved, result

    return exported


@pytest.fixture(scope="module", params=ALL)
def exported(request: pytest.FixtureRequest, arm: Callable[[str], Exported]) -> Exported:
    return arm(request.param)


@pytest.fixture(scope="module")
def of_ids(arm: Callable[[str], Exported]) -> Recommender:
    return morec.Recommender.load(arm("id")[1])


def test_a_full_list_has_every_target_at_the_rank_of_the_record(
    exported: Exported, tiny_dataset: Dataset
) -> None:
    _, folder, result = exported
    histories, targets = test_histories(tiny_dataset)
    lists = Recommender.load(folder).recommend(histories, k=tiny_dataset.num_items)
    assert result.test is not None
    assert ranks_in(lists, histories, targets) == result.test.ranks.tolist()


def test_a_new_item_with_the_contents_of_a_known_one_has_its_vector(
    exported: Exported, tiny_dataset: Dataset, tmp_path: Path
) -> None:
    name, folder, _ = exported
    recommender = Recommender.load(folder)
    items = new_items(tiny_dataset, tmp_path / "images", recommender)
    if name in NO_NEW_ITEMS or name in MODELS:
        with pytest.raises(DataError, match=NO_NEW_ITEMS.get(name, NO_NEW_ITEMS["id"])):
            recommender.item_vectors(items)
        return
    known = recommender.item_vectors()
    np.testing.assert_allclose(recommender.item_vectors(items), known, rtol=0, atol=1e-6)
    # Alone and in another order, so that nothing depends on the others of the table.
    some = items.iloc[[8, 2, 21]]
    # Whitening makes more of rounding.
    found = recommender.item_vectors(some)
    np.testing.assert_allclose(found, known[[8, 2, 21]], rtol=0, atol=5e-6)
    assert np.abs(known[0] - known[1]).max() > 1e-4


def test_users_and_items_vectors_multiply_to_the_scores(
    exported: Exported, tiny_dataset: Dataset
) -> None:
    _, folder, _ = exported
    recommender = Recommender.load(folder)
    histories, _ = test_histories(tiny_dataset)
    scores = recommender.user_vectors(histories) @ recommender.item_vectors().T
    lists = recommender.recommend(histories, k=1, exclude_seen=False)
    assert recommender.user_ids_of(histories).tolist() == lists["user_id"].tolist()
    np.testing.assert_allclose(lists["score"], scores.max(1), rtol=1e-5)
    best = [recommender.item_ids[place] for place in scores.argmax(1)]
    assert lists["item_id"].tolist() == best


FRESH = """
import json, sys
import morec
assert "torch" not in sys.modules
folders, histories = map(json.loads, sys.argv[1:])
users = {int(user): items for user, items in histories.items()}
found = {}
for name, folder in folders.items():
    recommender = morec.Recommender.load(folder)
    lists = recommender.recommend(users, k=len(recommender.item_ids))
    found[name] = json.loads(lists.to_json(orient="split", double_precision=15))
print(json.dumps(found))
"""


def test_a_fresh_process_needs_nothing_but_the_folders(
    arm: Callable[[str], Exported], tiny_dataset: Dataset, tmp_path: Path
) -> None:
    """And the working folder is empty."""
    names = ("id", "frozen text", "trained text", "frozen image", "late fusion")
    folders = {name: str(arm(name)[1]) for name in names}
    (tmp_path / "empty").mkdir()
    histories, targets = test_histories(tiny_dataset)
    run = subprocess.run(
        [sys.executable, "-c", FRESH, json.dumps(folders), json.dumps(histories)],
        cwd=tmp_path / "empty",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    for name, plain in json.loads(run.stdout).items():
        lists = pd.DataFrame(plain["data"], columns=plain["columns"])
        test = arm(name)[2].test
        assert test is not None
        assert ranks_in(lists, histories, targets) == test.ranks.tolist(), name
    assert not list((tmp_path / "empty").iterdir())


def test_seen_items_are_left_out_unless_asked_for(
    of_ids: Recommender, tiny_dataset: Dataset
) -> None:
    histories, _ = test_histories(tiny_dataset)
    everything = tiny_dataset.num_items
    for exclude_seen in (True, False):
        lists = of_ids.recommend(histories, k=everything, exclude_seen=exclude_seen)
        by_user = lists.groupby("user_id")["item_id"].agg(set)
        for user, items in histories.items():
            expected = set(of_ids.item_ids) - (set(items) if exclude_seen else set())
            assert by_user[user] == expected


def test_ranks_count_from_one_and_scores_fall(of_ids: Recommender, tiny_dataset: Dataset) -> None:
    histories, _ = test_histories(tiny_dataset)
    lists = of_ids.recommend(histories, k=4)
    assert lists.columns.tolist() == ["user_id", "rank", "item_id", "score"]
    assert len(lists) == 4 * len(histories)
    for _, one in lists.groupby("user_id"):
        assert one["rank"].tolist() == [1, 2, 3, 4]
        assert one["score"].is_monotonic_decreasing


def test_a_table_in_any_order_gives_the_lists_of_the_mapping(
    of_ids: Recommender, tiny_dataset: Dataset
) -> None:
    histories, _ = test_histories(tiny_dataset)
    rows = [
        (user, item, time) for user, items in histories.items() for time, item in enumerate(items)
    ]
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    shuffled = table.sample(frac=1, random_state=3)
    found = of_ids.recommend(shuffled).sort_values(["user_id", "rank"], ignore_index=True)
    expected = of_ids.recommend(histories).sort_values(["user_id", "rank"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert of_ids.user_ids_of(shuffled).tolist() == shuffled["user_id"].unique().tolist()


def test_many_users_are_read_in_blocks_and_batches_change_nothing(
    of_ids: Recommender, tiny_dataset: Dataset
) -> None:
    histories, _ = test_histories(tiny_dataset)
    many = {f"{copy}:{user}": h for copy in range(5) for user, h in histories.items()}
    lists = of_ids.recommend(many, k=3)
    alone = of_ids.recommend(histories, k=3)
    assert lists["item_id"].tolist() == alone["item_id"].tolist() * 5


def test_only_the_last_items_of_a_long_history_are_read(of_ids: Recommender) -> None:
    length = of_ids.config.dataset.max_seq_len
    items = list(of_ids.item_ids[: length + 4])
    vectors = of_ids.user_vectors({"all": items, "last": items[-length:], "other": items[:length]})
    np.testing.assert_allclose(vectors[0], vectors[1], rtol=0, atol=1e-6)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3


def test_unknown_items_are_counted_and_left_out(of_ids: Recommender) -> None:
    known = list(of_ids.item_ids[:3])
    lists = of_ids.recommend({"a": [*known, "no such item"], "b": known})
    assert lists.attrs["unknown_items"] == 1
    of_a, of_b = (lists[lists["user_id"] == user]["item_id"].tolist() for user in "ab")
    assert of_a == of_b
    # Whole numbers are the ids that the catalogue spells as texts.
    numbers = of_ids.recommend({"a": [int(item) for item in known]})
    assert numbers["item_id"].tolist() == of_a and numbers.attrs["unknown_items"] == 0


@pytest.mark.parametrize(
    ("histories", "k", "message"),
    [
        ({"a": ["no such item"], "b": []}, 3, "2 of 2 users have no item of the catalogue: 'a', "),
        ({"a": ["1"]}, 31, "k: 31; allowed: 1 to 30, the items that are recommended"),
        ({"a": ["1"]}, 0, "k: 0; allowed: 1 to 30"),
        (pd.DataFrame({"user": [1], "item_id": ["1"]}), 3, "no column user_id; found: user, item"),
        (pd.DataFrame({"user_id": [1], "item_id": [None]}), 3, "1 of 1 rows have no item_id"),
    ],
)
def test_what_cannot_be_recommended_is_said(
    of_ids: Recommender, histories: Any, k: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        of_ids.recommend(histories, k=k)


def test_nobody_gets_nothing(of_ids: Recommender) -> None:
    assert of_ids.recommend({}).empty
    assert of_ids.user_vectors({}).shape == (0, 8)


@pytest.mark.parametrize("exported", ["dssm"], indirect=True)
def test_dssm_knows_the_users_of_its_data_by_their_numbers_alone(exported: Exported) -> None:
    recommender = Recommender.load(exported[1])
    vectors = recommender.user_vectors({0: [], 40: ["1"]})
    assert vectors.shape == (2, 8) and np.abs(vectors[0] - vectors[1]).max() > 1e-4
    with pytest.raises(DataError, match="2 users are unknown: 41, 'x'; dssm has a vector for"):
        recommender.recommend({0: ["1"], 41: ["1"], "x": ["1"]})


@pytest.mark.parametrize("exported", ["frozen text"], indirect=True)
def test_tables_of_new_items_say_what_they_lack(exported: Exported) -> None:
    recommender = Recommender.load(exported[1])
    with pytest.raises(DataError, match="no column title; needed: item_id, title; found: item_id"):
        recommender.item_vectors(pd.DataFrame({"item_id": ["a"]}))
    with pytest.raises(DataError, match="1 of 2 have no item_id"):
        recommender.item_vectors(pd.DataFrame({"item_id": ["a", None], "title": ["b", "c"]}))
    assert recommender.item_vectors(pd.DataFrame({"item_id": [], "title": []})).shape == (0, 8)
    one = recommender.item_vectors(pd.DataFrame({"item_id": ["a"], "title": [None]}))
    assert np.isfinite(one).all()


def test_notes_and_configuration_come_back(of_ids: Recommender) -> None:
    assert of_ids.notes == {"study": "tiny", "seed": 0}
    assert of_ids.config == config_of("id")
    assert of_ids.item_ids[:2] == ("0", "1")
