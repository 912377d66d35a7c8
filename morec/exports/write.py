"""Writes a trained trial into a folder that needs no study: ``morec.Recommender`` reads it.

Shapes: N items, E width of a vector (of a late fusion, the members' side by side).
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from morec.config import SCHEMA_VERSION, ItemSpec
from morec.data.dataset import Dataset
from morec.data.splits import is_candidate_N1
from morec.encoders.interface import Encoder
from morec.encoders.item import after_second_rounds
from morec.encoders.saved import is_saved, projection_of, save_encoder, why_no_new_items
from morec.errors import DataError, SpecError
from morec.exports.folder import (
    CANDIDATE,
    CONFIG,
    FORMAT,
    ITEM_ID,
    ITEMS,
    TITLE,
    VECTOR,
    VECTORS,
    VECTORS_TABLE,
    WEIGHTS,
    FolderSpec,
    encoder_folder,
    member_prefix,
)
from morec.exports.trained import TrainedTrial
from morec.late_fusion import FusedRecommender
from morec.models.recommender import Recommender
from morec.results import write_atomically

ExportNotes: TypeAlias = Mapping[str, Any]
"""Where the model comes from, as JSON values: study, arm, seed, trial, data, versions, metrics."""


def write_export(folder: Path, trial: TrainedTrial, notes: ExportNotes) -> None:
    """Write everything but ``README.md`` into a folder that does not exist yet.

    It is made whole or not at all: in a folder beside it, which is then renamed.

    Raises:
        DataError: there is something at ``folder``.
    """
    folder = folder.absolute()
    if folder.exists():
        raise DataError(f"{folder}: exists; an export overwrites nothing, so name another folder")
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write(partial, trial, notes)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(folder: Path, trial: TrainedTrial, notes: ExportNotes) -> None:
    is_candidate_N = is_candidate_N1(trial.dataset, trial.config.evaluation.candidates)[1:]
    _write_items(folder / ITEMS, trial.dataset, is_candidate_N)
    _write_vectors(folder, trial, is_candidate_N)
    weights: dict[str, Tensor] = {}
    problems: list[str] = []
    for number in range(1, len(trial.recommenders) + 1):
        weights |= _write_member(folder, trial, number, problems)
    save_file(weights, folder / WEIGHTS)
    about = FolderSpec(
        format=FORMAT,
        schema_version=SCHEMA_VERSION,
        num_users=trial.dataset.num_users,
        weights=trial.weights,
        cannot_encode=tuple(problems),
    )
    content = {
        "export": dict(notes),
        "folder": about.model_dump(mode="json"),
        "trial": trial.config.model_dump(mode="json"),
    }
    # Through JSON, so that only plain values are written.
    plain = json.loads(json.dumps(content))
    write_atomically(folder / CONFIG, yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def _write_items(path: Path, dataset: Dataset, is_candidate_N: npt.NDArray[np.bool_]) -> None:
    texts = {} if dataset.titles is None else {TITLE: dataset.titles}
    columns = {**texts, **dataset.columns}
    ids = [dataset.name_of(item) for item in range(1, dataset.num_items + 1)]
    table = {ITEM_ID: pa.array(ids, pa.string()), CANDIDATE: pa.array(is_candidate_N)}
    table |= {n: pa.array(list(v), pa.string()) for n, v in columns.items() if n not in table}
    pq.write_table(pa.table(table), path)


def _write_vectors(folder: Path, trial: TrainedTrial, is_candidate_N: npt.NDArray[Any]) -> None:
    """The catalogue's vectors_NE, as the sealed evaluation scores them."""
    model = trial.recommenders[0]
    device = next(model.parameters()).device
    if trial.weights:
        is_candidate = torch.from_numpy(is_candidate_N).to(device)
        model = FusedRecommender(trial.recommenders, is_candidate)
    vectors_NE = model.eval().encode_catalogue()[1:].cpu().contiguous().numpy()
    np.save(folder / VECTORS, vectors_NE, allow_pickle=False)
    ids = [trial.dataset.name_of(item) for item in range(1, len(vectors_NE) + 1)]
    flat, width = pa.array(vectors_NE.ravel()), vectors_NE.shape[1]
    vectors = pa.FixedSizeListArray.from_arrays(flat, width)
    pq.write_table(
        pa.table({ITEM_ID: pa.array(ids, pa.string()), VECTOR: vectors}), folder / VECTORS_TABLE
    )


def _write_member(
    folder: Path, trial: TrainedTrial, number: int, problems: list[str]
) -> dict[str, Tensor]:
    """Write a member's encoders; return its other weights, and add why items are not encoded."""
    config, count = trial.config.parts[number - 1], len(trial.recommenders)
    recommender = trial.recommenders[number - 1]
    item = after_second_rounds(config.item, trial.dataset, trial.store)
    where = f"member {number}: " if count > 1 else ""
    problems += [f"{where}{problem}" for problem in why_no_new_items(config.item)]
    saved = []
    for name, spec in item.modalities.items():
        if not is_saved(spec):
            continue
        target = folder / encoder_folder(name, number, count)
        encoder = _encoder_of(recommender, name)
        try:
            save_encoder(spec, encoder, dataset=trial.dataset, store=trial.store, folder=target)
            saved.append(name)
        except SpecError as error:
            problems.append(f"{where}{error}")
    weights = _weights_of(recommender, saved) | _projections(trial, item)
    prefix = member_prefix(number, count)
    return {f"{prefix}{name}": tensor for name, tensor in weights.items()}


def _encoder_of(recommender: Recommender, part: str) -> Encoder:
    return cast(Encoder, recommender.item_encoder.parts[part].encoder)


def _weights_of(recommender: Recommender, saved: list[str]) -> dict[str, Tensor]:
    """Everything that trains, but for encoders that have folders of their own."""
    beside = tuple(f"item_encoder.parts.{part}.encoder." for part in saved)
    state = recommender.state_dict().items()
    kept = {name: tensor for name, tensor in state if not name.startswith(beside or ("\0",))}
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in kept.items()}


def _projections(trial: TrainedTrial, item: ItemSpec) -> dict[str, Tensor]:
    """What was fitted to process features, in fp64."""
    found: dict[str, Tensor] = {}
    for name, spec in item.modalities.items():
        fitted = projection_of(spec, trial.dataset, trial.store, where=f"item.{name}")
        if fitted is not None:
            mean_H, matrix_HD = (torch.from_numpy(np.ascontiguousarray(one)) for one in fitted)
            found |= {f"features.{name}.mean": mean_H, f"features.{name}.matrix": matrix_HD}
    return found
