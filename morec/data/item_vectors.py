"""Joins vectors of a file with the items of a data set: by id, never by row.

Everything that is wrong is found in one pass and said at once. Shapes: n rows of the file, N items
(row r = item r + 1), H width.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from morec.data.files.vectors import VectorBlock, VectorFile
from morec.data.ids import ids_in
from morec.data.readers.unmatched import unmatched_items
from morec.errors import DataError

NUM_SHOWN = 5
"""Items named in an error."""
_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Alignment:
    """Which item's vector each row of a file is."""

    rows_n: _Ints
    """The item's row, or -1: an item that is not in the data, or no id."""
    counts: dict[str, int]
    """How many rows each rule concerned."""


def align(file: VectorFile, item_names: Sequence[str]) -> Alignment:
    """Find the items that the rows' ids name, as ids of a data set are matched.

    Raises:
        DataError: the ids cannot be read, or none of them is an item's.
    """
    named = file.read_ids()
    is_named = named.notna().to_numpy()
    found = ids_in(named[is_named], item_names, "item")
    rows_n = np.full(len(named), -1, np.int64)
    rows_n[is_named] = found.codes
    if not (rows_n >= 0).any():
        seen = [str(name) for name in dict.fromkeys(named[is_named].tolist())]
        there = unmatched_items(seen, item_names) if seen else "every id is missing"
        raise DataError(f"{file.path.name}: no id of its rows is an item's: {there}")
    counts = {
        "vectors": len(named),
        "vectors_of_items_not_in_the_data": int((found.codes < 0).sum()),
        "vectors_without_id": int((~is_named).sum()),
    }
    return Alignment(rows_n, {**counts, **found.counts})


def write_aligned(file: VectorFile, item_names: Sequence[str], path: Path) -> dict[str, int]:
    """Write vectors_NH to a ``.npy``, as float32; returns the counts of ``align``.

    Raises:
        DataError: an item has no vector, several, or one that is not finite, constant or of another
            width; every fault, with its number and the first items.
    """
    alignment = align(file, item_names)
    faults = _Faults(item_names, _count_faults(alignment.rows_n, item_names))
    vectors_NH = np.empty((len(item_names), 0), np.float32)
    for rows_n, block in _blocks(file, alignment.rows_n):
        if not vectors_NH.shape[1] and (width := _first_width(block)):
            shape = (len(item_names), width)
            vectors_NH = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        width = vectors_NH.shape[1]
        fits_n = faults.check_widths(rows_n, block.lengths_n, width)
        values = block.values[np.repeat(fits_n, block.lengths_n)]
        vectors_NH[rows_n[fits_n]] = values.reshape(int(fits_n.sum()), width)
        faults.check_values(rows_n[fits_n], vectors_NH[rows_n[fits_n]])
    problems = faults.messages()
    if not problems and _are_equal(vectors_NH):
        problems = ["the vectors of all items are equal"]
    if problems:
        raise DataError("\n".join(f"{file.path.name}: {problem}" for problem in problems))
    return alignment.counts


def _count_faults(rows_n: _Ints, item_names: Sequence[str]) -> dict[str, list[int]]:
    """Items without a row, and with several."""
    per_item_N = np.bincount(rows_n[rows_n >= 0], minlength=len(item_names))
    return {
        "without a vector": np.flatnonzero(per_item_N == 0).tolist(),
        "with several vectors": np.flatnonzero(per_item_N > 1).tolist(),
    }


def _blocks(file: VectorFile, rows_n: _Ints) -> Iterator[tuple[_Ints, VectorBlock]]:
    """The blocks of a file, without the rows of no item; each with the rows of its items."""
    first = 0
    for block in file.read_blocks():
        rows = rows_n[first : first + len(block.lengths_n)]
        first += len(block.lengths_n)
        if (is_item := rows >= 0).any():
            values = block.values[np.repeat(is_item, block.lengths_n)]
            yield rows[is_item], VectorBlock(block.lengths_n[is_item], values)


def _first_width(block: VectorBlock) -> int:
    """Numbers of the first row that has any; 0 if none has."""
    return int(block.lengths_n[np.argmax(block.lengths_n > 0)])


def _are_equal(vectors_NH: npt.NDArray[np.float32]) -> bool:
    return len(vectors_NH) > 1 and bool((vectors_NH == vectors_NH[0]).all())


@dataclass
class _Faults:
    """What is wrong with the vectors of which items."""

    item_names: Sequence[str]
    found: dict[str, list[int]] = field(default_factory=dict)

    def add(self, what: str, rows: Iterable[int]) -> None:
        self.found.setdefault(what, []).extend(int(row) for row in rows)

    def check_widths(self, rows_n: _Ints, lengths_n: _Ints, width: int) -> npt.NDArray[np.bool_]:
        """Which rows have ``width`` numbers, that of the first vector; 0: none has any yet."""
        is_empty_n = lengths_n == 0
        fits_n: npt.NDArray[np.bool_] = (lengths_n == width) & ~is_empty_n
        self.add("with an empty or missing list", rows_n[is_empty_n])
        wrong_n = ~fits_n & ~is_empty_n
        self.add(f"with a vector of another width than the first, {width}", rows_n[wrong_n])
        return fits_n

    def check_values(self, rows_m: _Ints, vectors_mH: npt.NDArray[np.float32]) -> None:
        is_finite_m = np.isfinite(vectors_mH).all(1)
        self.add("with a vector that holds NaN, infinity or nothing", rows_m[~is_finite_m])
        is_constant_m = (vectors_mH == vectors_mH[:, :1]).all(1) & (vectors_mH.shape[1] > 1)
        self.add("with a constant vector, all of whose numbers are equal", rows_m[is_constant_m])

    def messages(self) -> list[str]:
        return [
            f"{len(rows):,} of {len(self.item_names):,} items {what}: {self._named(rows)}"
            for what, rows in self.found.items()
            if rows
        ]

    def _named(self, rows: Sequence[int]) -> str:
        shown = ", ".join(repr(self.item_names[row]) for row in rows[:NUM_SHOWN])
        return f"{shown} and {len(rows) - NUM_SHOWN:,} more" if len(rows) > NUM_SHOWN else shown
