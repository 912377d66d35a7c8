"""timm models without their classifier.

Normalised images (B, 3, S, S) in, pooled vectors (B, H) out, as with ``ViTMAEEncoder``;
``pretrained_cfg`` holds the ``mean`` and ``std`` that it was trained with.
"""

import json
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.encoders.weights.image import PACKAGED, timm_name, timm_weights
from morec.encoders.weights.read_errors import as_data_error
from morec.errors import DataError, SpecError, first_line

_NOT_RUNNING = (ArithmeticError, AssertionError, RuntimeError, TypeError, ValueError)
"""What a model raises when it cannot read images of the size that was asked for."""


def load_timm(spec: ImageSpec) -> Any:
    """The encoder, at the size of our images where that is built in.

    Without pretrained weights it is as timm initialises the architecture, drawn from torch's
    random state.

    Raises:
        DataError: the weights cannot be had or do not fit.
        SpecError: the name is unknown, or the model cannot read images of this size.
    """
    weights = timm_weights(spec)
    with as_data_error(f"item.image: timm cannot read {spec.name!r}"):
        return _running(spec, weights)


def _running(spec: ImageSpec, weights: Path | None) -> Any:
    try:
        if weights is not None and spec.name in PACKAGED:
            backbone = _packaged(spec, weights)
        else:
            backbone = _from_timm(spec, weights)
        output_dim(backbone, spec.size)
    except _NOT_RUNNING as error:
        if isinstance(error, DataError | SpecError):
            raise
        raise SpecError(
            f"item.image: timm cannot run {spec.name!r} on {spec.size} x {spec.size} pixels: "
            f"{first_line(error)}"
        ) from error
    return backbone


def save_timm(backbone: Any, folder: Path) -> None:
    """Write a model of timm, weights and configuration, into a folder that ``load_timm`` reads."""
    folder.mkdir(parents=True)
    timm.models.save_for_hf(backbone, folder, safe_serialization=True)


@torch.no_grad()
def output_dim(backbone: nn.Module, size: int) -> int:
    """Width of what the backbone really returns; timm's own attributes differ between models."""
    was_training = backbone.training
    dim = backbone.eval()(torch.zeros(1, 3, size, size)).shape[1]
    backbone.train(was_training)
    return int(dim)


def _from_timm(spec: ImageSpec, weights: Path | None) -> Any:
    is_folder = Path(spec.name).is_dir()
    name = f"local-dir:{Path(spec.name).absolute()}" if is_folder else timm_name(spec.name)
    overlay = {"file": str(weights)} if weights and not is_folder else None
    options = {"img_size": spec.size} if _has_fixed_size(spec) else {}
    return timm.create_model(
        name,
        pretrained=weights is not None,
        pretrained_cfg_overlay=overlay,
        num_classes=0,
        **options,
    )


def _packaged(spec: ImageSpec, weights: Path) -> Any:
    """The file has timm's tensors in timm's order, but under the names of another library."""
    backbone = timm.create_model(timm_name(spec.name))
    stored: dict[str, Tensor] = torch.load(weights, weights_only=True)
    names = list(backbone.state_dict())
    if len(names) != len(stored):
        raise DataError(
            f"{weights}: {len(stored)} tensors, but {timm_name(spec.name)!r} of timm "
            f"{timm.__version__} has {len(names)}"
        )
    backbone.load_state_dict(dict(zip(names, stored.values(), strict=True)), strict=True)
    backbone.reset_classifier(0)
    return backbone


def _has_fixed_size(spec: ImageSpec) -> bool:
    saved = Path(spec.name) / "config.json"
    if saved.is_file():
        config = json.loads(saved.read_text(encoding="utf-8")).get("pretrained_cfg", {})
        return bool(config.get("fixed_input_size"))
    known = timm.get_pretrained_cfg(timm_name(spec.name))
    return known is not None and bool(known.fixed_input_size)
