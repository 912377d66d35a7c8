"""The profile of a data set, against loops over hand-made data."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from morec.config import FilesSpec, SyntheticSpec
from morec.data import profiling
from morec.data.dataset import load_dataset, read_interactions
from morec.data.images.sources import ImageSource
from morec.data.interactions import Interactions
from morec.data.profile import DataProfile, Quantiles
from morec.data.profiling import load_profiled, make_profile, quantiles, script_of
from tests.morec.data.hand_made import dataset_of, quick, write_interactions
from tests.morec.data.reader_cases import CASES, Case

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
DAY = 86_400
START = 1_600_000_000


def interactions_of(rows: list[tuple[int, int, int]], ticks_per_s: int | None = 1) -> Interactions:
    """Rows of user, item and time, as a reader returns them."""
    users, items, times = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Interactions(
        user_ids=users,
        item_ids=items,
        timestamps=times,
        ticks_per_s=ticks_per_s,
        user_names=[f"u{user}" for user in range(users.max() + 1)],
        item_names=[f"i{item}" for item in range(items.max() + 1)],
        counts={},
    )


def profile_of(rows: list[tuple[int, int, int]], ticks_per_s: int | None = 1) -> DataProfile:
    return make_profile(interactions_of(rows, ticks_per_s), dataset_of([[1, 2, 3]], 3))


def profile_of_titles(folder: Path, titles: list[str]) -> DataProfile:
    """Every title is of an item that three users interacted with."""
    rows = [(user, f"i{item}", START + item) for user in range(3) for item in range(len(titles))]
    spec = write_interactions(folder, rows)
    items = pd.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    items.to_csv(folder / "items.csv", index=False)
    with_items = spec.model_copy(update={"items": "items.csv", "text_column": "title"})
    return load_profiled(with_items, folder)[1]


@quick
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=60))
def test_a_quantile_is_the_smallest_value_that_enough_values_do_not_exceed(values) -> None:
    found = quantiles(np.array(values))
    in_order = sorted(values)
    expected = [in_order[max(math.ceil(round(s * len(values), 9)), 1) - 1] for s in SHARES]
    assert list(found.model_dump().values()) == [in_order[0], *expected, in_order[-1]]


@st.composite
def rows_of(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    row = st.tuples(st.integers(0, 6), st.integers(0, 30), st.integers(START, START + 40 * DAY))
    return draw(st.lists(row, min_size=1, max_size=80))


@quick
@given(rows_of())
def test_sizes_density_and_curves_agree_with_loops(rows) -> None:
    profile = profile_of(rows)
    per_user = Counter(user for user, _, _ in rows)
    per_item = Counter(item for _, item, _ in rows)
    assert (profile.num_users, profile.num_items) == (len(per_user), len(per_item))
    assert profile.num_interactions == len(rows)
    assert profile.density == pytest.approx(len(rows) / len(per_user) / len(per_item))
    assert profile.per_user.lowest == min(per_user.values())
    assert profile.per_item.highest == max(per_item.values())
    in_order = sorted(per_item.values(), reverse=True)
    top = in_order[: math.ceil(len(in_order) / 10)]
    assert profile.top_tenth == pytest.approx(sum(top) / len(rows))
    for x, y in zip(profile.activity.x, profile.activity.y, strict=True):
        assert y == sum(number <= x for number in per_user.values())
    for rank, number in zip(profile.popularity.x, profile.popularity.y, strict=True):
        assert number == in_order[rank - 1]
    assert profile.activity.x[0] == min(per_user.values())
    assert profile.activity.y[-1] == len(per_user)
    assert (profile.popularity.x[0], profile.popularity.x[-1]) == (1, len(per_item))
    assert max(len(profile.activity.x), len(profile.popularity.x)) <= profiling.MAX_POINTS


@quick
@given(rows_of(), st.sampled_from([1, 10**3, 10**9]))
def test_bins_of_time_hold_every_interaction_where_it_belongs(rows, ticks) -> None:
    times = profile_of([(user, item, ticks * time) for user, item, time in rows], ticks).times
    seconds = [time for _, _, time in rows]
    assert (times.first_s, times.last_s) == (min(seconds), max(seconds))
    assert times.bin_s in profiling.BINS_S
    assert len(times.per_bin) <= profiling.MAX_POINTS
    assert times.bins_from_s % times.bin_s == 0
    for number, found in enumerate(times.per_bin):
        start = times.bins_from_s + number * times.bin_s
        assert found == sum(start <= time < start + times.bin_s for time in seconds)
    assert sum(times.per_bin) == len(rows)


def test_twenty_years_have_bins_of_a_quarter_and_a_week_has_bins_of_six_hours() -> None:
    def bin_s(span_s: int) -> int:
        return profile_of([(0, 0, START), (0, 1, START + span_s)]).times.bin_s

    assert bin_s(20 * 365 * DAY) == 91 * DAY
    assert bin_s(7 * DAY) == 21_600
    assert bin_s(99) == 1
    assert bin_s(100) == 60


def test_times_that_are_no_clock_times_are_left_out() -> None:
    rows = [(0, 0, START), (0, 1, 0), (0, 2, -5), (0, 1, START + 60), (0, 3, 5 * 10**9)]
    times = profile_of(rows).times
    assert (times.first_s, times.last_s) == (START, START + 60)
    assert profile_of(rows, ticks_per_s=None).times is None
    assert profile_of([(0, 0, 0)]).times is None


def test_shares_of_ties_repeats_and_unknown_items_follow_from_the_counts(tmp_path: Path) -> None:
    rows = [("a", f"i{item}", START + item // 2) for item in range(6)]
    rows += [("a", "i0", START + 50), ("b", "i1", START), ("b", "i2", START), ("b", "i3", START)]
    spec = write_interactions(tmp_path, [*rows, ("b", "unlisted", START)])
    pd.DataFrame({"item_id": [f"i{n}" for n in range(6)]}).to_csv(tmp_path / "items.csv")
    spec = spec.model_copy(update={"items": "items.csv"})
    dropped = load_profiled(spec, tmp_path)[1]
    # Of the ten known rows one repeats; of the nine that stay, five follow at an equal time.
    assert dropped.num_interactions == 9
    assert dropped.repeats == pytest.approx(1 / 10)
    assert dropped.ties == pytest.approx((3 + 2) / 9)
    assert dropped.unknown_items == pytest.approx(1 / 11)
    kept = load_profiled(spec.model_copy(update={"repeats": "keep"}), tmp_path)[1]
    assert (kept.num_interactions, kept.repeats) == (10, pytest.approx(1 / 10))


def test_interactions_of_items_without_an_image_count_for_the_share_of_repeats(tmp_path) -> None:
    rows = [(user, f"i{item}", START + item) for user in "ab" for item in range(4)]
    write_interactions(tmp_path, [*rows, ("a", "i1", START + 9), ("b", "i1", START + 9)])
    table = pd.DataFrame({"item_id": [f"i{n}" for n in range(4)]})
    table["image"] = ["", *(f"{n}.png" for n in range(1, 4))]
    table.to_csv(tmp_path / "items.csv", index=False)
    for number, mode in ((1, "RGB"), (2, "L"), (3, "RGB")):
        Image.new(mode, (10 * number, 7)).save(tmp_path / f"{number}.png")
    spec = FilesSpec(
        kind="files", interactions="interactions.csv", items="items.csv", image_column="image",
        missing_images="drop", min_seq_len=3,
    )  # fmt: skip
    profile = load_profiled(spec, tmp_path)[1]
    assert profile.num_interactions == 6
    assert profile.repeats == pytest.approx(2 / 10)
    images = profile.images
    assert (images.num_images, images.num_sampled) == (3, 3)
    assert images.widths == quantiles(np.array([10, 20, 30]))
    assert images.heights == quantiles(np.array([7, 7, 7]))
    assert images.modes == {"RGB": 2, "L": 1}


def test_of_many_images_an_even_sample_is_looked_at(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(profiling, "MAX_IMAGES", 2)
    rows = [(user, f"i{item}", START + item) for user in "ab" for item in range(5)]
    write_interactions(tmp_path, rows)
    for item in range(5):
        Image.new("RGB", (10 + item, 9)).save(tmp_path / f"i{item}.png")
    table = pd.DataFrame({"item_id": [f"i{n}" for n in range(5)]})
    table.assign(image=[f"i{n}.png" for n in range(5)]).to_csv(tmp_path / "items.csv", index=False)
    spec = FilesSpec(
        kind="files", interactions="interactions.csv", items="items.csv", image_column="image",
        min_seq_len=3,
    )  # fmt: skip
    images = load_profiled(spec, tmp_path)[1].images
    assert (images.num_images, images.num_sampled) == (5, 2)
    assert (images.widths.lowest, images.widths.highest) == (10, 13)


def test_images_that_vanished_after_the_check_have_no_profile(tmp_path: Path) -> None:
    images = ImageSource("files", tmp_path, ("1.png", "2.png", "3.png"))
    dataset = replace(dataset_of([[1, 2, 3]], 3), images=images)
    assert make_profile(interactions_of([(0, 0, START)]), dataset).images is None


def test_half_a_character_in_a_title_is_no_letter_and_no_error() -> None:
    dataset = replace(dataset_of([[1, 2, 3]], 3), titles=("a", "\ud83d", "b"))
    titles = make_profile(interactions_of([(0, 0, START)]), dataset).titles
    assert (titles.num_filled, titles.scripts) == (3, {"Latin": 1.0})


def test_titles_are_counted_with_their_words_and_scripts(tmp_path: Path) -> None:
    titles = ["Red shoe", "Red shoe", "", "кот 12", "猫"]
    found = profile_of_titles(tmp_path, titles).titles
    assert (found.num_filled, found.num_distinct) == (4, 3)
    assert found.words == quantiles(np.array([2, 2, 0, 2, 1]))
    assert found.scripts == pytest.approx({"Latin": 14 / 18, "Cyrillic": 3 / 18, "CJK": 1 / 18})
    assert list(found.scripts) == ["Latin", "Cyrillic", "CJK"]


def test_scripts_beyond_the_largest_four_are_summed(tmp_path: Path) -> None:
    titles = ["aaaaaa", "ббббб", "αααα", "가가가", "אא", "ก"]
    found = profile_of_titles(tmp_path, titles).titles
    assert found.scripts == pytest.approx(
        {"Latin": 6 / 21, "Cyrillic": 5 / 21, "Greek": 4 / 21, "Hangul": 3 / 21, "other": 3 / 21}
    )


def test_titles_are_read_in_several_chunks(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(profiling, "TITLES_AT_ONCE", 2)
    found = profile_of_titles(tmp_path, ["a", "b", "б", "a", "ж"]).titles
    assert found.scripts == pytest.approx({"Latin": 3 / 5, "Cyrillic": 2 / 5})


def test_titles_without_letters_have_no_script(tmp_path: Path) -> None:
    assert profile_of_titles(tmp_path, ["1", "2", "3 - 4"]).titles.scripts == {}


@pytest.mark.parametrize(
    ("letter", "script"),
    [("a", "Latin"), ("ß", "Latin"), ("Ａ", "Latin"), ("ｱ", "Katakana"), ("ж", "Cyrillic"),
     ("猫", "CJK"), ("ひ", "Hiragana"), ("가", "Hangul"), ("\ue000", "other")],
)  # fmt: skip
def test_the_script_of_a_letter(letter: str, script: str) -> None:
    assert script_of(letter) == script


def test_test_targets_are_new_or_cold_by_their_train_interactions() -> None:
    # Item 1 is in every train list, 12 times; item 2 is in one; item 3 in none.
    windows = [[1, 4, target] for target in [1] * 6 + [2] * 3 + [3] * 2] + [[1, 2, 4, 1]]
    profile = make_profile(interactions_of([(0, 0, START)]), dataset_of(windows, 4))
    shares = profile.test_targets
    assert list(shares) == ["new", "cold", "tail", "mid", "head"]
    assert (shares["new"], shares["cold"]) == (pytest.approx(2 / 12), pytest.approx(3 / 12))
    assert sum(shares.values()) == pytest.approx(1)


def test_made_up_data_have_images_of_one_size_and_the_same_dataset_as_ever() -> None:
    spec = SyntheticSpec(kind="synthetic", num_users=20, num_items=20, image_size=16)
    dataset, profile = load_profiled(spec, Path())
    assert profile.images.num_sampled == dataset.num_items
    assert profile.images.widths == profile.images.heights == quantiles(np.array([16]))
    assert (profile.num_users, profile.repeats, profile.unknown_items) == (20, 0.0, 0.0)
    assert np.array_equal(dataset.item_ids, load_dataset(spec, Path()).item_ids)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_reader_has_a_profile_of_what_it_reads(case: Case, tmp_path: Path) -> None:
    case.write(tmp_path)
    dataset, profile = load_profiled(case.spec(), tmp_path)
    read = read_interactions(case.spec(), tmp_path)
    frame = pd.DataFrame({"user": read.user_ids, "item": read.item_ids})
    assert profile.num_interactions == len(frame)
    assert profile.per_user.highest == frame.groupby("user").size().max()
    assert profile.per_item.lowest == frame.groupby("item").size().min()
    assert (profile.times is None) == (read.ticks_per_s is None)
    assert (profile.titles is None) == (dataset.titles is None)
    assert (profile.images is None) == (not dataset.has_images)
    assert all(0 <= share <= 1 for share in (profile.ties, profile.repeats, profile.density))


def test_a_profile_survives_its_file() -> None:
    profile = profile_of([(0, 0, START), (0, 1, START + 1), (1, 1, START + 2)])
    assert DataProfile.model_validate_json(profile.model_dump_json()) == profile
    assert isinstance(profile.per_user, Quantiles)
