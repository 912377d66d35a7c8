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
    template: str
    """Its file in ``templates/``; it also knows ``summary``, ``study`` and ``exports``."""
    context: Callable[[Report], Context | None]
    """What the template shows, figures and tables included.

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


@dataclass(frozen=True)
class Export:
    """A file behind the buttons of a section."""

    name: str
    is_carried: bool
    """Whether the page holds the file; a very large one is in the study's folder only."""

    @property
    def kind(self) -> str:
        """Its format, as buttons say it."""
        return "LaTeX" if self.name.endswith(".tex") else "CSV"


def drawing(name: str, caption: str, figure: Figure | None) -> Drawing | None:
    """The figure with name and caption; None where there was nothing to draw."""
    return None if figure is None else Drawing(name, caption, figure)


def join_words(*words: str) -> str:
    """The words that are not empty, with spaces between them."""
    return " ".join(word for word in words if word)


def on_dataset(key: str, text: str) -> str:
    """The text after the key of its data set; a study of one data set has no key (empty)."""
    return f"{key}: {text}" if key else text[:1].upper() + text[1:]
