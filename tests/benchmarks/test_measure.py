"""Rows of the table: what is noise is not printed as a number."""

import pytest

from tests.benchmarks.measure import Row


@pytest.mark.parametrize(
    ("unit", "is_difference", "values", "printed"),
    [
        ("x", False, (4.0, 2.0, 3.0), "3.00 [2.00, 4.00]x"),
        ("x", False, (0.5, 0.6), "0.55 [0.50, 0.60]x"),
        ("x", False, (0.9, 1.3, 1.2), "no difference shown [0.90, 1.30]x"),
        ("x", False, (1.0, 1.3), "no difference shown [1.00, 1.30]x"),
        ("x", False, (3.0,), "3.00x"),
        ("CPU s", True, (0.2, -0.1, 0.4), "no difference shown [-0.10, 0.40] CPU s"),
        ("CPU s", True, (0.2, 0.1, 0.4), "0.20 [0.10, 0.40] CPU s"),
        ("CPU s", False, (0.9, 1.3, 1.2), "1.20 [0.90, 1.30] CPU s"),
    ],
)
def test_a_row_is_a_number_only_where_all_rounds_agree_on_its_sign(
    unit: str, is_difference: bool, values: tuple[float, ...], printed: str
) -> None:
    assert Row("c", "w", unit, values, is_difference=is_difference).format() == printed
