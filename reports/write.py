"""Writes a report: which files each format has, and in which folder they are."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from morec.errors import DataError, MorecError
from morec.results import write_atomically
from reports.export import latex
from reports.export import sheets as exports
from reports.export.markdown import markdown_text
from reports.page.render import render
from reports.page.studies import render_studies
from reports.study.garbage_collection import paused_garbage_collection
from reports.study.report import Report, read_report
from tune_space.ledger.layout import REPORT, TABLES, check_inside

STUDIES_PAGE = "studies.html"


def page_text(report: Report) -> str:
    """The page of a study; it carries the tables, so its buttons work without other files."""
    return render(report, _csv_files(report) | _latex_files(report))


def _csv_files(report: Report) -> dict[str, str]:
    return {f"{name}.csv": exports.csv_text(one) for name, one in exports.sheets(report).items()}


def _latex_files(report: Report) -> dict[str, str]:
    files = {"accuracy.tex": latex.accuracy_latex(report.summary, report.accuracies)}
    if report.held:
        files["holds.tex"] = latex.holds_latex(report.held)
    if any(pair.overlap for pair in report.pairs):
        files["complementarity.tex"] = latex.complementarity_latex(report.pairs)
    return files


_FILES: dict[str, tuple[str, Callable[[Report], dict[str, str]]]] = {
    "html": ("", lambda report: {REPORT: page_text(report)}),
    "md": ("", lambda report: {"report.md": markdown_text(report)}),
    "json": ("", lambda report: {"report.json": exports.json_text(report)}),
    "csv": (TABLES, _csv_files),
    "latex": (TABLES, _latex_files),
}
"""Format -> folder of its files, and a function Report -> name and text of each file."""
FORMATS = tuple(_FILES)


def write_report(folder: Path, formats: Collection[str] = FORMATS) -> Path:
    """Write the report of the study in ``folder``, finished or not, in some of ``FORMATS``.

    ``html``: report.html; ``csv`` and ``latex``: tables/; ``md``: report.md; ``json``: report.json.
    Returns the path of the first file written: the page, if ``html`` is asked for.

    Raises:
        DataError: the folder holds no study, a file of it cannot be read, or a link in it leads out
            of it where the report would be written.
    """
    with paused_garbage_collection():
        return _write(folder, read_report(folder), formats)[0]


def write_reports(
    folders: Sequence[Path], formats: Collection[str] = FORMATS, page: Path | None = None
) -> list[Path]:
    """Write each study's report and, of several studies, one page with all of them.

    ``page``: path of that page, by default ``studies.html`` in the folder that the studies share.
    Returns the paths of all files written.

    Raises:
        DataError: folders hold no study, or their files cannot be read. The message names every
            such folder; nothing was written.
    """
    with paused_garbage_collection():
        reports = _read_all(folders)
        paths = [path for folder, one in reports.items() for path in _write(folder, one, formats)]
        if len(reports) > 1 and "html" in formats:
            paths.insert(0, _write_studies(reports, page))
    return paths


def _write_studies(reports: Mapping[Path, Report], page: Path | None) -> Path:
    common = Path(os.path.commonpath([folder.resolve() for folder in reports]))
    target = page or common / STUDIES_PAGE
    links = {_relative(folder / REPORT, target): one for folder, one in reports.items()}
    write_atomically(target, render_studies(links))
    return target


def _read_all(folders: Sequence[Path]) -> dict[Path, Report]:
    found: dict[Path, Report] = {}
    problems = []
    for folder in folders:
        try:
            found[folder] = read_report(folder)
        except MorecError as error:
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    return found


def _write(folder: Path, report: Report, formats: Collection[str]) -> list[Path]:
    paths = []
    for name in FORMATS:
        below, make = _FILES[name]
        for file, text in make(report).items() if name in formats else ():
            paths.append(folder / below / file)
            check_inside(folder, paths[-1].parent)
            write_atomically(paths[-1], text)
    return paths


def _relative(path: Path, page: Path) -> str:
    """The path from the folder of ``page`` to ``path``, with slashes on every system."""
    return Path(os.path.relpath(path.resolve(), page.resolve().parent)).as_posix()
