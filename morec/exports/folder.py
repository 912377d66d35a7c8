"""The folder of an export: its files, and reading them without trust.

``config.yaml`` has three parts: ``export`` (where the model comes from), ``folder`` (what the files
hold) and ``trial`` (the configuration). Nothing that is read can run code: safetensors, Parquet,
``.npy`` without objects, and plain YAML. Shapes: N items, E width of a vector.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from morec.config import SCHEMA_VERSION, Spec, TrialConfig
from morec.errors import DataError, first_line

SpecT = TypeVar("SpecT", bound=Spec)
FORMAT = 1
"""Version of the folder: raise it when the meaning of a file changes."""
CONFIG, WEIGHTS = "config.yaml", "weights.safetensors"
ITEMS, VECTORS, VECTORS_TABLE = "items.parquet", "item_vectors.npy", "item_vectors.parquet"
NEEDED = (CONFIG, WEIGHTS, ITEMS, VECTORS)
"""What a recommender is read from; the rest is for other tools, and for new items."""
ITEM_ID, TITLE, CANDIDATE, VECTOR = "item_id", "title", "is_candidate", "vector"


class FolderSpec(Spec):
    """The part ``folder`` of ``config.yaml``: what the other files hold."""

    format: int
    schema_version: int
    num_users: int
    """Users of the data set; only dssm has a vector for each."""
    weights: tuple[float, ...] = ()
    """Of a late fusion, one per member."""
    cannot_encode: tuple[str, ...] = ()
    """Why an item that training has not seen has no vector; empty where it has one."""


@dataclass(frozen=True)
class ExportFolder:
    """An export, read but for its weights."""

    path: Path
    config: TrialConfig
    about: FolderSpec
    notes: Mapping[str, Any]
    items: pd.DataFrame
    """The catalogue in its order, by the columns ``item_id`` and ``is_candidate``."""
    vectors_NE: npt.NDArray[np.float32]

    def weights(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose names begin so, by the rest of their names.

        Raises:
            DataError: the file cannot be read.
        """
        path = self.path / WEIGHTS
        try:
            with safe_open(path, framework="pt") as stored:
                names = [name for name in stored.keys() if name.startswith(prefix)]  # noqa: SIM118
                return {name.removeprefix(prefix): stored.get_tensor(name) for name in names}
        except (SafetensorError, OSError) as error:
            raise DataError(f"{path}: cannot be read: {first_line(error)}") from error


def member_prefix(number: int, num_members: int) -> str:
    """How the names of a member's weights begin, and what its folders end in; empty for one."""
    return f"{number}." if num_members > 1 else ""


def encoder_folder(part: str, number: int, num_members: int) -> str:
    """The folder of a part's encoder, like ``text_encoder``, or ``text_encoder_2`` of a member."""
    return f"{part}_encoder" + (f"_{number}" if num_members > 1 else "")


def read_folder(path: Path) -> ExportFolder:
    """Read an export.

    Raises:
        DataError: a file is missing, of another schema, or not what an export writes.
    """
    if missing := [name for name in NEEDED if not (path / name).is_file()]:
        raise DataError(f"{path}: no export: there is no {', no '.join(missing)}")
    plain = _plain(path / CONFIG)
    about, config = _about(path / CONFIG, plain), _config(path / CONFIG, plain)
    items, vectors_NE = _items(path / ITEMS), _vectors(path / VECTORS)
    width = sum(one.model.dim for one in config.parts)
    if vectors_NE.shape != (len(items), width):
        raise DataError(
            f"{path / VECTORS}: shape {vectors_NE.shape}, but {ITEMS} and {CONFIG} say "
            f"({len(items)}, {width})"
        )
    if len(about.weights) != len(config.ensemble):
        raise DataError(
            f"{path / CONFIG}: folder.weights: {len(about.weights)} weights of "
            f"{len(config.ensemble)} members"
        )
    return ExportFolder(path, config, about, plain["export"], items, vectors_NE)


def _plain(path: Path) -> dict[str, Any]:
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        why = getattr(error, "problem", None) or type(error).__name__
        raise DataError(f"{path}: no plain YAML: {why}") from error
    parts = ("export", "folder", "trial")
    if not isinstance(plain, dict) or not all(isinstance(plain.get(p), dict) for p in parts):
        raise DataError(f"{path}: an export has the parts {', '.join(parts)}")
    return plain


def _about(path: Path, plain: Mapping[str, Any]) -> FolderSpec:
    found = plain["folder"]
    for name, known in (("format", FORMAT), ("schema_version", SCHEMA_VERSION)):
        if found.get(name) != known:
            raise DataError(
                f"{path}: folder.{name}: {found.get(name)!r}, this version reads {known}; export "
                "it again from its study"
            )
    return _validated(FolderSpec, path, found, "folder")


def _config(path: Path, plain: Mapping[str, Any]) -> TrialConfig:
    return _validated(TrialConfig, path, plain["trial"], "trial")


def _validated(kind: type[SpecT], path: Path, plain: Any, part: str) -> SpecT:
    try:
        return kind.model_validate_json(json.dumps(plain))
    except (ValidationError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: {part}: {_first(error)}") from error


def _first(error: Exception) -> str:
    """The first fault of a validation, with its place."""
    if not isinstance(error, ValidationError):
        return first_line(error)
    fault = error.errors()[0]
    place = ".".join(map(str, fault["loc"]))
    return f"{place}: {fault['msg']}".removeprefix(": ")


def _items(path: Path) -> pd.DataFrame:
    try:
        items = pd.read_parquet(path, columns=[ITEM_ID, CANDIDATE])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    is_whole = items[ITEM_ID].notna().all() and items[ITEM_ID].is_unique
    if not is_whole or items[CANDIDATE].dtype != bool:
        raise DataError(f"{path}: {ITEM_ID} and {CANDIDATE} are no distinct ids and yes or no")
    return items


def _vectors(path: Path) -> npt.NDArray[np.float32]:
    try:
        vectors_NE = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    if not isinstance(vectors_NE, np.ndarray) or vectors_NE.dtype != np.float32:
        raise DataError(f"{path}: no array of float32")
    return vectors_NE
