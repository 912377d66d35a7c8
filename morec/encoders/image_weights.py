"""Where an image encoder's weights come from, and the hash that identifies them.

A name is a timm model or a local folder as timm saves it.
"""

from pathlib import Path

from huggingface_hub import snapshot_download

from morec.config import ImageSpec
from morec.encoders import timm_names
from morec.encoders.weight_files import (
    cached_sha256,
    cannot_load,
    checked_folder,
    folder_hash,
    random_hash,
)
from morec.errors import DataError


def image_hash(spec: ImageSpec) -> str:
    """Identify the weights an image encoder starts from; ``random-...``: its architecture.

    Raises:
        DataError: the weights cannot be had.
        SpecError: the name is unknown.
    """
    weights = image_weights(spec)
    if weights is not None:
        return cached_sha256(weights)
    if Path(spec.name).is_dir():
        return folder_hash(checked_folder(Path(spec.name), False), False)
    return random_hash({"timm": timm_names.checked_name(spec.name)})


def image_weights(spec: ImageSpec) -> Path | None:
    """The safetensors file of a pretrained image encoder; None: it starts from scratch.

    Raises:
        DataError: the weights cannot be had.
        SpecError: the name is unknown.
    """
    folder = Path(spec.name)
    if not spec.pretrained:
        return None
    if folder.is_dir():
        return _only_weights(checked_folder(folder, True))
    hub_name = timm_names.hub_name(spec.name)
    try:
        downloaded = snapshot_download(hub_name, allow_patterns=["*.json", "model.safetensors"])
    except (OSError, ValueError) as error:
        raise DataError(_no_image_weights(spec.name, hub_name, error)) from error
    return _only_weights(checked_folder(Path(downloaded), True))


def _only_weights(folder: Path) -> Path:
    return sorted(folder.glob("*.safetensors"))[0]


def _no_image_weights(name: str, hub_name: str, error: Exception) -> str:
    return cannot_load("image", name, hub_name, (), error) + (
        "a timm name with a network or a filled cache, a local folder with config.json and "
        "model.safetensors as timm saves it, or pretrained: false"
    )
