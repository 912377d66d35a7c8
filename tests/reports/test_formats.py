"""Numbers as text: signs, units, digits, and unknown values."""

import pytest

from reports import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "+1.23"), (-0.0123, "−1.23"), (0.0, "0.00"), (-0.00001, "0.00"), (0.00001, "0.00")],
)
def test_points_are_signed_and_zero_has_no_sign(value: float, text: str) -> None:
    assert formats.points(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0%"), (0.56, "56.0%"), (1.0, "100.0%"), (0.0005, "0.1%"), (0.0004, "< 0.1%")],
)
def test_a_share_that_is_not_zero_is_never_printed_as_zero(value: float, text: str) -> None:
    assert formats.share(value) == text


def test_unknown_values_are_not_available_and_never_zero() -> None:
    unknown = [formats.percent, formats.count, formats.duration, formats.size, formats.p_value]
    unknown.append(formats.energy)
    assert {name(None) for name in unknown} == {"n/a"}


@pytest.mark.parametrize(
    ("p", "text"), [(0.0004, "< .001"), (0.001, ".001"), (0.0416, ".042"), (0.9999, "1"), (1, "1")]
)
def test_p_values_have_three_digits_and_a_floor(p: float, text: str) -> None:
    assert formats.p_value(p) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "400 ms"),
        (59.4, "59.4 s"),
        (90, "1.50 min"),
        (7200, "2.00 h"),
        (540_000, "150 h"),
    ],
)
def test_durations_have_the_unit_of_their_size(seconds: float, text: str) -> None:
    assert formats.duration(seconds) == text


def test_a_deviation_has_the_unit_of_its_mean() -> None:
    assert formats.deviation(6, of=120) == "0.10"
    assert formats.deviation(6, of=30) == "6.0"


def test_counts_and_sizes_are_decimal() -> None:
    assert formats.count(999) == "999"
    assert formats.count(24_300_000) == "24.3 M"
    assert formats.count(107_200_000_000) == "107 G"
    assert formats.size(1_900_000_000) == "1.90 GB"
    assert formats.size(12) == "12 B"


def test_energy_is_in_watt_hours() -> None:
    assert formats.energy(900) == "0.250 Wh"
    assert formats.energy(9e6) == "2.50 kWh"


def test_estimates_keep_two_digits() -> None:
    assert formats.about(9_267) == "9,300"
    assert formats.about(7) == "7"


def test_plural_has_no_s_for_one() -> None:
    assert (formats.plural(1, "seed"), formats.plural(0, "seed")) == ("1 seed", "0 seeds")
