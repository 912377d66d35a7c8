"""A data set in words."""

import pytest

from morec.config import ByTimeSpec, ByTimeSplit
from morec.data.profile import (
    Curve,
    DataProfile,
    ImageProfile,
    Quantiles,
    TimeProfile,
    TitleProfile,
)
from morec.errors import DataError
from tune_space.inputs.data_profile import (
    QUANTILES,
    by_condition,
    facts_of,
    format_dataset,
    format_profile,
    format_share,
)
from tune_space.ledger.manifest import DatasetEntry

NOON = 1_577_880_000
"""1 January 2020, 12:00 UTC, in seconds from 1970."""
NUMBERS = Quantiles(lowest=1, q05=2, q25=3, median=5, q75=8, q95=21, highest=1234)
PROFILE = DataProfile(
    num_users=700,
    num_items=500,
    num_interactions=100_004,
    per_user=NUMBERS,
    per_item=NUMBERS,
    density=100_004 / (700 * 500),
    repeats=0.0004,
    ties=0.2184,
    unknown_items=0.0,
    top_tenth=0.599,
    activity=Curve(x=(1,), y=(1,)),
    popularity=Curve(x=(1,), y=(1,)),
    times=None,
    titles=None,
    images=None,
    test_targets={"new": 0.0, "cold": 0.25, "tail": 0.0, "mid": 0.0, "head": 0.75},
)
ENTRY = DatasetEntry(
    name="movielens",
    sha256="0",
    is_synthetic=False,
    num_users=655,
    num_items=453,
    num_interactions=24434,
    counts={"rows_read": 100004, "broken_rows": 0, "time_ties": 7},
    profile=PROFILE,
)


def facts(**changed: object) -> dict[str, str]:
    return dict(facts_of(ENTRY.model_copy(update={"profile": PROFILE.model_copy(update=changed)})))


def test_a_dataset_is_printed_with_every_rule_that_applied() -> None:
    assert format_dataset(ENTRY) == (
        "data: movielens: 655 users, 453 items, 24,434 interactions in their windows "
        "(rows_read 100,004, time_ties 7)"
    )
    noted = ENTRY.model_copy(update={"notes": ("The data have no times.", "More.")})
    assert format_dataset(noted).endswith("time_ties 7). The data have no times. More")
    counts = ENTRY.counts | {"tied_test_targets": 94}
    assert format_dataset(ENTRY.model_copy(update={"counts": counts, "ties": "hash"})) == (
        "data: movielens: 655 users, 453 items, 24,434 interactions in their windows "
        "(rows_read 100,004, time_ties 7, tied_test_targets 94); 14.4% of the test targets have "
        "the time of the interaction before them, ties: hash"
    )
    assert "movielens (made-up data): " in format_dataset(
        ENTRY.model_copy(update={"is_synthetic": True})
    )


def test_a_profile_is_printed_below_the_line_of_its_dataset() -> None:
    first, *rest = format_profile(ENTRY)
    assert first == format_dataset(ENTRY)
    assert rest == [
        "  read: 100,004 interactions of 700 users with 500 items, density 28.6%",
        "  popularity: the most popular tenth of the items has 59.9% of the interactions",
        "  times: no clock times, only an order",
        "  equal times: 21.8% of the interactions are at the time of the user's one before",
        "  repeats: under 0.1% of the interactions repeat an earlier one",
        "  unknown items: 0% of the rows read",
        "  test targets: new 0%, cold 25.0%, tail 0%, mid 0%, head 75.0%",
        "                         min  5%  25%  median  75%  95%    max",
        "  interactions per user    1   2    3       5    8   21  1,234",
        "  interactions per item    1   2    3       5    8   21  1,234",
    ]


def test_a_dataset_without_a_profile_is_one_line() -> None:
    old = ENTRY.model_copy(update={"profile": None})
    assert format_profile(old) == [format_dataset(old)]
    assert facts_of(old) == []


def test_titles_are_counted_among_the_kept_items_with_their_scripts() -> None:
    titles = TitleProfile(
        num_filled=450, num_distinct=400, words=NUMBERS, scripts={"Latin": 0.9, "CJK": 0.1}
    )
    assert facts(titles=titles)["titles"] == (
        "450 of 453 filled, 400 different; letters: Latin 90.0%, CJK 10.0%"
    )
    no_letters = titles.model_copy(update={"scripts": {}})
    assert facts(titles=no_letters)["titles"].endswith("letters: no letters")


def test_images_say_how_many_headers_were_read_where_not_all_were() -> None:
    images = ImageProfile(
        num_images=453, num_sampled=453, widths=NUMBERS, heights=NUMBERS, modes={"RGB": 450, "L": 3}
    )
    assert facts(images=images)["images"] == "453 readable; modes: RGB 450, L 3"
    sampled = images.model_copy(update={"num_images": 9000})
    assert facts(images=sampled)["images"] == (
        "9,000 readable; modes: RGB 450, L 3 (of a sample of 453)"
    )
    lines = format_profile(
        ENTRY.model_copy(update={"profile": PROFILE.model_copy(update={"images": images})})
    )
    assert [line.split("  ")[1] for line in lines[-2:]] == ["image width", "image height"]


def test_times_are_dates_and_of_a_short_span_have_minutes() -> None:
    def text(last_s: int) -> str:
        bin_s = last_s - NOON + 1
        times = TimeProfile(
            first_s=NOON, last_s=last_s, bins_from_s=NOON, bin_s=bin_s, per_bin=(1,)
        )
        return facts(times=times)["times"]

    assert text(NOON + 86_400) == "2020-01-01 12:00 to 2020-01-02 12:00 (UTC)"
    assert text(NOON + 2 * 86_400) == "2020-01-01 to 2020-01-03 (UTC)"


def test_tied_test_targets_are_a_share_of_the_kept_users() -> None:
    assert "time" not in facts()["test targets"]
    counted = ENTRY.model_copy(update={"counts": {"tied_test_targets": 131}})
    assert dict(facts_of(counted))["test targets"] == (
        "new 0%, cold 25.0%, tail 0%, mid 0%, head 75.0%, at the time of the one before 20.0%"
    )


def test_a_share_is_0_only_where_there_is_nothing() -> None:
    shares = (0.0, 0.0009, 0.001, 0.5, 1.0)
    assert [format_share(share) for share in shares] == [
        "0%", "under 0.1%", "0.1%", "50.0%", "100.0%",
    ]  # fmt: skip


def test_the_headings_are_as_many_as_the_quantiles() -> None:
    assert len(QUANTILES) == len(Quantiles.model_fields)


def test_a_data_set_says_which_share_of_its_rows_repeats_a_pair() -> None:
    counts = {"rows_read": 1_500, "repeated_interactions_kept": 555}
    entry = ENTRY.model_copy(update={"counts": counts})
    assert format_dataset(entry).endswith(
        "(rows_read 1,500, repeated_interactions_kept 555; 37.0% of the rows are repeats)"
    )


def test_data_that_conditions_share_is_told_once_with_their_names() -> None:
    labels = ("published", "by time", "strong")
    one, other, last = (ENTRY.model_copy(update={"condition": label}) for label in labels)
    other = other.model_copy(update={"num_users": ENTRY.num_users + 1})
    found = by_condition([one, other, last])
    assert [conditions for _, conditions in found] == [("published", "strong"), ("by time",)]
    line = format_dataset(*found[0])
    assert line.startswith("data: movielens under published, strong: 655 users, 453 items, ")
    assert format_profile(*found[0])[0] == line
    assert by_condition([ENTRY]) == [(ENTRY, ())]


def test_a_split_by_time_says_its_cuts_and_what_is_left() -> None:
    counts = {
        "users_with_train_interactions": 500,
        "valid_targets": 90,
        "valid_users_without_a_past": 8,
        "valid_users_without_a_history": 2,
        "test_targets": 80,
        "test_users_without_a_past": 11,
        "test_users_without_a_history": 3,
    }
    entry = ENTRY.model_copy(
        update={
            "split": ByTimeSplit(by_time=ByTimeSpec(target="first")),
            "cuts_s": (NOON, NOON + 10 * 86_400),
            "counts": counts,
            "profile": PROFILE.model_copy(update={"test_targets": {"new": 0.25, "head": 0.75}}),
        }
    )
    said = (
        "by time, target first: 500 users to train on before 2020-01-01, 90 valid targets (8 of "
        "users without a past; 2 users without a history left out) from then on, 80 test targets "
        "(11 of users without a past; 3 users without a history left out) from 2020-01-11 on "
        "(UTC); 25.0% of the test targets are items that were never trained on"
    )
    assert dict(facts_of(entry))["split"] == said
    assert format_dataset(entry).endswith(f"; split {said}")
    assert format_dataset(entry.model_copy(update={"profile": None})).endswith(
        "(UTC); n/a of the test targets are items that were never trained on"
    )
    assert "split" not in dict(facts_of(ENTRY))
    for name in ("users_with_train_interactions", "test_users_without_a_past"):
        others = {rule: number for rule, number in counts.items() if rule != name}
        with pytest.raises(DataError, match=f"^the manifest has no count of {name}$"):
            format_dataset(entry.model_copy(update={"counts": others}))


def test_targets_are_counted_by_split_where_users_may_have_none() -> None:
    assert ENTRY.num_targets("valid") == ENTRY.num_targets("test") == 655
    by_time = ENTRY.model_copy(
        update={"counts": {"valid_targets": 90, "test_targets": 80, "tied_test_targets": 20}}
    )
    assert (by_time.num_targets("valid"), by_time.num_targets("test")) == (90, 80)
    assert by_time.tied_share == 0.25
