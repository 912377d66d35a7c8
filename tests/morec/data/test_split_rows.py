"""Splits by time agree with a loop over interactions; nothing after the cut is trained on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import morec
from morec.config import LEAVE_ONE_OUT, ByTimeSpec, ByTimeSplit, FilesSpec, SplitSpec
from morec.data.dataset import Dataset, make_dataset, open_dataset, save_dataset
from morec.data.interactions import Interactions, from_rows
from morec.data.slices import slicings
from morec.data.split_rows import find_cuts
from morec.data.splits import (
    Split,
    evaluation_batches,
    train_lengths_U,
    train_popularity_N1,
    train_sequences_UL1,
)
from morec.errors import DataError
from morec.models.batches import sequence_samples
from tests.morec.data.hand_made import dataset_of, datasets, quick

Row = tuple[int, int, int]
"""User, item, and a time in days after ``DAY_0``."""
DAY_0, DAY_S = 1_600_000_000, 86_400
Targets = dict[str, list[tuple[int, list[int], int]]]
"""Split -> user, history and target of every row, as item codes."""

triples = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 30)), min_size=8, max_size=80
)


def split_by(**options: object) -> ByTimeSplit:
    return ByTimeSplit.model_validate({"by_time": options})


def spec_of(max_seq_len: int = 20) -> FilesSpec:
    return FilesSpec(
        kind="files", interactions="x", min_seq_len=3, max_seq_len=max_seq_len, ties="file"
    )


def read(rows: list[Row]) -> Interactions:
    table = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    table["timestamp"] = DAY_0 + DAY_S * table["timestamp"]
    table["item"] = table["item"].astype(str)
    return from_rows(table, [str(item) for item in range(10)], repeats="keep")


def split(rows: list[Row], how: SplitSpec, max_seq_len: int = 20) -> Dataset:
    return make_dataset(spec_of(max_seq_len), "", read(rows), how)


def cuts_of(times: list[int], spec: ByTimeSpec) -> tuple[int, int]:
    latest_first = sorted(times, reverse=True)
    sizes = [round(len(times) * share) for share in (spec.valid + spec.test, spec.test)]
    valid, test = (latest_first[max(size, 1) - 1] for size in sizes)
    return valid, test


def loop(rows: list[Row], spec: ByTimeSpec, length: int) -> tuple[dict[int, list[int]], Targets]:
    """Every user's train list, and the targets, by the definition."""
    by_user = {user: [row for row in rows if row[0] == user] for user in range(6)}
    users = [sorted(own, key=lambda row: row[2]) for own in by_user.values() if len(own) >= 3]
    users.sort(key=lambda own: rows.index(by_user[own[0][0]][0]))
    catalogue = {item for own in users for _, item, _ in own[-(length + 3) :]}
    users = [[row for row in own if row[1] in catalogue] for own in users]
    valid, test = cuts_of([row[2] for own in users for row in own], spec)
    train, targets = dict[int, list[int]](), Targets(valid=[], test=[])
    for number, own in enumerate(users):
        items = [item for _, item, _ in own]
        train[number] = [item for _, item, time in own if time < valid][-(length + 1) :]
        for name, begin, end in (("valid", valid, test), ("test", test, 99)):
            inside = [at for at, (_, _, time) in enumerate(own) if begin <= time < end]
            at = (inside[0] if spec.target == "first" else inside[-1]) if inside else 0
            if at:
                past = items[max(0, at - length - 2) : at]
                targets[name].append((number, past, items[at]))
    return train, targets


def found_in(dataset: Dataset) -> tuple[dict[int, list[int]], Targets]:
    """The same of a dataset."""
    name = {item: int(dataset.name_of(item)) for item in range(1, dataset.num_items + 1)}
    train = {
        user: [name[item] for item in row if item]
        for user, row in enumerate(train_sequences_UL1(dataset).tolist())
    }
    targets = Targets(valid=[], test=[])
    for split_name, found in targets.items():
        for user, start, end in zip(*dataset.rows_of(split_name), strict=True):  # type: ignore[arg-type]
            past = [name[item] for item in dataset.item_ids[start:end].tolist()]
            found.append((int(user), past, name[int(dataset.item_ids[end])]))
    return train, targets


specs = st.builds(
    ByTimeSpec,
    test=st.sampled_from([0.1, 0.2, 0.4]),
    valid=st.sampled_from([0.1, 0.3]),
    target=st.sampled_from(["first", "last"]),
)


@quick
@given(triples, specs, st.integers(1, 4))
def test_train_lists_histories_and_targets_are_those_of_a_loop(
    rows: list[Row], spec: ByTimeSpec, length: int
) -> None:
    try:
        dataset = split(rows, ByTimeSplit(by_time=spec), length)
    except DataError:
        assume(False)
    assert found_in(dataset) == loop(rows, spec, length)


@quick
@given(triples, specs)
def test_nothing_after_the_validation_cut_is_trained_on(rows: list[Row], spec: ByTimeSpec) -> None:
    try:
        dataset = split(rows, ByTimeSplit(by_time=spec))
    except DataError:
        assume(False)
    assert dataset.cuts_s is not None
    before = [item for _, item, day in rows if DAY_0 + DAY_S * day < dataset.cuts_s[0]]
    popularity_N1 = train_popularity_N1(dataset)
    for item in range(1, dataset.num_items + 1):
        assert popularity_N1[item] <= before.count(int(dataset.name_of(item)))


@quick
@given(triples, specs)
def test_users_and_items_are_those_of_leave_one_out(rows: list[Row], spec: ByTimeSpec) -> None:
    try:
        dataset = split(rows, ByTimeSplit(by_time=spec), 2)
    except DataError:
        assume(False)
    other = split(rows, LEAVE_ONE_OUT, 2)
    assert dataset.item_names == other.item_names
    assert dataset.num_users == other.num_users == len(train_lengths_U(dataset))


@quick
@given(datasets(), st.sampled_from(["train", "valid", "test"]))
def test_leave_one_out_is_the_window_without_its_last_items(dataset: Dataset, name: str) -> None:
    users, starts, ends = dataset.rows_of(name)  # type: ignore[arg-type]
    assert users.tolist() == list(range(dataset.num_users))
    assert starts.tolist() == dataset.offsets_U1[:-1].tolist()
    steps = {"train": 2, "valid": 2, "test": 1}[name]
    assert ends.tolist() == (dataset.offsets_U1[1:] - steps).tolist()


def test_the_latest_shares_lie_after_the_cuts_and_ties_at_a_cut_lie_after_it() -> None:
    spec = ByTimeSpec(test=0.2, valid=0.3)
    assert find_cuts(np.arange(10), spec) == (5, 8)
    assert find_cuts(np.array([9, 1, 0, 3, 7, 5, 5, 5, 9, 9]), spec) == (5, 9)


ROWS: list[Row] = [
    *[(0, item, item) for item in range(10)],
    *[(1, item, day) for item, day in ((0, 1), (1, 2), (2, 3), (3, 4))],
    *[(2, item, day) for item, day in ((4, 9), (5, 9), (6, 10))],
]
"""User 0 is there all the time, user 1 leaves early, user 2 comes in the test period.

With ``HALF``, 7 of the 17 interactions lie from day 6 on, and 10 from day 4 on.
"""
HALF = {"test": 0.4, "valid": 0.2}


def test_a_user_may_be_in_some_splits_alone() -> None:
    dataset = split(ROWS, split_by(**HALF, target="first"))
    train, targets = found_in(dataset)
    assert train == {0: [0, 1, 2, 3], 1: [0, 1, 2], 2: []}
    assert targets["valid"] == [(0, [0, 1, 2, 3], 4), (1, [0, 1, 2], 3)]
    assert targets["test"] == [(0, [0, 1, 2, 3, 4, 5], 6)]
    counts = {name: count for name, count in dataset.counts.items() if "without_a" in name}
    assert counts == {
        "valid_users_without_a_past": 0,
        "valid_users_without_a_history": 0,
        "test_users_without_a_past": 0,
        "test_users_without_a_history": 1,
    }
    assert dataset.counts["users_with_train_interactions"] == 2
    assert (dataset.counts["valid_targets"], dataset.counts["test_targets"]) == (2, 1)


def test_users_without_a_past_are_ranked_once_they_have_a_history_and_are_a_slice() -> None:
    dataset = split(ROWS, split_by(**HALF, target="last"))
    assert found_in(dataset)[1]["test"] == [
        (0, list(range(9)), 9), (2, [4, 5], 6)
    ]  # fmt: skip
    assert dataset.counts["test_users_without_a_past"] == 1
    (past,) = (one for one in slicings(dataset, "test") if one.dimension == "user's past")
    assert past.labels == ("users without a past", "users with a past")
    assert past.codes_U.tolist() == [1, 0]
    assert not any(one.dimension == "user's past" for one in slicings(dataset, "valid"))


def test_a_batch_holds_the_rows_of_the_split_with_their_users() -> None:
    dataset = split(ROWS, split_by(**HALF, target="last"), 3)
    batches = list(evaluation_batches(dataset, "test", batch_size=1))
    assert [batch.users_B.tolist() for batch in batches] == [[0], [2]]
    assert [batch.inputs_BL.tolist() for batch in batches] == [[[7, 8, 9]], [[0, 5, 6]]]
    assert [len(batch.history_items) for batch in batches] == [5, 2]


def test_users_without_train_interactions_are_no_samples() -> None:
    samples = sequence_samples(train_sequences_UL1(split(ROWS, split_by(**HALF))))
    assert samples.users_S.tolist() == [0, 1]
    assert samples.items_SL1[:, -1].tolist() == [4, 3]
    assert samples.trained_UL1.shape[0] == 3


def test_a_history_slice_counts_train_interactions_of_the_splits_users() -> None:
    dataset = split(ROWS, split_by(**HALF, target="last"))
    (history,) = (one for one in slicings(dataset, "test") if one.dimension == "history")
    assert [history.labels[code] for code in history.codes_U] == ["4", "0"]


def test_a_target_at_the_time_of_the_next_interaction_is_tied() -> None:
    rows = [*ROWS, (0, 0, 6)]
    dataset = split(rows, split_by(**HALF, target="first"))
    (ties,) = (one for one in slicings(dataset, "test") if one.dimension == "ties in time")
    assert [ties.labels[code] for code in ties.codes_U] == ["tied"]


def test_what_no_row_reads_is_not_stored() -> None:
    """User 0 is read from the history of target 4 (L + 2 = 3 items) to the item after target 6."""
    dataset = split(ROWS, split_by(**HALF, target="first"), 1)
    windows = np.split(dataset.item_ids, dataset.offsets_U1[1:-1])
    names = [[int(dataset.name_of(item)) for item in window] for window in windows]
    assert names == [[1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 3], []]
    assert dataset.counts["interactions_outside_windows"] == 17 - 11


@pytest.mark.parametrize("how", [LEAVE_ONE_OUT, split_by(**HALF, target="last")])
def test_a_saved_dataset_keeps_its_split(tmp_path: Path, how: SplitSpec) -> None:
    dataset = split(ROWS, how)
    save_dataset(dataset, tmp_path)
    opened = open_dataset(tmp_path)
    assert (opened.split, opened.cuts_s) == (dataset.split, dataset.cuts_s) and opened.split == how
    names: tuple[Split, ...] = ("valid", "test")
    for name in names:
        for column, other in zip(opened.rows_of(name), dataset.rows_of(name), strict=True):
            assert column.tolist() == other.tolist()
    assert (tmp_path / "test_rows_3R.npy").exists() == (how != LEAVE_ONE_OUT)


def test_the_cuts_are_seconds_from_1970() -> None:
    rows = read(ROWS)
    assert make_dataset(spec_of(), "", rows, split_by(**HALF)).cuts_s == (
        DAY_0 + 4 * DAY_S,
        DAY_0 + 6 * DAY_S,
    )


def test_data_with_an_order_alone_cannot_be_split_by_time() -> None:
    rows = pd.DataFrame(ROWS, columns=["user", "item", "timestamp"])
    with pytest.raises(DataError, match=r"files.*by_time: .* no clock times.*leave_one_out"):
        make_dataset(spec_of(), "", from_rows(rows), split_by(**HALF))


def test_a_split_without_users_says_which_and_how_many_there_are() -> None:
    rows = [(user, item, 0) for user in range(3) for item in range(4)]
    with pytest.raises(DataError, match=r"no user is left for training or validation: "):
        split(rows, split_by())
    with pytest.raises(DataError, match=r"for validation: users_with_train_interactions 2"):
        split([*ROWS[:14], (1, 4, 9), (1, 5, 9), (1, 6, 9)], split_by(test=0.3, valid=0.01))


def test_only_the_data_know_where_windows_begin_and_end() -> None:
    """All others ask for the rows of a split; a window's end alone would be a look ahead.

    Histories that an exported model reads have no target: nothing lies ahead of their ends.
    """
    package = Path(morec.__file__).parent
    readers = [path for path in package.rglob("*.py") if "offsets_U1" in path.read_text("utf-8")]
    assert {path.parent for path in readers} == {package / "data", package / "exports"}


def test_hand_made_datasets_are_of_leave_one_out() -> None:
    assert dataset_of([[1, 2, 3]], num_items=3).split == LEAVE_ONE_OUT
