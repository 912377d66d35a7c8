"""Ids as codes: one thing keeps one id, also where it is spelled with blanks or as ``1.0``.

Only spellings that mean nothing are matched: blanks at either end, and a whole number written as a
float. Each is counted. Upper and lower case and leading zeros may mean something; they stay.
Work is done on distinct ids, never per row.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from morec.data.files.gather import MISSING

BLANK = r"\s\u200b\u2060\ufeff"
"""Characters of a regular expression; blanks without width included."""
_SURROUNDING = re.compile(f"^[{BLANK}]+|[{BLANK}]+$")
_FLOAT = re.compile(r"(-?[0-9]+)\.0*")
_ODD = r"^[\s\p{Z}\x{200b}\x{2060}\x{feff}]|[\s\p{Z}\x{200b}\x{2060}\x{feff}]$|^-?[0-9]+\.0*$"
"""What ``plain`` may change, as arrow spells it: a fast way to leave the others alone."""


@dataclass(frozen=True)
class Ids:
    """Ids of n rows as codes into names."""

    codes: npt.NDArray[np.int64]
    """(n,) -1 where the id is not among the names."""
    names: Sequence[str]
    counts: Mapping[str, int]
    """How many distinct ids were matched by which spelling; nothing where none was."""


def ids_of(values: pd.Series, role: str) -> Ids:
    """Number the ids, none of them missing, in order of first appearance.

    Spellings of one id get one code. It is named by its plain spelling if that occurs, else by its
    first. ``role`` (user, item) begins the names of the counts.
    """
    codes, names = _distinct(values)
    odd = _odd(names)
    if not len(odd):
        return Ids(codes, names.tolist(), _looking_missing(names, role))
    plain_names = [plain(name) for name in names[odd]]
    known = names.get_indexer(pd.Index(plain_names))
    target, first, counts = np.arange(len(names)), dict[str, int](), Counter[str]()
    for place, name, match in zip(odd.tolist(), plain_names, known.tolist(), strict=True):
        target[place] = match if match >= 0 else first.setdefault(name, place)
        if target[place] != place:
            counts[_rule(role, names[place])] += 1
    merged, kept = pd.factorize(target[codes])
    left = names[kept]
    return Ids(merged.astype(np.int64), left.tolist(), {**counts, **_looking_missing(left, role)})


def ids_in(values: pd.Series, names: Sequence[str], role: str) -> Ids:
    """Find the ids among the distinct ``names``: as they are, or else by another spelling."""
    codes, distinct = _distinct(values)
    known = pd.Index(names)
    found = known.get_indexer(distinct)
    missing = np.flatnonzero(found < 0)
    counts = Counter[str]()
    if len(missing):
        found[missing] = _respelled(distinct[missing], known)
        for place in missing[found[missing] >= 0].tolist():
            name, match = distinct[place], known[found[place]]
            counts[_rule(role, name if plain(name) != name else match)] += 1
    looking = _looking_missing(distinct[found >= 0], role)
    return Ids(np.append(found, -1)[codes].astype(np.int64), names, {**counts, **looking})


def plain(name: str) -> str:
    """Return an id without blanks at either end, and a whole number without ``.0``."""
    bare = _SURROUNDING.sub("", name)
    whole = _FLOAT.fullmatch(bare)
    return whole[1] if whole else bare


def plain_all(names: pd.Index) -> pd.Index:
    """Return ``plain`` of every name."""
    spelled = names.to_numpy(dtype=object, copy=True)
    odd = _odd(names)
    spelled[odd] = [plain(name) for name in names[odd]]
    return pd.Index(spelled, dtype="str")


def _distinct(values: pd.Series) -> tuple[npt.NDArray[np.int64], pd.Index]:
    codes, distinct = pd.factorize(values)
    return codes.astype(np.int64, copy=False), pd.Index(distinct).astype("str")


def _respelled(wanted: pd.Index, known: pd.Index) -> npt.NDArray[np.int64]:
    """Return for each wanted id the place of the known one that is plainly the same, or -1."""
    plain_wanted = plain_all(wanted)
    found = known.get_indexer(plain_wanted)
    odd = _odd(known)
    plain_known = pd.Index([plain(name) for name in known[odd]], dtype="str")
    is_first = ~plain_known.duplicated()
    among_odd = plain_known[is_first].get_indexer(plain_wanted)
    places: npt.NDArray[np.int64] = np.append(odd[is_first], -1)[among_odd]
    return np.where(found >= 0, found, places)


def _odd(names: pd.Index) -> npt.NDArray[np.int64]:
    """Return the places of the names that ``plain`` may change."""
    is_odd = pc.match_substring_regex(_texts(names), _ODD)
    return np.flatnonzero(is_odd.to_numpy(zero_copy_only=False))


def _looking_missing(names: pd.Index, role: str) -> dict[str, int]:
    """Count ids such as ``NULL``, which a program may have written for a missing one."""
    num = pc.sum(pc.is_in(_texts(names), pa.array(MISSING))).as_py()
    return {f"{role}_ids_that_look_missing": num} if num else {}


def _texts(names: pd.Index) -> pa.Array:
    texts = pa.array(names, type=pa.large_string())
    return texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts


def _rule(role: str, name: str) -> str:
    bare = _SURROUNDING.sub("", name)
    spelling = "blanks_at_the_ends" if bare != name else "float_spelling"
    return f"{role}_ids_matched_by_{spelling}"
