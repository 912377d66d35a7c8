"""timm's list of image encoders: known names, near misses, and where their weights are."""

from morec import torchvision_guard as torchvision_guard  # before timm and transformers

# isort: split
from collections.abc import Collection

import timm

from morec.encoders.weights.typed_names import IMAGES, nearest_name
from morec.errors import DataError, SpecError, did_you_mean


def checked_name(name: str, others: Collection[str] = ()) -> str:
    """Return a timm model name, with or without a weights tag; ``others`` are near misses too.

    Raises:
        SpecError: timm does not know it; names the nearest one.
    """
    architecture = name.partition(".")[0]
    if not timm.is_model(architecture):
        near = nearest_name(name, IMAGES, [*others, *timm.list_models()])
        raise SpecError(
            f"item.image.name: {name!r} is neither a timm model nor a local folder.{near} "
            f"timm {timm.__version__} knows {len(timm.list_models())} models (timm.list_models())"
        )
    return name


def hub_name(name: str) -> str:
    """The model hub name of a timm model's pretrained weights.

    Raises:
        DataError: timm names no weights on the hub for it.
        SpecError: the name or its weights tag is unknown.
    """
    architecture, _, tag = checked_name(name).partition(".")
    tags = timm.list_pretrained(f"{architecture}.*") if tag else ()
    if tag and name not in tags:
        raise SpecError(
            f"item.image.name: {architecture!r} has no weights tagged {tag!r}."
            f"{did_you_mean(name, tags)} Known: {', '.join(tags) or 'none'}"
        )
    config = timm.get_pretrained_cfg(name)
    if config is None or not config.hf_hub_id:
        raise DataError(
            f"item.image.name: {name!r} has no pretrained weights on the model hub: give a local "
            "folder, or pretrained: false"
        )
    return str(config.hf_hub_id)
