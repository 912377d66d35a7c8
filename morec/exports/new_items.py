"""Vectors of items that training has not seen, from what a table says of them.

Each item is encoded as the catalogue's were: the saved encoder, frozen; the fitted processing; and
the layers behind it. Shapes: m new items, H encoder width, D width of an item's vector.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from morec.config import EncoderSpec, TextSpec, TrialConfig, VectorsSpec
from morec.config.templates import fill, pieces_of, template_columns
from morec.data.dataset import Dataset
from morec.data.images.sources import ImageSource
from morec.data.titles import read_titles
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder
from morec.encoders.interface import Encoder
from morec.encoders.item import ItemEncoder, assemble_item_encoder
from morec.encoders.processing import Projection, item_chunks, processed
from morec.encoders.saved import saved_spec
from morec.encoders.tables import FeatureTable
from morec.errors import DataError, SpecError
from morec.exports.folder import ITEM_ID, TITLE, VECTOR, ExportFolder, encoder_folder, member_prefix

IMAGE = "image"
"""The column with the path of each item's image."""
_Floats = npt.NDArray[np.float32]


def new_item_vectors(folder: ExportFolder, items: pd.DataFrame) -> _Floats:
    """Encode new items, one a row: (m, E), of a late fusion the members' vectors side by side.

    Every call reads the encoders anew, so give many items at once.

    Raises:
        DataError: the model cannot encode new items, a column is missing, or a value is.
    """
    if folder.about.cannot_encode:
        raise DataError("\n".join(f"{folder.path}: {why}" for why in folder.about.cannot_encode))
    _check(folder.config, items)
    if not len(items):
        return np.zeros((0, folder.vectors_NE.shape[1]), np.float32)
    with TemporaryDirectory(prefix="morec-") as scratch:
        store = ArtefactStore(Path(scratch))
        members = range(1, len(folder.config.parts) + 1)
        vectors = [_Member(folder, number, items, store).vectors_mD() for number in members]
    return np.concatenate(vectors, axis=1)


def needed_columns(config: TrialConfig) -> tuple[str, ...]:
    """The columns that a table of new items must have: ``item_id``, and what the arm reads."""
    columns = [ITEM_ID]
    for member in config.parts:
        for part, spec in member.item.modalities.items():
            columns += _columns_of(part, spec, member)
    return tuple(dict.fromkeys(columns))


def _columns_of(part: str, spec: EncoderSpec, config: TrialConfig) -> tuple[str, ...]:
    if isinstance(spec, TextSpec):
        return template_columns(spec.template) or (TITLE,)
    if isinstance(spec, VectorsSpec):
        return (VECTOR if len(config.item.vectors) == 1 else part,)
    return (IMAGE,)


def _check(config: TrialConfig, items: pd.DataFrame) -> None:
    needed, found = needed_columns(config), [str(column) for column in items.columns]
    if lacking := [name for name in needed if name not in found]:
        raise DataError(
            f"items: no column {', no column '.join(lacking)}; needed: {', '.join(needed)}; "
            f"found: {', '.join(found)}"
        )
    for name in (ITEM_ID, *(n for n in (IMAGE, VECTOR) if n in needed)):
        if num := int(items[name].isna().sum()):
            raise DataError(f"items: {num:,} of {len(items):,} have no {name}")


class _Member:
    """One recommender's item encoder over new items."""

    def __init__(
        self, folder: ExportFolder, number: int, items: pd.DataFrame, store: ArtefactStore
    ) -> None:
        self._count = len(folder.config.parts)
        self._config = folder.config.parts[number - 1]
        self._folder, self._number = folder, number
        self._items, self._store = items, store
        self._prefix = member_prefix(number, self._count)

    @torch.no_grad()
    def vectors_mD(self) -> _Floats:
        """The items' vectors, in evaluation mode."""
        count, encoder = len(self._items), self._assembled()
        stored = self._folder.weights(f"{self._prefix}item_encoder.")
        try:
            encoder.load_state_dict(stored)
        except RuntimeError as error:
            raise DataError(
                f"{self._folder.path}: the weights do not fit: {' '.join(str(error).split())}"
            ) from error
        vectors = [
            encoder.eval()(torch.arange(rows.start, min(rows.stop, count)) + 1)
            for rows in item_chunks(count)
        ]
        found: _Floats = torch.cat(vectors).numpy()
        return found

    def _assembled(self) -> ItemEncoder:
        config = self._config
        try:
            with torch.random.fork_rng(devices=[]):
                return assemble_item_encoder(
                    config.item,
                    len(self._items),
                    config.model.dim,
                    config.model.dropout,
                    self._encoder,
                )
        except SpecError as error:  # The configuration was changed, or not the encoder's any more.
            raise DataError(f"{self._folder.path}: {error}") from error

    def _encoder(self, part: str) -> Encoder:
        """The features of a part, as the layers behind it read them."""
        spec = self._config.item.modalities[part]
        if isinstance(spec, VectorsSpec):
            (column,) = _columns_of(part, spec, self._config)
            raw: Encoder = FeatureTable(_stacked(self._items[column], column))
        else:
            place = self._folder.path / encoder_folder(part, self._number, self._count)
            raw = self._built(spec, place)
        if not spec.processing:
            return raw
        features = raw(torch.arange(len(self._items))).numpy()
        projection = self._projection(part)
        try:
            return FeatureTable(processed(features, projection, spec).astype(np.float32))
        except ValueError as error:
            raise DataError(f"items: {part}: {features.shape[1]} numbers wide: {error}") from error

    def _built(self, spec: EncoderSpec, place: Path) -> Encoder:
        if not place.is_dir():
            raise DataError(f"{self._folder.path}: there is no {place.name}")
        return build_encoder(saved_spec(spec, place), self._dataset(spec), self._store)

    def _projection(self, part: str) -> Projection | None:
        fitted: Mapping[str, Tensor] = self._folder.weights(f"{self._prefix}features.{part}.")
        return (fitted["mean"].numpy(), fitted["matrix"].numpy()) if fitted else None

    def _dataset(self, spec: EncoderSpec) -> Dataset:
        """The new items as a data set without users: what an encoder's family reads."""
        names = tuple(map(str, self._items[ITEM_ID]))
        is_text = isinstance(spec, TextSpec)
        return Dataset(
            name="the new items",
            kind=self._config.dataset.kind,
            is_synthetic=False,
            sha256="",
            num_users=0,
            num_items=len(names),
            max_seq_len=self._config.dataset.max_seq_len,
            offsets_U1=np.zeros(1, np.int64),
            item_ids=np.zeros(0, np.int32),
            counts={},
            item_names=names,
            titles=_texts(spec, self._items, self._config) if isinstance(spec, TextSpec) else None,
            images=None if is_text else _images(self._items),
        )


def _texts(spec: TextSpec, items: pd.DataFrame, config: TrialConfig) -> tuple[str, ...]:
    """What an encoder reads of each item, before its prompt: as of the catalogue's items."""
    names = template_columns(spec.template) or (TITLE,)
    columns = {}
    for name in names:
        column = items[name]
        values = [
            "" if empty else str(one) for one, empty in zip(column, column.isna(), strict=True)
        ]
        columns[name] = read_titles(config.dataset, values).titles
    if spec.template is None:
        return columns[TITLE]
    pieces = pieces_of(spec.template)
    return tuple(
        fill(pieces, lambda name, row=row: columns[name][row])  # type: ignore[misc]
        for row in range(len(items))
    )


def _images(items: pd.DataFrame) -> ImageSource:
    keys = tuple(str(Path(path).absolute()) for path in items[IMAGE])
    return ImageSource("files", Path("/"), keys)


def _stacked(vectors: pd.Series, column: str) -> _Floats:
    try:
        stacked = np.stack([np.asarray(one, np.float32) for one in vectors])
    except (TypeError, ValueError) as error:
        raise DataError(f"items: {column}: no lists of numbers of one length: {error}") from error
    if stacked.ndim != 2 or not np.isfinite(stacked).all():
        raise DataError(f"items: {column}: no lists of finite numbers")
    return stacked
