"""The figures of a data set's profile."""

from morec.data.profile import Curve
from reports.plots.data import activity, over_time, popularity
from tests.reports.made_up_profile import PROFILE


def test_activity_is_the_share_of_the_users_with_at_most_so_many_interactions() -> None:
    figure = activity(Curve(x=(5, 10, 40), y=(1, 3, 4)))
    (line,) = figure["data"]
    assert (line["x"], line["y"]) == ([5, 10, 40], [25.0, 75.0, 100.0])
    assert (line["mode"], line["line"]["shape"]) == ("lines", "hv")
    axis = figure["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert {"5", "10", "20"} <= set(axis["ticktext"])
    assert figure["layout"]["yaxis"]["range"][0] == 0
    assert figure["layout"]["yaxis"]["range"][1] > 100


def test_users_who_are_all_alike_are_one_point() -> None:
    (line,) = activity(Curve(x=(7,), y=(30,)))["data"]
    assert (line["mode"], line["x"], line["y"]) == ("markers", [7], [100.0])


def test_popularity_has_two_logarithmic_axes() -> None:
    figure = popularity(Curve(x=(1, 10, 3000), y=(20_000, 300, 1)))
    (line,) = figure["data"]
    assert (line["x"], line["y"]) == ([1, 10, 3000], [20_000, 300, 1])
    for name in ("xaxis", "yaxis"):
        assert figure["layout"][name]["type"] == "log"
    assert "10,000" in figure["layout"]["yaxis"]["ticktext"]


def test_a_bar_stands_on_the_bin_that_it_counts() -> None:
    assert PROFILE.times is not None
    figure = over_time(PROFILE.times)
    (bars,) = figure["data"]
    assert bars["x"] == [
        "2019-12-31 00:00:00", "2020-01-07 00:00:00", "2020-01-14 00:00:00", "2020-01-21 00:00:00",
    ]  # fmt: skip
    assert bars["y"] == [1200, 900, 2500, 2200]
    assert (bars["width"], bars["offset"]) == (7 * 86_400_000, 0)
    assert figure["layout"]["xaxis"]["type"] == "date"
    assert figure["layout"]["yaxis"]["rangemode"] == "tozero"
