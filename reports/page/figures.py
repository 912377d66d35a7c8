"""The page's figures by name, for whoever draws them outside of the page."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.page.render import SECTIONS
from reports.page.section import Drawing
from reports.study.report import Report


def drawings(report: Report) -> dict[str, Drawing]:
    """Name -> figure, in the order of the page; of the same data as there."""
    contexts = (section.context(report) for section in SECTIONS)
    return {one.name: one for context in contexts for one in _drawings_in(context)}


def _drawings_in(value: Any) -> Iterator[Drawing]:
    """Every figure in what a section shows, wherever it stands."""
    if isinstance(value, Drawing):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _drawings_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _drawings_in(inner)
