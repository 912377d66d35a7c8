"""What a section of the page is made of: its place, its template, its figures and its tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reports.plots.traces import Figure
from reports.study.report import Report

Context = Mapping[str, Any]


@dataclass(frozen=True)
class Section:
    """One part of the page, with a line in the navigation."""

    id: str
    title: str
    """In the navigation and above the section."""
    context: Callable[[Report], Context | None]
    """What ``templates/ID.html.j2`` shows besides ``summary``, ``study``, ``exports``, ``first``.

    ``first``: label of the first condition, which alone is not folded.

    None: the section has nothing to show and is left out of page and navigation.
    """
    exports: tuple[str, ...] = ()
    """Files of ``reports.write`` that the section's buttons copy and save."""
    has_heading: bool = True
    """False where the template writes a heading of its own."""


@dataclass(frozen=True)
class Drawing:
    """A figure in the page."""

    name: str
    """Unlike the name of any other figure of the page; also the name of the saved file."""
    caption: str
    figure: Figure


def drawing(name: str, caption: str, figure: Figure | None, key: str = "") -> Drawing | None:
    """The figure with name and caption; None where there was nothing to draw.

    ``key``: place of the figure, as in ``StudySummary``; it joins name and caption.
    """
    if figure is None:
        return None
    return Drawing(f"{name} {key}".rstrip(), on_dataset(key, caption), figure)


def on_dataset(key: str, text: str) -> str:
    """The text after the key of its place; a study of one data set and no condition has none."""
    return f"{key}: {text}" if key else text[:1].upper() + text[1:]
