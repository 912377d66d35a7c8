"""The folder of an export: its files, and reading them without trust.

``config.yaml`` has three parts: ``export`` (where the model comes from), ``folder`` (what the files
hold) and ``trial`` (the configuration). Nothing that is read can run code: safetensors, Parquet,
``.npy`` without objects, and plain YAML. No size is believed before the files bear it out. Shapes:
N items, E width of a vector.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from torch import Tensor

from morec.config import SCHEMA_VERSION, Spec, TrialConfig
from morec.data.files.arrays import load_array
from morec.data.files.delimited import READ_ERRORS
from morec.errors import DataError, first_line

SpecT = TypeVar("SpecT", bound=Spec)
FORMAT = 1
"""Version of the folder: raise it when the meaning of a file changes."""
CONFIG, WEIGHTS = "config.yaml", "weights.safetensors"
ITEMS, VECTORS, VECTORS_TABLE = "items.parquet", "item_vectors.npy", "item_vectors.parquet"
NEEDED = (CONFIG, WEIGHTS, ITEMS, VECTORS)
"""What a recommender is read from; the rest is for other tools, and for new items."""
ITEM_ID, TITLE, CANDIDATE, VECTOR = "item_id", "title", "is_candidate", "vector"
MAX_CONFIG_BYTES = 1_000_000
MAX_LENGTH = 100_000
"""Items of a history that a model may be said to read; batches are made as long."""
DEPTHS = frozenset({"num_blocks", "mlp_layers", "dnn_layers", "fusion_layers"})
"""Options that say how many layers there are, each of which has weights."""


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
                found = {name.removeprefix(prefix): stored.get_tensor(name) for name in names}
        except (SafetensorError, OSError, RuntimeError, ValueError, MemoryError) as error:
            raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
        for name, tensor in found.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor.float()).all()):
                raise DataError(f"{path}: {prefix}{name}: holds numbers that are not finite")
        return found


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
    stored_NE, num_items = _vectors(path / VECTORS), _num_rows(path / ITEMS)
    width = sum(one.model.dim for one in config.parts)
    if stored_NE.shape != (num_items, width):
        raise DataError(
            f"{path / VECTORS}: shape {stored_NE.shape}, but {ITEMS} and {CONFIG} say "
            f"({num_items}, {width})"
        )
    vectors_NE = np.array(stored_NE)
    if not np.isfinite(vectors_NE).all():
        raise DataError(f"{path / VECTORS}: holds numbers that are not finite")
    items = _items(path / ITEMS)
    if len(about.weights) != len(config.ensemble):
        raise DataError(
            f"{path / CONFIG}: folder.weights: {len(about.weights)} weights of "
            f"{len(config.ensemble)} members"
        )
    _check_sizes(path, plain["trial"], config)
    return ExportFolder(path, config, about, plain["export"], items, vectors_NE)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without aliases, a few of which may stand for any number of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse an alias; exports have none."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read")
        return super().compose_node(parent, index)


_YAML_ERRORS = (
    *(yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError),
    *(RecursionError, OverflowError),
)
"""What PyYAML raises for text that is none, and for values that are not of their tag."""


def _plain(path: Path) -> dict[str, Any]:
    try:
        if (size := path.stat().st_size) > MAX_CONFIG_BYTES:
            raise DataError(f"{path}: has {size:,} bytes; at most {MAX_CONFIG_BYTES:,} are read")
        plain = _Loader(path.read_text(encoding="utf-8")).get_single_data()
    except DataError:
        raise
    except (OSError, *_YAML_ERRORS) as error:
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


def _check_sizes(path: Path, plain: Any, config: TrialConfig) -> None:
    """Refuse sizes that no file bears out, before a model of that size is made."""
    lengths = [one.dataset.max_seq_len for one in config.parts]
    if (length := max(lengths)) > MAX_LENGTH:
        raise DataError(f"{path / CONFIG}: max_seq_len: {length}; at most {MAX_LENGTH:,} are read")
    try:
        with safe_open(path / WEIGHTS, framework="pt") as stored:
            num_tensors = len(stored.keys())
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path / WEIGHTS}: cannot be read: {first_line(error)}") from error
    for name, depth in _depths(plain):
        if depth > num_tensors:
            raise DataError(
                f"{path / CONFIG}: {name}: {depth}; the {num_tensors} weights do not fit"
            )


def _depths(plain: Any) -> Iterator[tuple[str, int]]:
    """Every number of layers in a configuration, wherever it stands."""
    inner = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else ()
    if isinstance(plain, dict):
        found = ((name, plain[name]) for name in DEPTHS & plain.keys())
        yield from ((name, depth) for name, depth in found if isinstance(depth, int))
    for one in inner:
        yield from _depths(one)


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


_PARQUET_ERRORS = (*READ_ERRORS, ValueError, MemoryError)


def _num_rows(path: Path) -> int:
    """Rows of a Parquet file as its end says, which costs nothing to read."""
    try:
        return int(pq.read_metadata(path).num_rows)
    except _PARQUET_ERRORS as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error


def _items(path: Path) -> pd.DataFrame:
    try:
        table = pq.read_table(path, columns=[ITEM_ID, CANDIDATE])
        names, is_candidate = table[ITEM_ID], table[CANDIDATE]
        is_text = pa.types.is_string(names.type) or pa.types.is_large_string(names.type)
        is_whole = (
            is_text and pa.types.is_boolean(is_candidate.type) and not is_candidate.null_count
        )
        items = table.to_pandas(ignore_metadata=True)
    except (*_PARQUET_ERRORS, KeyError) as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    if not (is_whole and items[ITEM_ID].notna().all() and items[ITEM_ID].is_unique):
        raise DataError(f"{path}: {ITEM_ID} and {CANDIDATE} are no distinct ids and yes or no")
    return items


def _vectors(path: Path) -> npt.NDArray[np.float32]:
    """Memory-map the vectors, so that the file has as many numbers as it says."""
    try:
        vectors_NE = load_array(path, "r")
    except DataError as error:
        raise DataError(f"{path}: cannot be read: {first_line(error)}") from error
    if vectors_NE.dtype != np.float32:
        raise DataError(f"{path}: no array of float32")
    return vectors_NE
