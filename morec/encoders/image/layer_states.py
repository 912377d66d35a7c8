"""The states of a vision transformer's layers, joined: what a side network reads.

Shapes: B images, S side in pixels, K layers, H width.
"""

from typing import Any, cast

from torch import Tensor, nn

from morec.config import ImageSpec
from morec.encoders.image.vision_models import FAMILIES, load_vision_config
from morec.encoders.image.vit_mae import load_vit_mae_config
from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.image import is_vit_mae
from morec.errors import SpecError


class LayerwiseBackbone(nn.Module):
    """The class token's states of K layers; layer 0 is the embedding, the last is pooled."""

    def __init__(self, backbone: Any, layers: tuple[int, ...]) -> None:
        """Take an encoder with ``layer_states``, and the layers' numbers."""
        super().__init__()
        self.backbone = backbone
        self.pretrained_cfg = backbone.pretrained_cfg
        self.layers = layers

    def forward(self, images_BCSS: Tensor) -> Tensor:
        """Encode normalised images into states (B, K * H)."""
        states = self.backbone.layer_states(images_BCSS)
        return cast(Tensor, states[:, list(self.layers)].flatten(1))


def num_layers_of(spec: ImageSpec) -> int:
    """How many layers an encoder has.

    Raises:
        SpecError: it has no class token, whose states could be read.
    """
    config = known_config(spec.name)
    if config is not None or is_vit_mae(spec):
        return int((config or load_vit_mae_config(spec)).num_hidden_layers)
    whole = load_vision_config(spec)
    if not FAMILIES[whole.model_type].has_class_token:
        known = [name for name, family in FAMILIES.items() if family.has_class_token]
        raise SpecError(
            f"item.image.side: {spec.name!r} is of type {whole.model_type!r}, which has no class "
            f"token; allowed: vit_mae, {', '.join(known)}"
        )
    return int(getattr(whole, "vision_config", whole).num_hidden_layers)
