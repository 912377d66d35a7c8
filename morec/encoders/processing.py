"""Frozen features as trials read them: ``pca``, ``whiten``, ``normalize``, whatever made them.

What is fitted is fitted on the train items alone. Whitening is ZCA, as in WhitenRec (Zhang et al.
2024, arXiv 2402.10602): with the covariance V diag(s^2) V^T of the train items, x becomes
(x - mean) V diag(1 / s) V^T. After ``pca`` the covariance is diagonal, and V drops out. Directions
in which the train items do not differ (s is at most ``NO_SPREAD`` times H times the largest) are
left out: dividing by next to nothing would make noise of them. Computed in fp64.
Shapes: N items, H encoder width, D width of the processed features, m items of a chunk.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from morec.config import FeaturesSpec
from morec.data.dataset import Dataset
from morec.data.splits import train_popularity_N1
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import COUNTS, counts_of
from morec.errors import SpecError
from morec.results import write_atomically

CHUNK = 4096
NO_SPREAD = float(np.finfo(np.float32).eps)
_Floats = npt.NDArray[np.float64]
_Features = npt.NDArray[np.float32]
Projection = tuple[_Floats, _Floats]
"""The mean_H to subtract and the matrix_HD to multiply with."""


def processed_features(
    spec: FeaturesSpec, raw: Artefact, dataset: Dataset, store: ArtefactStore, *, where: str
) -> Artefact:
    """Find or make the features that a specification asks for, from those of its encoder.

    ``where`` begins the paths of errors: ``item.text``.

    Raises:
        SpecError: the train items differ in fewer directions than ``pca`` keeps, or in none.
    """
    is_train_N = train_popularity_N1(dataset)[1:] > 0
    key = {
        "features": raw.path.name,
        "train_items": hashlib.sha256(np.packbits(is_train_N).tobytes()).hexdigest(),
        **spec.processing,
    }

    def make(folder: Path) -> None:
        projection, counts = fitted_projection(spec, raw, dataset, where=where)
        _write(raw.array("features"), projection, folder / "features.npy", spec)
        write_atomically(folder / COUNTS, json.dumps({**counts_of(raw), **counts}))

    return store.get_or_make("processed-features", key, make)


def fitted_projection(
    spec: FeaturesSpec, raw: Artefact, dataset: Dataset, *, where: str
) -> tuple[Projection | None, Mapping[str, int]]:
    """What ``pca`` and ``whiten`` do to features, fitted again, and what was counted.

    None where neither is asked for. Raises as ``processed_features`` does.
    """
    if spec.pca is None and not spec.whiten:
        return None, {}
    is_train_N = train_popularity_N1(dataset)[1:] > 0
    fitted = Fitted(raw.array("features"), is_train_N, where=where)
    return fitted.projection(spec, where=where), fitted.counts


def processed(features_mH: _Features, projection: Projection | None, spec: FeaturesSpec) -> _Floats:
    """Process the features of some items, with a projection of ``fitted_projection``: (m, D)."""
    chunk = features_mH.astype(np.float64)
    if projection is not None:
        chunk = (chunk - projection[0]) @ projection[1]
    if spec.normalize:
        lengths_m1 = np.linalg.norm(chunk, axis=1, keepdims=True)
        chunk = chunk / np.where(lengths_m1 > 0, lengths_m1, 1)
    return chunk


class Fitted:
    """Mean and principal components of the train items' features."""

    def __init__(
        self, features_NH: _Features, is_train_N: npt.NDArray[np.bool_], *, where: str
    ) -> None:
        axes = principal_axes(features_NH, np.flatnonzero(is_train_N))
        self.mean_H, spreads_H, axes_HH = axes
        self.rank = int((spreads_H > NO_SPREAD * len(spreads_H) * spreads_H[0]).sum())
        if not self.rank:
            raise SpecError(f"{where}: the features of all train items are equal")
        self.spreads_R = spreads_H[: self.rank]
        self.axes_HR = axes_HH[:, : self.rank]
        self.counts = {
            "train_items_fitted": int(is_train_N.sum()),
            "directions": self.rank,
            "directions_without_spread": len(spreads_H) - self.rank,
        }

    def projection(self, spec: FeaturesSpec, *, where: str) -> Projection:
        """The mean_H to subtract and the matrix_HD to multiply with."""
        if spec.pca is None:
            return self.mean_H, (self.axes_HR / self.spreads_R) @ self.axes_HR.T
        if spec.pca > self.rank:
            raise SpecError(
                f"{where}.pca: {spec.pca}, but the features of the "
                f"{self.counts['train_items_fitted']:,} train items differ in {self.rank} "
                f"directions; allowed: 1 to {self.rank}"
            )
        axes_HD = self.axes_HR[:, : spec.pca]
        return self.mean_H, axes_HD / self.spreads_R[: spec.pca] if spec.whiten else axes_HD


def principal_axes(
    features_NH: _Features, rows_M: npt.NDArray[np.int64]
) -> tuple[_Floats, _Floats, _Floats]:
    """Mean_H, spreads_H and axes_HH of some rows, from the largest spread to the smallest.

    A spread is a standard deviation. The largest number of each axis (a column) is positive.
    """
    mean_H, covariance_HH = _moments(features_NH, rows_M)
    variances_H, axes_HH = np.linalg.eigh(covariance_HH)
    return mean_H, np.sqrt(np.maximum(variances_H[::-1], 0)), _oriented(axes_HH[:, ::-1])


def _moments(features_NH: _Features, rows_M: npt.NDArray[np.int64]) -> tuple[_Floats, _Floats]:
    """Mean and covariance (divided by the number of items) of some rows."""
    width = features_NH.shape[1]
    total_H, products_HH = np.zeros(width), np.zeros((width, width))
    chunks = [rows_M[first : first + CHUNK] for first in range(0, len(rows_M), CHUNK)]
    for rows in chunks:
        total_H += features_NH[rows].sum(0, dtype=np.float64)
    mean_H = total_H / len(rows_M)
    for rows in chunks:
        centred_mH = features_NH[rows] - mean_H
        products_HH += centred_mH.T @ centred_mH
    return mean_H, products_HH / len(rows_M)


def _oriented(axes_HR: _Floats) -> _Floats:
    """The axes with the sign that makes the largest number of each positive."""
    largest_R = np.abs(axes_HR).argmax(0)
    signs_R = np.sign(axes_HR[largest_R, np.arange(axes_HR.shape[1])])
    oriented_HR: _Floats = axes_HR * signs_R
    return oriented_HR


def _write(
    features_NH: _Features, projection: Projection | None, path: Path, spec: FeaturesSpec
) -> None:
    """Write the processed_ND, chunk by chunk."""
    width = features_NH.shape[1] if projection is None else projection[1].shape[1]
    shape = (len(features_NH), width)
    written = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    for rows in item_chunks(len(features_NH)):
        written[rows] = processed(features_NH[rows], projection, spec)
    written.flush()


def item_chunks(num_items: int) -> Iterator[slice]:
    """All rows in order, ``CHUNK`` at a time."""
    yield from (slice(first, first + CHUNK) for first in range(0, num_items, CHUNK))
