"""The names of files and folders in a study's output folder, and of the store beside it."""

from pathlib import Path

TRIALS = "trials"
"""One record a trial."""
MANIFEST = "manifest.json"
CHECKPOINTS = "checkpoints"
"""One folder a trial."""
ARTEFACTS = "artefacts"
"""The shared inputs of all studies whose output folders lie side by side."""
RAY_TUNE = ".ray_tune"
"""Ray Tune's own files. They are thrown away, since the ledger is the state."""
RAY_TRAIN = "ray_train"
"""Ray Train's own files of trials with several workers."""


def path_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; a link counts as itself, nothing as 0."""
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    return sum(map(path_bytes, path.iterdir())) if path.is_dir() else 0
