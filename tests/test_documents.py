"""Documents say what is there: every module has a line, every link a file, every study loads."""

import re
from pathlib import Path

import pytest

from tune_space.study.expand import expand
from tune_space.study.load import parse_study

ROOT = Path(__file__).parents[1]
PACKAGES = ("morec", "tune_space", "reports", "studies", "tests/benchmarks", "tests/mutation")
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob(".github/*.md"), *(ROOT / p / "README.md" for p in PACKAGES)]
)
MAX_README_LINES = 170
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(r"`((?:morec|tune_space|reports|studies|tests)/[\w/.]+\.\w+)`")


def modules(package: str) -> list[str]:
    """Every module of a package, by its path below the package's folder."""
    folder = ROOT / package
    found = [path for path in sorted(folder.rglob("*.py")) if path.name != "__init__.py"]
    return [path.relative_to(folder).as_posix() for path in found]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_has_a_line_in_its_packages_readme(package: str) -> None:
    text = (ROOT / package / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^- `([\w/]+\.py)`: ", text, re.MULTILINE))
    assert sorted(named) == modules(package)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_and_path_of_a_document_is_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in LINK.findall(text):
        if not link.startswith(("http://", "https://")):
            assert (document.parent / link).exists(), link
    if document.name != "CHANGELOG.md":
        for path in PATH.findall(text):
            # A path of the contributor's guide may be that of a file which is yet to be written.
            assert (ROOT / path).exists() or "mine" in path, path


def test_the_main_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MAX_README_LINES


def test_the_study_in_the_readme_is_one() -> None:
    (block,) = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    arms = expand(parse_study(block, "README.md", "mine"))
    assert [arm.name for arm in arms] == ["ID", "TS", "ID+TS ADD"]


def test_the_studies_readme_names_every_study() -> None:
    text = (ROOT / "studies" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w]+\.yaml)`", text, re.MULTILINE))
    assert named == {path.name for path in (ROOT / "studies").glob("*.yaml")}
