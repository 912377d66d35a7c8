"""``--list``, and which file the first word of the command means: a path, or a shipped study."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from morec.errors import SpecError, did_you_mean
from tune_space.commands.request import Answer, Request

ENDINGS = (".yaml", ".yml")
MAX_SHOWN = 100
"""Characters of a name that can be no file's, in an error."""
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class StudyFile:
    """Where a study is read, and where its relative paths start."""

    path: Path
    root: Path
    """Of a file its folder; of a shipped study the current one, never the installed package."""
    note: str = ""
    """What to say of the choice; mostly nothing."""


def answer(request: Request) -> Answer:
    """List the shipped studies, each with the first comment of its file."""
    studies = shipped_studies()
    width = max(map(len, studies))
    lines = (f"{name:<{width}}  {first_comment(path)}" for name, path in studies.items())
    hint = f"{request.program} NAME runs one; --plan says before what it takes"
    return Answer((*lines, hint))


def shipped_studies() -> dict[str, Path]:
    """Name -> file of every study that comes with this package, in the order of the names."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.yaml"))}


def first_comment(path: Path) -> str:
    """The first comment of a study file that is meant for people: what the study asks."""
    lines = path.read_text("utf-8").splitlines()
    comments = (line[1:].strip() for line in lines if line.startswith("#"))
    return next((text for text in comments if not text.startswith("yaml-language-server")), "")


def find_study(word: Path) -> StudyFile:
    """The study that a word means: the file itself, ``WORD.yaml``, or the shipped study ``WORD``.

    Files win. A path to no file is returned as it is, and refused where it is read.

    Raises:
        SpecError: a word without an ending is neither a file nor a shipped study, or a missing
            file is called like a shipped study.
    """
    name, studies = str(word), shipped_studies()
    found = next((path for path in _spellings(word) if _is_file(path)), None)
    if found is not None:
        note = f"{name}: the file {found}, not the shipped study of that name"
        return StudyFile(found, found.parent, note if name in studies else "")
    if name in studies:
        return StudyFile(studies[name], Path())
    if word.suffix in ENDINGS and word.stem in studies:
        raise SpecError(
            f"{name}: no such file. The shipped study of that name has no ending: {word.stem}"
        )
    if word.suffix not in ENDINGS and len(word.parts) == 1 and not word.exists():
        known = [*studies, *_files_here()]
        raise SpecError(
            f"{name}: neither a study file nor a shipped study.{did_you_mean(name, known)} "
            f"Shipped: {', '.join(studies)}"
        )
    return StudyFile(word, word.parent)


def _spellings(word: Path) -> Iterator[Path]:
    yield word
    if word.name and word.suffix not in ENDINGS:
        yield from (word.with_name(word.name + ending) for ending in ENDINGS)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise SpecError(f"{str(path)[:MAX_SHOWN]}: {error.strerror}") from error


def _files_here() -> list[str]:
    """Names that ``_spellings`` finds in the current folder."""
    return [path.stem for path in sorted(Path().iterdir()) if path.suffix in ENDINGS]
