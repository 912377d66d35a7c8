"""ViT-MAE (He et al. 2022) from transformers: its encoder for items, the whole for pre-training.

A name is ``tiny-random-mae`` (from scratch), a model hub name, or a local folder that
``save_pretrained`` wrote, of the encoder or of encoder and decoder.
Shapes: B images, S side in pixels, P patches, H width.
"""

import json
from typing import Any, cast

import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from transformers import AutoConfig, ViTMAEConfig, ViTMAEForPreTraining, ViTMAEModel

from morec.config import ImageSpec
from morec.encoders.weights.image import TINY_RANDOM_MAE, transformers_folder
from morec.encoders.weights.pretrained import load_transformer
from morec.encoders.weights.read_errors import as_data_error
from morec.errors import SpecError

MODEL_TYPE = "vit_mae"
TINY_GRID = 8
"""``tiny-random-mae`` cuts images of whatever size into 8 x 8 patches."""
PREPROCESSOR = "preprocessor_config.json"
"""The file next to the weights that says how pixels are normalised."""


class ViTMAEEncoder(nn.Module):
    """The class token's last state, of all patches in their order.

    Patches are neither masked nor shuffled. The paper's code leaves both on, so that an item's
    vector changes with every call. The attributes are those of a timm model.
    """

    def __init__(self, model: ViTMAEModel, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        model.config.mask_ratio = 0.0
        self.vit = model
        self.pretrained_cfg = {"mean": mean, "std": std}
        num_patches = model.embeddings.patch_embeddings.num_patches
        # Patches are kept in the order of their noise.
        noise_P = torch.arange(num_patches, dtype=torch.float32)
        self.register_buffer("noise_P", noise_P, persistent=False)

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Encode normalised images into pooled_BH."""
        return cast(Tensor, self._run(images_BCSS).last_hidden_state[:, 0])

    def layer_states(self, images_BCSS: Tensor) -> Tensor:
        """The class token's states_BKH of the embedding and of every layer; the last is pooled."""
        output = self._run(images_BCSS, output_hidden_states=True)
        states = (*output.hidden_states[:-1], output.last_hidden_state)
        return torch.stack([state_BTH[:, 0] for state_BTH in states], dim=1)

    def _run(self, images_BCSS: Tensor, **options: bool) -> Any:
        noise_BP = self.get_buffer("noise_P").expand(len(images_BCSS), -1)
        return self.vit(images_BCSS, noise=noise_BP, **options)

    def group_matcher(self, coarse: bool) -> dict[str, Any]:
        """Name the parameters of stem and layers, in timm's way; the final norm is the top's."""
        layers = [(r"^vit\.layers\.(\d+)", None), (r"^vit\.layernorm", (99999,))]
        return {"stem": r"^vit\.embeddings", "blocks": layers}


def load_vit_mae(spec: ImageSpec) -> ViTMAEEncoder:
    """The encoder alone; what is not pretrained comes from torch's random state.

    From scratch is as transformers initialises it: normal weights of deviation 0.02, zero biases,
    fixed sines and cosines for positions.

    Raises:
        DataError: the weights cannot be had.
        SpecError: it is no ViT-MAE, or reads images of another size.
    """
    model = _load(spec, load_vit_mae_config(spec), ViTMAEModel)
    return ViTMAEEncoder(model, *mean_and_std(spec))


def fresh_vit_mae(config: ViTMAEConfig) -> ViTMAEEncoder:
    """An encoder of this shape from scratch."""
    return ViTMAEEncoder(ViTMAEModel(config), IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD)


def load_vit_mae_for_pretraining(spec: ImageSpec) -> ViTMAEForPreTraining:
    """Encoder and decoder; ``mask_share`` of the second round is masked, if there is one.

    A decoder that the weights lack comes from torch's random state.

    Raises:
        DataError: the weights cannot be had.
        SpecError: it is no ViT-MAE, or reads images of another size.
    """
    config = load_vit_mae_config(spec)
    if spec.second_round is not None:
        config.mask_ratio = spec.second_round.mask_share
    return _load(spec, config, ViTMAEForPreTraining)


def load_vit_mae_config(spec: ImageSpec) -> ViTMAEConfig:
    """The architecture a specification names.

    Raises:
        DataError: it cannot be had.
        SpecError: it is no ViT-MAE, or cannot do what is asked; lists everything.
    """
    if spec.name == TINY_RANDOM_MAE:
        _check(_tiny_problems(spec))
        return _tiny_config(spec.size)
    folder = transformers_folder(spec)
    with as_data_error(str(folder / "config.json")):
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    if config.model_type != MODEL_TYPE:
        raise SpecError(
            f"item.image.name: {spec.name!r} is of type {config.model_type!r}; allowed: a ViT-MAE, "
            "or a timm name (without 'timm/')"
        )
    _check(_size_problems(spec, config))
    config.image_size = spec.size
    return config


def _load(spec: ImageSpec, config: ViTMAEConfig, model_class: Any) -> Any:
    folder = transformers_folder(spec) if spec.pretrained else None
    return load_transformer(folder, config, model_class)


def mean_and_std(spec: ImageSpec) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of the pixels in pre-training: ImageNet's, unless the folder has others.

    Raises:
        DataError: the folder cannot be had.
    """
    about: dict[str, Any] = {}
    if spec.name != TINY_RANDOM_MAE:
        path = transformers_folder(spec) / PREPROCESSOR
        about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    mean = about.get("image_mean", IMAGENET_DEFAULT_MEAN)
    return tuple(mean), tuple(about.get("image_std", IMAGENET_DEFAULT_STD))


def _tiny_config(size: int) -> ViTMAEConfig:
    return ViTMAEConfig(
        image_size=size,
        patch_size=size // TINY_GRID,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=256,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=128,
    )


def _tiny_problems(spec: ImageSpec) -> list[str]:
    problems = []
    if spec.pretrained:
        problems.append(
            f"item.image.pretrained: true, but {TINY_RANDOM_MAE!r} always starts from scratch; "
            "set pretrained: false"
        )
    if spec.size % TINY_GRID:
        problems.append(
            f"item.image.size: {spec.size}, but {TINY_RANDOM_MAE!r} cuts images into {TINY_GRID} x "
            f"{TINY_GRID} patches; allowed: multiples of {TINY_GRID}"
        )
    return problems


def _size_problems(spec: ImageSpec, config: ViTMAEConfig) -> list[str]:
    if spec.pretrained and spec.size != config.image_size:
        return [
            f"item.image.size: {spec.size}, but the weights of {spec.name!r} know the positions of "
            f"{config.image_size} x {config.image_size} pixels; set size: {config.image_size}"
        ]
    if spec.size % config.patch_size:
        return [
            f"item.image.size: {spec.size}, but {spec.name!r} cuts images into patches of "
            f"{config.patch_size} x {config.patch_size} pixels; allowed: multiples of "
            f"{config.patch_size}"
        ]
    return []


def _check(problems: list[str]) -> None:
    if problems:
        raise SpecError(problems)
