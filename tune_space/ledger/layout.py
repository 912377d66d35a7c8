"""The names of files and folders in a study's output folder, and of the artefact store next to it.

::

    runs/
      artefacts/          the store of all studies in runs/
      <study>/
        manifest.json  trials/  checkpoints/    the ledger, and what trials continue from
        examples.json                           a few test users for the report
        report.html  tables/                    the report
        exports/                                models of arms, each in a folder that needs no study
        .ray_tune/  ray_train/                  Ray's own files
"""

from pathlib import Path

from morec.errors import DataError

TRIALS = "trials"
"""One record a trial."""
MANIFEST = "manifest.json"
EXAMPLES = "examples.json"
"""A few test users with titles, for the report; see ``tune_space.ledger.examples``."""
CHECKPOINTS = "checkpoints"
"""One folder a trial."""
ARTEFACTS = "artefacts"
"""The store of what trials share, for all studies whose output folders lie next to it."""
REPORT = "report.html"
TABLES = "tables"
"""The report's tables as files."""
EXPORTS = "exports"
"""One folder an exported arm."""
LOCK = ".lock"
"""Locked by the process that runs a study in the folder."""
HOLDER = ".holder.json"
"""The pid of that process."""
MAX_NAME = 200
"""Characters of a folder's name; file systems take 255 bytes."""
STORE_LOCK = ".users.lock"
"""Of the artefact store: locked together by all processes that use it."""
RAY_TUNE = ".ray_tune"
"""Ray Tune's own files; deleted after a run, because the ledger is the state."""
RAY_TRAIN = "ray_train"
"""Ray Train's own files of trials with several workers."""


def path_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; of a link its own; 0 where nothing is."""
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(map(path_bytes, path.iterdir())) if path.is_dir() else 0


def arm_folders(arm: str) -> tuple[str, ...]:
    """The folders that an arm's name means: slashes part them, and none leads out of its place."""
    parts = (
        "".join(char if char.isprintable() else "_" for char in part) for part in arm.split("/")
    )
    return tuple(part[:MAX_NAME] if part.strip(". ") else "_" for part in parts)


def check_inside(folder: Path, path: Path) -> None:
    """Refuse to write where a link in ``folder`` leads out of it.

    Raises:
        DataError: names the place that ``path`` really is.
    """
    place = path.resolve()
    if not place.is_relative_to(folder.resolve()):
        raise DataError(
            f"{path}: a link in this folder leads to {place}, outside of it, and nothing is "
            "written there; remove the link"
        )
