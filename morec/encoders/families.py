"""The table of encoder families: which one makes the encoder that a study names."""

from typing import Any

from morec.config import WORD_ENCODERS, ImageSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.image.encoder import TimmFamily, TransformersFamily
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.text.encoder import TransformerFamily
from morec.encoders.text.words import WordFamily
from morec.encoders.weights import image, text
from morec.errors import SpecError
from morec.extensions import Table

TRANSFORMER, WORDS = TransformerFamily(), WordFamily()
TIMM, OF_TRANSFORMERS = TimmFamily(), TransformersFamily()
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


def family_of(spec: TextSpec | ImageSpec) -> EncoderFamily[Any]:
    """The family that makes an encoder: the table's, or the one that reads folders and hub names.

    Raises:
        SpecError: an installed family cannot be loaded, or encodes something else.
    """
    part = spec.part
    family = ENCODERS.get(spec.name)
    if isinstance(family, EncoderFamily) and family.part == part:
        return family
    if family is not None and spec.name not in ENCODERS.own:
        found = getattr(family, "part", None)
        what = f"encodes item.{found}" if found else "is no EncoderFamily"
        raise SpecError(f"item.{part}.name: the installed {spec.name!r} {what}")
    if part == "text":
        return TRANSFORMER
    return OF_TRANSFORMERS if image.is_of_transformers(spec.name) else TIMM


def weights_hash(spec: TextSpec | ImageSpec) -> str:
    """Identify the weights an encoder starts from; see ``EncoderFamily.weights_hash``."""
    return family_of(spec).weights_hash(spec)


def encoder_inputs(spec: TextSpec | ImageSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or make what every trial with this encoder reads; see ``EncoderFamily.inputs``."""
    family = family_of(spec)
    if spec.side is not None:
        family.side_layers(spec)
    return family.inputs(spec, dataset, store)


def build_encoder(spec: TextSpec | ImageSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
    """Build what a trial runs of an encoder; see ``EncoderFamily.build``."""
    return family_of(spec).build(spec, dataset, store)
