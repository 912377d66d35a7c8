"""Spellings of one id are one id and are counted; other ids stay apart."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.ids import ids_in, ids_of, plain
from tests.morec.data.hand_made import quick

numbers = st.lists(st.integers(0, 10**12), unique=True, min_size=1, max_size=8)
SPELLINGS = ("{}", "{}.0", " {} ", "{}\u00a0", "\ufeff{}.00")


def spelled(draw: st.DrawFn, ids: list[int]) -> list[str]:
    return [draw(st.sampled_from(SPELLINGS)).format(one) for one in ids]


@st.composite
def joins(draw: st.DrawFn) -> tuple[list[int], list[int], list[str], list[str]]:
    """Ids of rows and of a catalogue, plainly and as they are spelled."""
    catalogue = draw(numbers)
    rows = draw(st.lists(st.sampled_from(catalogue) | st.integers(0, 30), max_size=12))
    return rows, catalogue, spelled(draw, rows), spelled(draw, catalogue)


@quick
@given(joins())
def test_a_join_of_whole_numbers_does_not_depend_on_their_spelling(
    join: tuple[list[int], list[int], list[str], list[str]],
) -> None:
    rows, catalogue, spelled_rows, spelled_catalogue = join
    place = {one: code for code, one in enumerate(catalogue)}
    found = ids_in(pd.Series(spelled_rows, dtype=str), spelled_catalogue, "item")
    assert found.codes.tolist() == [place.get(one, -1) for one in rows]


@quick
@given(st.data())
def test_ids_without_a_catalogue_do_not_depend_on_their_spelling(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, 5), max_size=12))
    written = [data.draw(st.sampled_from(SPELLINGS)).format(one) for one in rows]
    found = ids_of(pd.Series(written, dtype=str), "user")
    order = list(dict.fromkeys(rows))
    assert found.codes.tolist() == [order.index(one) for one in rows]
    assert [plain(name) for name in found.names] == [str(one) for one in order]


def test_matched_spellings_are_counted_by_kind() -> None:
    rows = pd.Series(["1.0", "2", "i1 ", "i2\u00a0", "\u200bi3", "I1", "1.0"])
    found = ids_in(rows, ["1", "2.0", "i1", "i2", "i3"], "item")
    assert found.codes.tolist() == [0, 1, 2, 3, 4, -1, 0]
    assert found.counts == {
        "item_ids_matched_by_float_spelling": 2,
        "item_ids_matched_by_blanks_at_the_ends": 3,
    }


def test_exact_ids_come_before_spellings() -> None:
    found = ids_in(pd.Series(["1", "1.0", " 1"]), ["1.0", "1"], "item")
    assert found.codes.tolist() == [1, 0, 1]
    assert found.counts == {"item_ids_matched_by_blanks_at_the_ends": 1}


def test_ids_that_are_all_spelled_alike_stay_as_they_are() -> None:
    found = ids_of(pd.Series(["2.0", "1.0", "2.0"]), "user")
    assert (found.codes.tolist(), found.names, found.counts) == ([0, 1, 0], ["2.0", "1.0"], {})


def test_a_merged_id_has_its_plain_name_if_that_occurs() -> None:
    found = ids_of(pd.Series(["u ", "v\t", "u", " v"]), "user")
    assert (found.codes.tolist(), found.names) == ([0, 1, 0, 1], ["u", "v\t"])
    assert found.counts == {"user_ids_matched_by_blanks_at_the_ends": 2}


@pytest.mark.parametrize("other", ["1.5", "01", "1.0.0", "v1.0", "1,0", "1e0", "I", "1 0", "1.01"])
def test_other_spellings_are_other_ids(other: str) -> None:
    assert ids_of(pd.Series(["1", "i", "10", other]), "user").codes.tolist() == [0, 1, 2, 3]
    assert ids_in(pd.Series([other]), ["1", "i", "10"], "item").codes.tolist() == [-1]


@pytest.mark.parametrize("name", ["NULL", "null", "None", "nan", "NaN", r"\N", "<NA>"])
def test_ids_that_look_missing_are_accepted_and_counted(name: str) -> None:
    found = ids_of(pd.Series([name, "u", name]), "user")
    assert found.codes.tolist() == [0, 1, 0]
    assert found.counts == {"user_ids_that_look_missing": 1}
    joined = ids_in(pd.Series([name, "u"]), [name, "u"], "item")
    assert joined.counts == {"item_ids_that_look_missing": 1}


def test_missing_values_have_no_place_in_a_catalogue() -> None:
    found = ids_in(pd.Series(["a", None, "b "], dtype="str"), ["b", "a"], "item")
    assert found.codes.tolist() == [1, -1, 0]
