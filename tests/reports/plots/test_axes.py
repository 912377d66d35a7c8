"""Ticks of a logarithmic axis."""

import pytest

from reports.plots.axes import log_ticks


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([0.0027, 0.0069], ["0.003", "0.004", "0.005", "0.006"]),
        ([0.001, 0.01], ["0.001", "0.002", "0.005", "0.01"]),
        ([1e-5, 1e-2], ["1e-05", "0.0001", "0.001", "0.01"]),
    ],
)
def test_a_logarithmic_axis_has_ticks_within_its_values(
    values: list[float], names: list[str]
) -> None:
    axis = log_ticks(values, "{:g}".format)
    pairs = zip(axis["tickvals"], axis["ticktext"], strict=True)
    inside = [name for tick, name in pairs if values[0] <= tick <= values[1]]
    assert inside == names
