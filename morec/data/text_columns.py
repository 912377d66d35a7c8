"""Columns of the items' file, of which templates make texts (``item.text.template``).

They are read apart from the interactions and joined by item id, so that the windows of a dataset
and every trial that reads no template stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from morec.config import DatasetSpec
from morec.config.templates import TITLE
from morec.data.dataset import Dataset
from morec.data.files.headers import column_problems
from morec.data.files.tables import as_texts
from morec.data.readers.catalogue import catalogue_of
from morec.data.readers.reader import ItemColumns
from morec.data.readers.table import READERS
from morec.data.titles import read_titles
from morec.errors import DataError

WHERE = "item.text.template"


def with_columns(dataset: Dataset, spec: DatasetSpec, root: Path, wanted: Sequence[str]) -> Dataset:
    """Add the columns ``wanted`` to a dataset that was read from ``spec``.

    Lists in a cell are joined by ``", "``; HTML is replaced as in titles. ``title`` is the title
    that the dataset has, where the file has no column of this name.

    Raises:
        DataError: there is no such column, it has neither text nor numbers, or it is empty for
            every item; says so of all of them.
    """
    columns = READERS[spec.kind].columns
    found = columns(spec, root) if columns else None
    names = found.names if found else ()
    own = [name for name in wanted if name in names or name != TITLE or dataset.titles is None]
    _check(dataset, found, own)
    read = _read(dataset, spec, found, own) if found and own else {}
    empty = [name for name, values in read.items() if not any(values)]
    if empty:
        raise DataError(
            f"{WHERE}: empty for every item: {', '.join(empty)}; leave it out of the template"
        )
    return replace(dataset, columns=read)


def column_faults(spec: DatasetSpec, root: Path, wanted: Sequence[str]) -> list[str]:
    """Return one message per column that the items' file lacks, without reading its rows.

    A missing ``title`` is none: the data set may have titles of its own.

    Raises:
        DataError: the file is missing or broken.
    """
    columns = READERS[spec.kind].columns
    found = columns(spec, root) if columns else None
    return _faults(str(spec.kind), found, [name for name in wanted if name != TITLE])


def _check(dataset: Dataset, found: ItemColumns | None, wanted: Sequence[str]) -> None:
    """Raise for columns that are not there."""
    if problems := _faults(dataset.name, found, wanted):
        raise DataError("\n".join(problems))


def _faults(dataset: str, found: ItemColumns | None, wanted: Sequence[str]) -> list[str]:
    if found is not None:
        return [
            f"{found.file}: {problem}"
            for name in wanted
            for problem in column_problems(found.names, {WHERE: name})
        ]
    if not wanted:
        return []
    return [
        f"{WHERE}: dataset {dataset} has no file of items with the columns {', '.join(wanted)}; "
        f"allowed: {{{TITLE}}}, if it has titles"
    ]


def _read(
    dataset: Dataset, spec: DatasetSpec, found: ItemColumns, wanted: list[str]
) -> Mapping[str, tuple[str, ...]]:
    """Text per item of every column; of an item's several rows, the first counts."""
    assert dataset.item_names is not None
    catalogue = catalogue_of(found.read(wanted), found.item, None)
    rows = catalogue.rows.set_axis(catalogue.names).loc[list(dataset.item_names)]
    return {name: read_titles(spec, as_texts(rows[name])).titles for name in wanted}
