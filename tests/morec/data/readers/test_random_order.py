"""Interactions without an order get a random one that depends on nothing but the ids."""

from random import Random

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from morec.data.clock import read_clock
from morec.data.interactions import from_rows
from morec.data.readers.random_order import random_order
from tests.morec.data.hand_made import quick

pairs = st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abcde")), max_size=15)


def table(rows: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "item"], dtype="str").assign(timestamp=0)


def histories(rows: list[tuple[str, str]]) -> dict[str, list[str]]:
    read = from_rows(random_order(table(rows)), repeats="keep")
    found = sorted(zip(read.user_ids, read.timestamps, read.item_ids, strict=True))
    by_user: dict[str, list[str]] = {name: [] for name in read.user_names}
    for user, _, item in found:
        by_user[read.user_names[user]].append(read.item_names[item])
    return by_user


@quick
@given(pairs, st.randoms())
def test_the_order_does_not_depend_on_the_files(
    rows: list[tuple[str, str]], random: Random
) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert histories(rows) == histories(shuffled)


@quick
@given(pairs)
def test_no_two_times_are_equal_and_none_is_a_clock_time(rows: list[tuple[str, str]]) -> None:
    times = random_order(table(rows))["timestamp"]
    assert times.is_unique
    assert read_clock(times.to_numpy()).ticks_per_s is None


def test_every_item_is_last_about_as_often() -> None:
    rows = [(f"u{user}", item) for user in range(3000) for item in "abc"]
    last = pd.Series([items[-1] for items in histories(rows).values()]).value_counts()
    # 1,000 each, with a standard deviation of 26.
    assert last.between(870, 1130).all()


def test_a_time_is_a_hash_of_user_item_and_the_number_of_earlier_repeats() -> None:
    def mixed(number: int) -> int:
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            number = (number ^ number >> shift) * factor % 2**64
        return number

    def of(name: str) -> int:
        return int(pd.util.hash_array(np.array([name], object), hash_key="without an order")[0])

    rows = [("u", "a", 0), ("v", "a", 0), ("u", "a", 1), ("u", "b", 0), ("u", "a", 2)]
    golden = 0x9E3779B97F4A7C15
    sums = [mixed(of(user)) + of(item) + number * golden for user, item, number in rows]
    expected = [-(mixed(one % 2**64) // 2) - 1 for one in sums]
    found = random_order(table([(user, item) for user, item, _ in rows]))
    assert found["timestamp"].tolist() == expected
