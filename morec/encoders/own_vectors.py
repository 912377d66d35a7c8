"""Own vectors of items: ``item.vectors``, read once, aligned by item id, and frozen.

Shapes: N items, row r = item r + 1; H width.
"""

import hashlib
import json
from pathlib import Path

import numpy as np

from morec.config import VectorsSpec, canonical_json
from morec.data.dataset import Dataset
from morec.data.files.vectors import VectorFile
from morec.data.item_vectors import write_aligned
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import COUNTS
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.tables import FeatureTable
from morec.encoders.weights.files import cached_sha256
from morec.errors import DataError
from morec.results import write_atomically


class VectorsFamily(EncoderFamily[VectorsSpec]):
    """Vectors in files of the user's own."""

    part = "vectors"

    def weights_hash(self, spec: VectorsSpec) -> str:
        """Identify the content of the file, and of the file of ids if there is one."""
        files = _file_of(spec).files
        if lacking := [str(path.absolute()) for path in files if not path.is_file()]:
            raise DataError(f"item.vectors: there is no file {' and no file '.join(lacking)}")
        hashes = [cached_sha256(path) for path in files]
        return (
            hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
        )

    def inputs(self, spec: VectorsSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or make the vectors of the items, (N, H)."""
        names = [dataset.name_of(item) for item in range(1, dataset.num_items + 1)]
        key = {
            "vectors": self.weights_hash(spec),
            "items": hashlib.sha256(canonical_json(names).encode()).hexdigest(),
            "column": spec.column,
            # Of an array the hash names the file of ids.
            "ids": None if spec.is_array else spec.ids,
        }

        def make(folder: Path) -> None:
            try:
                counts = write_aligned(_file_of(spec), names, folder / "features.npy")
            except DataError as error:
                raise DataError(
                    f"item.vectors: {error}".replace("\n", "\nitem.vectors: ")
                ) from error
            write_atomically(folder / COUNTS, json.dumps(counts))

        return store.get_or_make("features", key, make)

    def build(self, spec: VectorsSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        """Build the table of the vectors."""
        return FeatureTable(self.inputs(spec, dataset, store).array("features"))

    def blank(self, spec: VectorsSpec) -> Encoder | None:
        """A table of one item as wide as the file says, if it is there."""
        try:
            width = _file_of(spec).width()
        except (DataError, OSError):
            return None
        return FeatureTable(np.zeros((1, width), np.float32)) if width else None


def _file_of(spec: VectorsSpec) -> VectorFile:
    return VectorFile(Path(spec.file), spec.ids, spec.column)
