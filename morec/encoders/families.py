"""The table of encoder families: which one makes the encoder that a study names."""

from typing import Any

from morec.config import PROCESSING, WORD_ENCODERS, EncoderSpec, VectorsSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.own_vectors import VectorsFamily
from morec.encoders.processing import processed_features
from morec.encoders.tables import FeatureTable
from morec.encoders.weights import image, text
from morec.errors import SpecError
from morec.extensions import Deferred, Table

TRANSFORMER = Deferred[EncoderFamily[Any]]("morec.encoders.text.family", "TRANSFORMER")
WORDS = Deferred[EncoderFamily[Any]]("morec.encoders.text.words", "WORDS")
TIMM = Deferred[EncoderFamily[Any]]("morec.encoders.image.encoder", "TIMM")
OF_TRANSFORMERS = Deferred[EncoderFamily[Any]]("morec.encoders.image.encoder", "OF_TRANSFORMERS")
OWN_VECTORS = VectorsFamily()
ENCODERS: Table[EncoderFamily[Any]] = Table(
    "morec.encoders",
    {
        **dict.fromkeys((*text.PACKAGED, text.TINY_RANDOM), TRANSFORMER),
        **dict.fromkeys(WORD_ENCODERS, WORDS),
        **dict.fromkeys(image.PACKAGED, TIMM),
        image.TINY_RANDOM_MAE: OF_TRANSFORMERS,
    },
)
"""Families by the names of single encoders in ``item.text.name`` and ``item.image.name``.

Folders, names of the model hub and names of timm are not in the table; see ``family_of``.
"""


def family_of(spec: EncoderSpec) -> EncoderFamily[Any]:
    """The family that makes an encoder: the table's, or the one that reads folders and hub names.

    Raises:
        SpecError: an installed family cannot be loaded, or encodes something else.
    """
    if isinstance(spec, VectorsSpec):
        return OWN_VECTORS
    part = spec.part
    family = ENCODERS.get(spec.name)
    if isinstance(family, EncoderFamily) and family.part == part:
        return family
    if family is not None and spec.name not in ENCODERS.own:
        found = getattr(family, "part", None)
        what = f"encodes item.{found}" if found else "is no EncoderFamily"
        raise SpecError(f"item.{part}.name: the installed {spec.name!r} {what}")
    if part == "text":
        return TRANSFORMER.load()
    return (OF_TRANSFORMERS if image.is_of_transformers(spec.name) else TIMM).load()


def weights_hash(spec: EncoderSpec) -> str:
    """Identify the weights an encoder starts from; see ``EncoderFamily.weights_hash``."""
    return family_of(spec).weights_hash(spec)


def encoder_inputs(spec: EncoderSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make what every trial with this encoder reads; see ``EncoderFamily.inputs``.

    Frozen features are processed, if the specification asks for it.
    """
    family = family_of(spec)
    if spec.side is not None:
        family.side_layers(spec)
    raw = family.inputs(spec.model_copy(update=dict(PROCESSING)), dataset, store)
    if not spec.processing:
        return raw
    where = f"item.{family.part}" + f" ({spec.name})" * isinstance(spec, VectorsSpec)
    return processed_features(spec, raw, dataset, store, where=where)


def build_encoder(spec: EncoderSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
    """Build what a trial runs of an encoder; see ``EncoderFamily.build``."""
    if spec.processing:
        return FeatureTable(encoder_inputs(spec, dataset, store).array("features"))
    return family_of(spec).build(spec, dataset, store)
