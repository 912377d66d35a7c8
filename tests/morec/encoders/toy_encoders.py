"""A family of text encoders as an installed package has it: hashed bags of words."""

import zlib
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import frozen_randomness, write_features
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.tables import FeatureTable
from morec.encoders.weights.files import random_hash
from morec.errors import SpecError

BUCKETS, WIDTH = 64, 8


class BagOfWords(Encoder):
    """A linear layer over how often a title's words fall into each bucket."""

    dim = WIDTH

    def __init__(self, bags: FeatureTable) -> None:
        super().__init__()
        self.bags = bags
        self.project = nn.Linear(BUCKETS, WIDTH)

    def forward(self, rows_N: Tensor) -> Tensor:
        return self.project(self.bags(rows_N))

    def encode_padded_item(self) -> Tensor:
        return self.project(self.bags.encode_padded_item())


class BagFamily(EncoderFamily[TextSpec]):
    part = "text"

    def weights_hash(self, spec: TextSpec) -> str:
        if spec.pretrained or spec.trainable_layers not in (0, "all"):
            raise SpecError(f"item.text: {spec.name!r} starts from scratch and has one layer")
        return random_hash({"buckets": BUCKETS, "width": WIDTH})

    def inputs(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        key = {"titles": list(dataset.titles or ()), "weights": self.weights_hash(spec)}

        def make_bags(folder: Path) -> None:
            np.save(folder / "bags.npy", bags_of(dataset.titles or ()))

        bags = store.get_or_make("toy-bags", key, make_bags)
        if spec.trainable_layers == "all":
            return bags

        def make_features(folder: Path) -> None:
            with frozen_randomness():
                encoder = BagOfWords(FeatureTable(bags.array("bags")))
            write_features(encoder, dataset.num_items, folder)

        return store.get_or_make("toy-features", key, make_features)

    def build(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        inputs = self.inputs(spec, dataset, store)
        if spec.trainable_layers == 0:
            return FeatureTable(inputs.array("features"))
        return BagOfWords(FeatureTable(inputs.array("bags")))

    def blank(self, spec: TextSpec) -> Encoder:
        return BagOfWords(FeatureTable(np.zeros((1, BUCKETS), np.float32)))

    def input_bytes(self, spec: TextSpec) -> int:
        return 4 * BUCKETS


def bags_of(titles: tuple[str, ...]) -> np.ndarray:
    """How many words of each title fall into each bucket, (N, BUCKETS)."""
    buckets = [[zlib.crc32(word.encode()) % BUCKETS for word in title.split()] for title in titles]
    counts = [np.bincount(row, minlength=BUCKETS) for row in buckets]
    return np.stack(counts).astype(np.float32)


FAMILY = BagFamily()
