"""Which study a word means: a file, or a study that comes with the package."""

from pathlib import Path

import pytest

from morec.errors import SpecError
from studies.run import main
from studies.shipped import find_study, first_comment, shipped_studies

STUDIES = Path(__file__).parents[2] / "studies"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_study_file_is_shipped_under_its_name() -> None:
    assert shipped_studies() == {path.stem: path for path in sorted(STUDIES.glob("*.yaml"))}


def test_a_name_is_a_shipped_study_whose_data_lie_below_the_current_folder() -> None:
    found = find_study(Path("fusion"))
    assert (found.path, found.root, found.note) == (STUDIES / "fusion.yaml", Path(), "")


@pytest.mark.parametrize("file", ["fusion", "fusion.yaml", "fusion.yml"])
def test_a_file_of_that_name_wins_and_that_is_said(here: Path, file: str) -> None:
    (here / file).write_text("question: mine")
    found = find_study(Path("fusion"))
    assert (found.path, found.root) == (Path(file), Path())
    assert found.note == f"fusion: the file {file}, not the shipped study of that name"


def test_a_folder_of_that_name_does_not_win(here: Path) -> None:
    (here / "fusion").mkdir()
    assert find_study(Path("fusion")).path == STUDIES / "fusion.yaml"


def test_a_path_is_that_file_and_says_nothing(here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "fusion.yaml").write_text("question: mine")
    for word in ("sub/fusion.yaml", "sub/fusion"):
        found = find_study(Path(word))
        assert (found.path, found.root) == (Path("sub/fusion.yaml"), Path("sub"))
        assert found.note == ""


def test_an_unknown_name_is_answered_with_the_nearest_and_all(here: Path) -> None:
    with pytest.raises(SpecError) as caught:
        find_study(Path("fusoin"))
    said = str(caught.value)
    assert said.startswith(
        "fusoin: neither a study file nor a shipped study. Did you mean 'fusion'? "
    )
    assert said.endswith(f"Shipped: {', '.join(shipped_studies())}")
    (here / "mine.yaml").write_text("question: mine")
    with pytest.raises(SpecError, match=r"Did you mean 'mine'\?"):
        find_study(Path("mein"))


def test_a_missing_file_called_like_a_shipped_study_names_it() -> None:
    with pytest.raises(SpecError) as caught:
        find_study(Path("studies/fusion.yaml"))
    assert str(caught.value) == (
        "studies/fusion.yaml: no such file. The shipped study of that name has no ending: fusion"
    )


def test_another_missing_path_is_left_to_the_reader(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "mine.yaml").write_text("question: mine")
    assert main(["mein.yaml"]) == 2
    assert capsys.readouterr().err == "mein.yaml: no such file. Did you mean 'mine.yaml'?\n"
    assert main(["."]) == 2
    assert "is a folder; give a study file" in capsys.readouterr().err


def test_the_list_has_every_study_with_its_first_comment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--list"]) == 0
    *lines, hint = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_studies())
    (smoke,) = (line for line in lines if line.startswith("smoke "))
    assert smoke.split(None, 1)[1].startswith("Does the whole way from study file to report work?")
    assert hint == "python studies/run.py NAME runs one; --plan says before what it takes"


def test_a_study_without_a_comment_has_none(here: Path) -> None:
    (here / "bare.yaml").write_text("# yaml-language-server: $schema=x\nquestion: q\n")
    assert first_comment(here / "bare.yaml") == ""


def test_a_shipped_study_plans_from_anywhere_and_its_data_would_lie_here(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["loss", "--plan", "--only", "MIND/ID"]) == 0
    said = capsys.readouterr().out
    assert f"{here}/" in said
    assert f"{STUDIES}/" not in said
