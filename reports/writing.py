"""Which files a report becomes, and where they stand."""

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from morec.errors import DataError, MorecError
from morec.results import write_atomically
from reports import exports, latex
from reports.content import Report, read_report
from reports.markdown import markdown_text
from reports.page import render
from reports.studies_page import render_studies

FORMATS = ("html", "csv", "md", "latex", "json")
STUDIES_PAGE = "studies.html"


def write_report(folder: Path, formats: Collection[str] = FORMATS) -> Path:
    """Write the report of the study in ``folder``, finished or not, in some of ``FORMATS``.

    ``html``: report.html; ``csv`` and ``latex``: tables/; ``md``: report.md; ``json``: report.json.
    Returns the first of what was written: the page, where there is one.

    Raises:
        DataError: the folder holds no study, or a file of it cannot be read.
    """
    return _write(folder, read_report(folder), formats)[0]


def write_reports(
    folders: Sequence[Path], formats: Collection[str] = FORMATS, page: Path | None = None
) -> list[Path]:
    """Write each study's report and, of several, one page with all of them.

    ``page`` defaults to ``studies.html`` in the folder they share. Returns what was written.

    Raises:
        DataError: some folders hold no study, or files of them cannot be read; all are named, and
            nothing was written.
    """
    reports = _read_all(folders)
    paths = [path for folder, report in reports.items() for path in _write(folder, report, formats)]
    if len(reports) > 1 and "html" in formats:
        common = Path(os.path.commonpath([folder.resolve() for folder in reports]))
        target = page or common / STUDIES_PAGE
        links = {_relative(folder / "report.html", target): one for folder, one in reports.items()}
        write_atomically(target, render_studies(links))
        paths.insert(0, target)
    return paths


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
    """Write some of the forms; the page carries the tables, whether they are written or not."""
    written = {f"{name}.csv": exports.csv_text(one) for name, one in exports.sheets(report).items()}
    tex = {"accuracy.tex": latex.accuracy_latex(report.summary, report.accuracies)}
    forms: dict[str, Callable[[], dict[str, str]]] = {
        "html": lambda: {"report.html": render(report, written | tex)},
        "md": lambda: {"report.md": markdown_text(report)},
        "json": lambda: {"report.json": exports.json_text(report)},
        "csv": lambda: {f"tables/{name}": text for name, text in written.items()},
        "latex": lambda: {f"tables/{name}": text for name, text in tex.items()},
    }
    paths = []
    for name, make in forms.items():
        for path, text in make().items() if name in formats else ():
            write_atomically(folder / path, text)
            paths.append(folder / path)
    return paths


def _relative(path: Path, page: Path) -> str:
    """The link from ``page`` to ``path``, also where folders have odd characters."""
    return Path(os.path.relpath(path.resolve(), page.resolve().parent)).as_posix()
