"""Unknown ids are shown with the nearest known one and, where it is clear, with the reason."""

import pytest

from morec.data.readers.unmatched import unmatched_items


@pytest.mark.parametrize(
    ("unknown", "names", "said"),
    [
        (
            ["I1", "I2"],
            ["i1", "i2"],
            "'i1'? They differ in upper and lower case: write them alike.",
        ),
        (["108775015"], ["0108775015"], "'0108775015'? Leading zeros are lost on one side: write"),
        (["0007", "0008", "x"], ["7", "8"], "'7'? Leading zeros are lost on one side: write"),
        (['"a"', "b"], ["a", "c"], "'a'? They are in quotes on one side: write them alike."),
        (["1.08775015E+08"], ["108775015"], "'108775015'? Numbers were rounded to a power of ten"),
        (["big lamp"], ["big_lamp"], "'big_lamp'? They differ in blanks: write them alike."),
        (["lamp12"], ["chair", "lamp13", "table"], "'lamp13'?"),
    ],
)
def test_a_reason_and_the_nearest_id_are_named(
    unknown: list[str], names: list[str], said: str
) -> None:
    assert f". Did you mean {said}" in unmatched_items(unknown, names)


def test_three_ids_of_both_sides_are_shown() -> None:
    assert unmatched_items(["q1", "q2", "q3", "q4"], ["aa", "bb", "cc", "dd"]) == (
        "'q1', 'q2', 'q3'; items have 'aa', 'bb', 'cc'."
    )


def test_a_reason_that_fits_less_than_half_is_not_named() -> None:
    assert "case" not in unmatched_items(["A", "q2", "q3"], ["a", "b"])


NAMES = [f"{place:03}{'abcdefghij'[place % 10] * 5}" for place in range(300)]


@pytest.mark.parametrize("name", [NAMES[0], NAMES[1], NAMES[150], NAMES[-1]])
@pytest.mark.parametrize("end", ["", "z"])
def test_the_nearest_id_is_found_in_a_large_catalogue_in_any_order(name: str, end: str) -> None:
    # One letter less comes before the name in alphabetical order, one more behind it.
    unknown = name + end if end else name[:-1]
    said = unmatched_items(["?", unknown], [*NAMES[200:], *NAMES[:200]])
    assert said.endswith(f". Did you mean {name!r}?")
