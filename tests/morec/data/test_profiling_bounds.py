"""The profile of a data set at its bounds: points of curves, bins of time, counts that are none."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morec.config import ByTimeSplit
from morec.data import profiling
from morec.data.dataset import read_interactions
from morec.data.interactions import Interactions
from morec.data.profile import DataProfile
from morec.data.profiling import load_profiled, make_profile
from tests.morec.data.hand_made import dataset_of, write_interactions

DAY = 86_400
IN_1971, IN_2100 = 31_536_000, 4_102_444_800


def interactions_at(times: list[int], items: list[int] | None = None) -> Interactions:
    """One user's interactions."""
    items_n = np.zeros(len(times), np.int64) if items is None else np.array(items)
    return Interactions(
        user_ids=np.zeros(len(times), np.int64),
        item_ids=items_n,
        timestamps=np.array(times),
        ticks_per_s=1,
        user_names=["u"],
        item_names=[str(item) for item in range(items_n.max() + 1)],
        counts={},
    )


def profile_of(times: list[int], items: list[int] | None = None) -> DataProfile:
    return make_profile(interactions_at(times, items), dataset_of([[1, 2, 3]], 3))


def test_the_whole_profile_of_three_interactions() -> None:
    quantiles = dict.fromkeys(("lowest", "q05", "q25", "median", "q75", "q95", "highest"), 3)
    of_items = {**quantiles, "lowest": 1, "q05": 1, "q25": 1, "median": 1}
    assert profile_of([IN_1971 + 5, IN_1971 + 7, IN_1971 + 5], [4, 0, 4]).model_dump() == {
        "num_users": 1,
        "num_items": 2,
        "num_interactions": 3,
        "per_user": quantiles,
        "per_item": {**of_items, "q75": 2, "q95": 2, "highest": 2},
        "density": 1.5,
        "repeats": 0.0,
        "ties": 0.0,
        "unknown_items": 0.0,
        "top_tenth": 2 / 3,
        "activity": {"x": (3,), "y": (1,)},
        "popularity": {"x": (1, 2), "y": (2, 1)},
        "times": {
            "first_s": IN_1971 + 5,
            "last_s": IN_1971 + 7,
            "bins_from_s": IN_1971 + 5,
            "bin_s": 1,
            "per_bin": (2, 0, 1),
        },
        "titles": None,
        "images": None,
        "test_targets": {"new": 1.0, "cold": 0.0, "tail": 0.0, "mid": 0.0, "head": 0.0},
    }


def test_a_single_row_of_an_unknown_item_is_all_that_was_read() -> None:
    dataset = replace(
        dataset_of([[1, 2, 3]], 3), counts={"rows_read": 1, "unknown_item_rows": 1, "time_ties": 1}
    )
    profile = make_profile(interactions_at([IN_1971, IN_1971]), dataset)
    assert (profile.unknown_items, profile.ties) == (1.0, 0.5)


def test_a_curve_has_a_hundred_points_evenly_spaced_by_factors() -> None:
    profile = profile_of([IN_1971] * 5000, list(range(5000)))
    expected = sorted({round(5000 ** (step / 99)) for step in range(100)})
    assert list(profile.popularity.x) == expected
    assert set(profile.popularity.y) == {1}


WIDTHS = (1, 60, 600, 3_600, 6 * 3_600, DAY, 7 * DAY, 28 * DAY, 91 * DAY, 364 * DAY)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_narrowest_width_of_at_most_a_hundred_bins_is_taken(width: int) -> None:
    times = profile_of([IN_1971, IN_1971 + 95 * width]).times
    assert times is not None
    assert times.bin_s == width
    assert times.bins_from_s == IN_1971 // width * width


def test_where_no_width_is_wide_enough_the_widest_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "BINS_S", (60, 600, 900))
    times = profile_of([IN_1971, IN_1971 + 150 * 900]).times
    assert times is not None
    assert (times.bin_s, len(times.per_bin)) == (900, 151)


def test_bins_hold_times_from_1971_up_to_2100() -> None:
    times = profile_of([IN_1971 - 1, IN_1971, IN_1971, IN_2100 - 1, IN_2100]).times
    assert times is not None
    assert (times.first_s, times.last_s, sum(times.per_bin)) == (IN_1971, IN_2100 - 1, 3)


def test_letters_without_a_script_are_joined_with_those_of_rare_scripts() -> None:
    scripts = Counter({"other": 5, "Latin": 4, "Greek": 3, "Thai": 2, "Hebrew": 1})
    assert profiling._largest(scripts) == pytest.approx(
        {"other": 6 / 15, "Latin": 4 / 15, "Greek": 3 / 15, "Thai": 2 / 15}
    )


def test_what_was_read_before_is_profiled_and_split_as_asked(tmp_path: Path) -> None:
    rows = [(user, f"i{item}", IN_1971 + DAY * item) for user in "ab" for item in range(10)]
    spec = write_interactions(tmp_path, rows)
    read = read_interactions(spec, tmp_path)
    split = ByTimeSplit.model_validate({"by_time": {"test": 0.2, "valid": 0.2}})
    fewer = replace(read, **{name: getattr(read, name)[2:] for name in (
        "user_ids", "item_ids", "timestamps")})  # fmt: skip
    dataset, profile = load_profiled(spec, tmp_path, fewer, split=split)
    assert profile.num_interactions == 18
    assert dataset.split == split
    assert dataset.sha256 == load_profiled(spec, tmp_path)[0].sha256
