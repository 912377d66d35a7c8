"""Which code a number came from: this package's sources, and the libraries that compute."""

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

COMPUTING = ("torch", "numpy", "transformers", "timm")
"""Packages that compute: another release of one of them may change a trial's numbers."""
TRAINING = (*COMPUTING, "ray", "torchvision", "tokenizers", "pandas", "pydantic")
"""Packages that a trial trains with."""
IN_TRIALS = (*TRAINING, "pyarrow", "pillow", "lmdb", "safetensors", "huggingface_hub", "filelock")
"""Packages that a trial imports, those that only read files included."""
NOT_INSTALLED = "not installed"


@cache
def code_version() -> dict[str, str]:
    """``morec`` -> 8 hex digits over its sources, and library -> version.

    Not part of a trial's identity: a record says what made it, and whoever reads several records
    says where they differ.
    """
    return {
        "morec": sources_hash(Path(__file__).parent),
        **{name: installed_version(name) for name in COMPUTING},
    }


def installed_version(package: str) -> str:
    """The version of a package that is installed, or that it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def sources_hash(package: Path) -> str:
    """8 hex digits over the names and contents of all Python files in a package's folder."""
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]
