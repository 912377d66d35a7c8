"""What a data set is like: how active users are, how popular items are, and when it was.

Needs the data set's profile.
"""

from datetime import UTC, datetime

from morec.data.profile import Curve, TimeProfile
from reports.plots import axes, traces
from reports.plots.traces import Figure

_HEIGHT_PX = 260
_TIME_PX = 220


def activity(curve: Curve) -> Figure:
    """Share of the users with at most so many interactions, a stepped line."""
    shares = [100 * number / curve.y[-1] for number in curve.y]
    line = traces.distribution(curve.x, shares, "%{y:.1f}% of the users: at most %{x:,}")
    line["line"]["shape"] = "hv"
    figure = axes.figure([line], "interactions of a user", "users (%)", height=_HEIGHT_PX)
    figure["layout"]["xaxis"] |= axes.log_ticks(curve.x, "{:,g}".format)
    figure["layout"]["yaxis"] |= {"range": [0, 103]}
    return figure


def popularity(curve: Curve) -> Figure:
    """Interactions of the items from the most popular on, on two logarithmic axes."""
    line = traces.distribution(curve.x, curve.y, "item %{x:,}: %{y:,} interactions")
    figure = axes.figure([line], "rank of the item", "interactions", height=_HEIGHT_PX)
    figure["layout"]["xaxis"] |= axes.log_ticks(curve.x, "{:,g}".format)
    figure["layout"]["yaxis"] |= axes.log_ticks(curve.y, "{:,g}".format)
    return figure


def over_time(times: TimeProfile) -> Figure:
    """Interactions in each bin of time, as bars."""
    starts = range(times.bins_from_s, times.last_s + 1, times.bin_s)
    dates = [f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M:%S}" for start in starts]
    bars = traces.bars(dates, times.per_bin, 1000 * times.bin_s)
    figure = axes.figure([bars], "", "interactions", height=_TIME_PX)
    figure["layout"]["margin"] |= {"b": 30}
    figure["layout"]["xaxis"] |= {"type": "date"}
    figure["layout"]["yaxis"] |= {"rangemode": "tozero"}
    return figure
