"""Every error has its base class, and the nearest allowed name is suggested."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec import errors
from morec.errors import MorecError, SpecError, did_you_mean


def drawn_tree() -> dict[str, str]:
    """Child -> parent, read off the indentation of the module's docstring."""
    lines = re.findall(r"^( +)(\w+Error)\b", errors.__doc__ or "", flags=re.MULTILINE)
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for blanks, name in lines:
        path = [(depth, above) for depth, above in path if depth < len(blanks)]
        if path:
            parents[name] = path[-1][1]
        path.append((len(blanks), name))
    return parents


def all_below(base: type[Exception]) -> list[type[Exception]]:
    return [
        kind
        for child in base.__subclasses__()
        for kind in (child, *all_below(child))
        if kind.__module__ == "morec.errors"
    ]


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert drawn_tree() == {
        kind.__name__: kind.__bases__[0].__name__ for kind in all_below(MorecError)
    }


def test_a_spec_error_prints_every_problem_on_its_own_line() -> None:
    error = SpecError(["a.yaml:1: first", "a.yaml:7: second"])
    assert error.problems == ("a.yaml:1: first", "a.yaml:7: second")
    assert str(error) == "a.yaml:1: first\na.yaml:7: second"


def test_a_single_problem_may_be_given_as_a_string() -> None:
    assert SpecError("only one").problems == ("only one",)


@pytest.mark.parametrize(
    ("kind", "builtin"), [("SpecError", ValueError), ("TrialError", RuntimeError)]
)
def test_errors_are_also_what_python_calls_them(kind: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, kind), builtin)


def test_the_nearest_allowed_name_is_offered() -> None:
    assert did_you_mean("sasrek", ["dssm", "sasrec"]) == " Did you mean 'sasrec'?"


def test_nothing_is_offered_when_nothing_is_near() -> None:
    assert did_you_mean("banana", ["dssm", "sasrec"]) == ""


@given(st.text(min_size=1), st.lists(st.text(min_size=1)))
def test_only_allowed_names_are_offered(found: str, allowed: list[str]) -> None:
    offer = did_you_mean(found, allowed)
    assert offer in {""} | {f" Did you mean {name!r}?" for name in allowed}
