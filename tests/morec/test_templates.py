"""Templates: which columns they name, and what becomes of empty values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config.templates import fill, pieces_of, template_columns


def filled(template: str, **values: str) -> str:
    return fill(pieces_of(template), values.__getitem__)


def test_a_template_names_each_of_its_columns_once() -> None:
    assert template_columns("{title} by {brand} ({title}, {main category})") == (
        "title",
        "brand",
        "main category",
    )
    assert template_columns(None) == ()


def test_values_stand_where_their_columns_are_named() -> None:
    assert filled("{title}. {brand}!", title="Ball", brand="Acme") == "Ball. Acme!"
    assert filled("{{{title}}}", title="Ball") == "{Ball}"


@pytest.mark.parametrize(
    ("title", "brand", "year", "expected"),
    [
        ("Ball", "Acme", "1990", "Ball. Acme. 1990."),
        ("Ball", "", "1990", "Ball. 1990."),
        ("Ball", "Acme", "", "Ball. Acme."),
        ("Ball", "", "", "Ball."),
        ("", "Acme", "", ". Acme."),
        ("a\n  b", " c ", "", "a b. c ."),
    ],
)
def test_the_text_in_front_of_an_empty_value_is_left_out_and_blanks_become_one(
    title: str, brand: str, year: str, expected: str
) -> None:
    values = {"title": title, "brand": brand, "year": year}
    assert filled("{title}. {brand}. {year}.", **values) == expected


@given(st.lists(st.text("xy ", max_size=3), min_size=3, max_size=3))
def test_a_text_has_every_word_of_the_values_in_order(values: list[str]) -> None:
    text = filled("{a} | {b} | {c}", **dict(zip("abc", values, strict=True)))
    words = [word for value in values for word in value.split()]
    assert [word for word in text.split() if word != "|"] == words


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("no column", "'no column' names no column; for example '{title}. {brand}'"),
        ("{title", "'{title': expected '}' before end of string; for example"),
        ("{title} {}", r"{} names no column"),
        ("{title:>9}", "{title...} may hold a column's name and nothing else"),
        ("{title!r}", "{title...} may hold a column's name and nothing else"),
    ],
)
def test_what_is_no_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        pieces_of(template)
    assert message in str(error.value)
