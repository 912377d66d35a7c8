"""What ID vectors start from, if not at random: principal components of frozen features.

The components do not depend on ``model.dim``, of which a trial takes the first: they are an
artefact that many trials share. Shapes: N items (row r = item r + 1), H encoder width.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from morec.config import IdInitSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_popularity_N1
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs
from morec.encoders.frozen import ENCODE_ITEMS
from morec.encoders.interface import Encoder
from morec.encoders.processing import item_chunks, principal_axes
from morec.encoders.tables import FeatureTable
from morec.errors import DataError, SpecError


def start_inputs(
    spec: IdInitSpec, dataset: Dataset, store: ArtefactStore
) -> tuple[Artefact, Artefact]:
    """Find or make the encoder's features, and their principal components.

    Raises:
        DataError: weights, titles or images cannot be had, or no item has a train interaction.
        SpecError: the encoder cannot do what is asked.
    """
    with _named_by_place(spec):
        features = encoder_inputs(spec.encoder, dataset, store)
        encoder = build_encoder(spec.encoder, dataset, store).eval()
    is_trained_N = train_popularity_N1(dataset)[1:] > 0
    digest = hashlib.sha256(is_trained_N.tobytes()).hexdigest()

    def make(folder: Path) -> None:
        np.save(folder / "components.npy", components(encoder, is_trained_N))

    key = {"features": features.path.name, "trained_items": digest}
    return features, store.get_or_make("components", key, make)


def start_encoder(spec: IdInitSpec, dataset: Dataset, store: ArtefactStore) -> FeatureTable:
    """The components of every item as a table, over the artefact of ``start_inputs``."""
    return FeatureTable(start_inputs(spec, dataset, store)[1].array("components"))


def components(encoder: Encoder, is_trained_N: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """All items' principal components (N, H), of the items with a train interaction alone.

    Components come in the order of their variance among those items, and their signs are such
    that the largest weight of each is positive. Computed in fp64.

    Raises:
        DataError: no item has a train interaction.
    """
    num_trained = int(is_trained_N.sum())
    if num_trained == 0:
        raise DataError("item.id_init: no item has a train interaction, so none has components")
    features_NH = _features_of(encoder, len(is_trained_N))
    mean_H, _, axes_HH = principal_axes(features_NH, np.flatnonzero(is_trained_N))
    chunks = (features_NH[rows] for rows in item_chunks(len(features_NH)))
    return np.concatenate([((chunk - mean_H) @ axes_HH).astype(np.float32) for chunk in chunks])


@torch.no_grad()
def _features_of(encoder: Encoder, num_items: int) -> npt.NDArray[np.float32]:
    """The features of all items, (N, H), encoded batch by batch."""
    batches = torch.split(torch.arange(num_items), ENCODE_ITEMS)
    features_NH: npt.NDArray[np.float32] = torch.cat([encoder(rows) for rows in batches]).numpy()
    return features_NH


@contextmanager
def _named_by_place(spec: IdInitSpec) -> Iterator[None]:
    """Errors of the encoder's family name it where it stands in the item."""
    part = spec.encoder.part
    try:
        yield
    except (SpecError, DataError) as error:
        raise type(error)(str(error).replace(f"item.{part}", f"item.id_init.{part}")) from error
