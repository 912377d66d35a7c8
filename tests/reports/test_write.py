"""The command ``python -m reports``: formats, files, the page of several studies, errors."""

from pathlib import Path

import pytest

from reports.__main__ import main
from reports.write import FORMATS
from tests.reports.made_up_studies import SMALL, FakeStudy

FILES = {
    "html": {"report.html"},
    "csv": {
        f"tables/{name}.csv"
        for name in (
            *("accuracy", "complementarity", "contrasts"),
            *("cost", "data", "preparations", "trials"),
        )
    },
    "md": {"report.md"},
    "latex": {"tables/accuracy.tex", "tables/complementarity.tex"},
    "json": {"report.json"},
}


def _written(folder: Path) -> set[str]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in paths}


@pytest.mark.parametrize("chosen", ["html", "csv", "md,json", ",".join(FORMATS)])
def test_only_the_formats_asked_for_are_written(chosen: str, tmp_path: Path) -> None:
    before = _written(FakeStudy(searches=0).write(tmp_path))
    assert main([str(tmp_path), "--format", chosen]) == 0
    wanted = set().union(*(FILES[name] for name in chosen.split(",")))
    assert _written(tmp_path) - before == wanted


def test_an_unknown_format_is_refused_with_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(tmp_path), "--format", "html,latx"])
    assert stop.value.code == 2
    message = capsys.readouterr().err
    assert "'latx' is not a format; allowed: html, md, json, csv, latex" in message
    assert "Did you mean 'latex'?" in message


def test_several_studies_share_a_page_in_the_folder_above(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "a study", tmp_path / "b"]
    for folder in folders:
        FakeStudy(arms=SMALL[:2], searches=0).write(folder)
    assert main([*map(str, folders), "--format", "html"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(tmp_path / "studies.html"), *(str(f / "report.html") for f in folders)]
    page = (tmp_path / "studies.html").read_text(encoding="utf-8")
    assert 'href="a%20study/report.html"' in page
    assert 'href="b/report.html"' in page


def test_the_page_of_several_studies_is_written_to_the_path_asked_for(tmp_path: Path) -> None:
    for name in "ab":
        FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path / "runs" / name)
    target = tmp_path / "sent" / "all.html"
    folders = [str(tmp_path / "runs" / name) for name in "ab"]
    assert main([*folders, "--format", "html", "--out", str(target)]) == 0
    assert 'href="../runs/a/report.html"' in target.read_text(encoding="utf-8")


def test_every_folder_without_a_study_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _written(FakeStudy(searches=0).write(tmp_path / "good"))
    folders = [tmp_path / "good", tmp_path / "one", tmp_path / "two"]
    assert main(list(map(str, folders))) == 2
    message = capsys.readouterr().err
    assert f"{tmp_path / 'one'}: no study has run here" in message
    assert f"{tmp_path / 'two'}: no study has run here" in message
    assert _written(tmp_path / "good") == before
