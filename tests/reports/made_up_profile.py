"""A made-up profile of a data set, with every part that a profile may have."""

from morec.data.profile import (
    Curve,
    DataProfile,
    ImageProfile,
    Quantiles,
    TimeProfile,
    TitleProfile,
)

PER_USER = Quantiles(lowest=5, q05=6, q25=9, median=14, q75=22, q95=60, highest=410)
PER_ITEM = Quantiles(lowest=1, q05=1, q25=2, median=4, q75=11, q95=70, highest=290)
WORDS = Quantiles(lowest=0, q05=2, q25=3, median=5, q75=8, q95=12, highest=31)
WIDTHS = Quantiles(lowest=64, q05=200, q25=224, median=300, q75=400, q95=800, highest=4000)
NEW_YEAR = 1_577_836_800
"""1 January 2020, 0:00 UTC, in seconds from 1970."""
DAY = 86_400
PROFILE = DataProfile(
    num_users=340,
    num_items=420,
    num_interactions=6800,
    per_user=PER_USER,
    per_item=PER_ITEM,
    density=6800 / (340 * 420),
    repeats=0.031,
    ties=0.125,
    unknown_items=0.0,
    top_tenth=0.52,
    activity=Curve(x=(5, 10, 20, 50, 410), y=(20, 110, 250, 320, 340)),
    popularity=Curve(x=(1, 2, 5, 20, 100, 420), y=(290, 240, 150, 60, 12, 1)),
    times=TimeProfile(
        first_s=NEW_YEAR + 3600,
        last_s=NEW_YEAR + 24 * DAY,
        bins_from_s=NEW_YEAR - DAY,
        bin_s=7 * DAY,
        per_bin=(1200, 900, 2500, 2200),
    ),
    titles=TitleProfile(
        num_filled=390, num_distinct=380, words=WORDS, scripts={"Latin": 0.97, "CJK": 0.03}
    ),
    images=ImageProfile(
        num_images=400, num_sampled=200, widths=WIDTHS, heights=WIDTHS, modes={"RGB": 180, "L": 20}
    ),
    test_targets={"new": 0.02, "cold": 0.11, "tail": 0.3, "mid": 0.3, "head": 0.27},
)
