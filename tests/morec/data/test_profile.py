"""A profile that is read can be drawn: what no axis or date can show is refused."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from morec.config import POPULARITY_LABELS
from morec.data.profile import LAST_DATED_S, Curve, DataProfile, Quantiles, TimeProfile
from tests.reports.made_up_profile import PROFILE

MAY_BE_ZERO = {
    *("num_users", "num_items", "num_interactions", "density", "repeats", "ties", "unknown_items"),
    "top_tenth",
}


@pytest.mark.parametrize("field", sorted(MAY_BE_ZERO))
def test_a_number_of_the_profile_is_not_negative(field: str) -> None:
    whole = PROFILE.model_dump()
    is_count = field.startswith("num_")
    assert DataProfile.model_validate(whole | {field: 0 if is_count else 0.0})
    with pytest.raises(ValidationError, match=field):
        DataProfile.model_validate(whole | {field: -1 if is_count else -0.1})


@pytest.mark.parametrize("field", ["repeats", "ties", "unknown_items", "top_tenth"])
def test_a_share_is_at_most_one(field: str) -> None:
    assert DataProfile.model_validate(PROFILE.model_dump() | {field: 1.0})
    with pytest.raises(ValidationError, match=field):
        DataProfile.model_validate(PROFILE.model_dump() | {field: 1.1})


def test_repeats_may_make_data_denser_than_one() -> None:
    assert DataProfile.model_validate(PROFILE.model_dump() | {"density": 1.5}).density == 1.5


def test_quantiles_count() -> None:
    fields = dict.fromkeys(Quantiles.model_fields, 0)
    assert Quantiles(**fields).median == 0
    for field in fields:
        with pytest.raises(ValidationError, match=field):
            Quantiles(**fields | {field: -1})


@pytest.mark.parametrize(
    "points",
    [
        {"x": (), "y": ()},
        {"x": (1, 2), "y": (1,)},
        {"x": (0, 2), "y": (1, 2)},
        {"x": (1, 2), "y": (0, 2)},
        {"x": (-1,), "y": (1,)},
    ],
)
def test_a_curve_has_points_on_two_logarithmic_axes(points: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ValidationError):
        Curve(**points)


TIMES: dict[str, Any] = {
    "first_s": 125, "last_s": 250, "bins_from_s": 120, "bin_s": 60, "per_bin": (1, 0, 1),
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"first_s": 119},
        {"first_s": 251},
        {"last_s": 300},
        {"last_s": 239},
        {"bin_s": 0},
        {"bin_s": 20},
        {"bins_from_s": -60},
        {"per_bin": (1, 0)},
        {"per_bin": (1, -1, 1)},
        {"first_s": LAST_DATED_S + 1, "last_s": LAST_DATED_S + 1},
    ],
)
def test_bins_of_time_reach_from_the_first_to_the_last(changed: dict[str, Any]) -> None:
    assert TimeProfile(**TIMES)
    with pytest.raises(ValidationError):
        TimeProfile(**TIMES | changed)


def test_the_last_second_with_a_date_is_one() -> None:
    bounds = {"first_s": LAST_DATED_S, "last_s": LAST_DATED_S, "bins_from_s": LAST_DATED_S}
    assert TimeProfile(**TIMES | bounds | {"per_bin": (1,)}).last_s == LAST_DATED_S


def test_every_label_of_popularity_has_a_share_of_the_test_targets() -> None:
    whole = dict.fromkeys(POPULARITY_LABELS, 0.2)
    named = re.escape("new, cold, tail, mid, head")
    for shares in ({**whole, "hot": 0.0}, {name: 0.2 for name in POPULARITY_LABELS[1:]}):
        with pytest.raises(ValidationError, match=named):
            DataProfile.model_validate(PROFILE.model_dump() | {"test_targets": shares})
    with pytest.raises(ValidationError, match="cold"):
        DataProfile.model_validate(PROFILE.model_dump() | {"test_targets": {**whole, "cold": 1.1}})
