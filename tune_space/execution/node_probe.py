"""Questions about a cluster's node; they run on every node and, to compare, on the driver.

The import needs Python and the code that Ray copies to the node, and no other package: whether
the others are installed is one of the questions.
"""

import platform
from collections.abc import Iterable, Sequence
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from morec.code_version import NOT_INSTALLED, installed_version, sources_hash

if TYPE_CHECKING:
    from morec.config import EncoderSpec

QUESTION = "question"
"""The driver's file at a place that every node should see."""


def software(packages: Iterable[str], modules: Iterable[str]) -> dict[str, str]:
    """Versions of Python and ``packages``, and hashes of the sources of our own ``modules``."""
    facts = {"python": platform.python_version().rpartition(".")[0]}
    # torch's 2.13.0+cpu is 2.13.0
    facts |= {package: installed_version(package).partition("+")[0] for package in packages}
    return facts | {f"the code of {module}": _code(module) for module in modules}


def answer(place: str) -> str | None:
    """Read the driver's question at a place and write an answer next to it.

    Returns:
        Why one of the two is not possible; None if both are.
    """
    from morec.errors import DataError
    from morec.storage import Storage

    with TemporaryDirectory() as folder:
        copy = Path(folder) / QUESTION
        try:
            storage = Storage(place)
            if not storage.get(QUESTION, copy):
                return "is not the driver's there"
            storage.put(copy, f"answer-{uuid4().hex}")
        except (OSError, DataError) as error:
            return f"cannot be used there: {error}"
    return None


def weights(root: str, specs: Sequence["EncoderSpec"]) -> list[str]:
    """The hash of every encoder's weights, or the reason why they cannot be loaded."""
    from morec.encoders.families import weights_hash
    from morec.errors import DataError
    from morec.ray_train import root_here

    found = []
    with chdir(root_here(root)):
        for spec in specs:
            try:
                found.append(weights_hash(spec))
            except DataError as error:
                found.append(str(error))
    return found


def _code(module: str) -> str:
    """The hash of a package's sources."""
    spec = find_spec(module)
    return sources_hash(Path(spec.origin).parent) if spec and spec.origin else NOT_INSTALLED
