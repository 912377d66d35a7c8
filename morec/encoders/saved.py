"""Encoders of a trained trial in folders of their own: written, and read again without a study.

A saved encoder is read as a frozen one, whatever trained of it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from morec.config import PROCESSING, EncoderSpec, ItemSpec, VectorsSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.controls import RedirectedEncoder
from morec.encoders.families import family_of
from morec.encoders.interface import Encoder
from morec.encoders.processing import Projection, fitted_projection

_FROZEN: dict[str, Any] = {
    "pretrained": True,
    "trainable_layers": 0,
    "lora": None,
    "second_round": None,
    "control": None,
    **PROCESSING,
}
_AS_THE_FOLDER_SAYS: dict[str, Any] = {
    "num_layers": "all",
    "pooling": "own",
    "lowercase": None,
    "prompt": None,
    "prompt_name": None,
    # The template is filled before, since its columns are not those of a data set.
    "template": None,
}


def save_encoder(
    spec: EncoderSpec, encoder: Encoder, *, dataset: Dataset, store: ArtefactStore, folder: Path
) -> None:
    """Write a trial's encoder; see ``EncoderFamily.save``, also for what is raised."""
    if isinstance(encoder, RedirectedEncoder):
        encoder = encoder.encoder
    plain = spec.model_copy(update=dict(PROCESSING))
    family_of(spec).save(plain, encoder, dataset=dataset, store=store, folder=folder)


def saved_spec(spec: EncoderSpec, folder: Path) -> EncoderSpec:
    """What reads an item's content with the encoder that ``save_encoder`` wrote.

    Features come out as the encoder gives them, before they are processed.
    """
    update = {"name": str(folder), **_FROZEN}
    return spec.model_copy(update=update | (_AS_THE_FOLDER_SAYS if spec.part == "text" else {}))


def projection_of(
    spec: EncoderSpec, dataset: Dataset, store: ArtefactStore, *, where: str
) -> Projection | None:
    """What ``pca`` and ``whiten`` do to a part's features; None where neither is asked for."""
    if not spec.processing:
        return None
    raw = family_of(spec).inputs(spec.model_copy(update=dict(PROCESSING)), dataset, store)
    return fitted_projection(spec, raw, dataset, where=where)[0]


def why_no_new_items(item: ItemSpec) -> Iterator[str]:
    """Why an item that training has not seen has no vector; nothing where it has one."""
    if item.id:
        yield "item.id: an ID has a vector only if training has seen it"
    for name, spec in item.modalities.items():
        if spec.control is not None:
            yield (
                f"item.{name}.control: {spec.control} stands in for the contents of the items of "
                "the catalogue, and a new item has no stand-in"
            )


def is_saved(spec: EncoderSpec) -> bool:
    """Whether a part has an encoder to save; own vectors have none."""
    return not isinstance(spec, VectorsSpec)
