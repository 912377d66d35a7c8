"""Names of columns as people mean them, whatever a tool wrote around them."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from morec.errors import did_you_mean

NUM_LISTED = 20
"""Columns up to which an error lists all of them."""
NUM_NEAREST = 3
_AROUND = re.compile(r"^[\s\u200b-\u200d\u2060\ufeff]+|[\s\u200b-\u200d\u2060\ufeff]+$")
_COMMENT = re.compile(r"^#+\s*(?=.)")
_RECBOLE = re.compile(r"(?<=.):(token|token_seq|float|float_seq)$")


def names_of(row: Sequence[str]) -> list[str]:
    """Return the names of the columns in a header's ``row``.

    Left out are blanks around a name, also those that do not show (non-breaking, of no width), the
    ``#`` with which numpy's ``savetxt`` begins a header, and the types of RecBole
    (``user_id:token``).
    """
    names = [_RECBOLE.sub("", _AROUND.sub("", name)) for name in row]
    return [_COMMENT.sub("", name) if not place else name for place, name in enumerate(names)]


def column_problems(found: Sequence[str], wanted: Mapping[str, str]) -> list[str]:
    """Return one message per column of ``wanted`` (option -> name) that is not there once."""
    problems = []
    for option, name in wanted.items():
        places = [place for place, other in enumerate(found, start=1) if other == name]
        if not places:
            near = did_you_mean(name, found)
            problems.append(f"no column {name!r} ({option}).{near} {_found(name, found)}")
        if len(places) > 1:
            at = " and ".join([", ".join(map(str, places[:-1])), str(places[-1])])
            problems.append(f"{len(places)} columns are named {name!r} ({option}): columns {at}")
    return problems


def format_names(names: Sequence[str]) -> str:
    """Return ``names`` as an error shows them: all, or the first and how many there are."""
    if len(names) <= NUM_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:NUM_LISTED])} and {len(names) - NUM_LISTED:,} more"


def format_role(role: str, names: Sequence[str], header: Sequence[str]) -> str:
    """Return how many columns of a ``header`` may have a role, and which ones."""
    which = f" ({', '.join(names)})" if names else ""
    return f"{len(names) or 'no'} {role} columns{which} in the header {format_names(header)}"


def _found(name: str, found: Sequence[str]) -> str:
    if len(found) <= NUM_LISTED:
        return f"Columns found: {', '.join(found)}"
    near = get_close_matches(name, found, n=NUM_NEAREST, cutoff=0)
    return f"Columns found: {len(found):,}; the nearest are {', '.join(near)}"
