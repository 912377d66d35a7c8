"""Size and cost of a trial's model without its data and weights: built on the meta device.

For the columns #Param and FLOPs of the paper's table 6. If an encoder's configuration is not on
this machine, the shapes of well-known encoders are used.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.fx.experimental import _config as fx_config

from morec import cost
from morec.config import ImageSpec, ItemSpec, TextSpec, TrialConfig
from morec.encoders.image.backbones import load_backbone, output_dim
from morec.encoders.image.encoder import ImageEncoder
from morec.encoders.image.pixels import PixelTable
from morec.encoders.image.stages import freeze_below_top
from morec.encoders.image.vit_mae import fresh_vit_mae
from morec.encoders.item import Encoder, assemble_item_encoder
from morec.encoders.tables import FeatureTable, PackedTable
from morec.encoders.text.encoder import TextEncoder, trained_part
from morec.encoders.text.stack import TransformerStack
from morec.encoders.text.transformer import load_config, load_stack
from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.image import TINY_RANDOM_MAE, is_vit_mae
from morec.encoders.weights.text import PACKAGED
from morec.models.recommender import Recommender, build_user_encoder

META = torch.device("meta")


@dataclass(frozen=True)
class ModelProfile:
    """The size and cost of a model that was never allocated."""

    params_total: int
    params_trainable: int
    forward_macs_paper: int
    """Multiply-accumulates of one padded training sample; see ``cost.paper_macs``."""
    bytes_per_item: int
    """What the forward pass keeps for the gradient of one item with every token slot filled."""
    bytes_per_sample: int
    """The same for the user of one padded training sample."""
    artefact_bytes: Mapping[str, int] = field(default_factory=dict)
    """Largest size on disk of the encoders' shared inputs, by part of the item; empty if the number
    of items is not known."""


def profile_model(
    config: TrialConfig, *, num_users: int | None, num_items: int | None
) -> ModelProfile | None:
    """Count a trial's model; None where its shapes cannot be known on this machine.

    That is: the number of items or users is not given although the model has a vector for
    each, an encoder's configuration is neither on this machine nor well known, or an
    encoder reads words, whose number only the titles tell.
    """
    needs_users, needs_items = config.model.has_user_vectors, config.item.id
    if (needs_users and num_users is None) or (needs_items and num_items is None):
        return None
    try:
        with META, torch.no_grad():
            recommender = _build(config, num_users or 1, num_items or 1)
            inputs = _inputs_bytes(config.item, num_items)
    except _UnknownShapesError:
        return None
    # Nothing that is measured is padding, which the meta device cannot check.
    with fx_config.patch(meta_nonzero_assume_all_nonzero=True):  # type: ignore[attr-defined]
        profile = _measure(recommender.to(META), config)
    return replace(profile, artefact_bytes=inputs)


class _UnknownShapesError(Exception):
    """An encoder whose shapes are not known on this machine."""


def _build(config: TrialConfig, num_users: int, num_items: int) -> Recommender:
    model = config.model
    items = assemble_item_encoder(
        config.item,
        num_items,
        model.dim,
        model.dropout,
        _blank_encoder,
        id_layers=model.num_id_layers,
    )
    users = build_user_encoder(model, num_users, config.dataset.max_seq_len)
    return Recommender(items, users, num_items)


def _measure(recommender: Recommender, config: TrialConfig) -> ModelProfile:
    one_user = np.ones((1, config.dataset.max_seq_len + 1), np.int32)
    num_inputs = recommender.user_encoder.train_samples(one_user).items_SL1.shape[1] - 1
    total, trainable = cost.count_parameters(recommender)
    return ModelProfile(
        params_total=total,
        params_trainable=trainable,
        forward_macs_paper=cost.paper_macs(recommender.eval(), num_inputs, META),
        bytes_per_item=_kept_bytes(recommender, recommender.item_encoder.encode_padded_item),
        bytes_per_sample=_kept_bytes(recommender, lambda: _read_one_user(recommender, num_inputs)),
    )


def _read_one_user(recommender: Recommender, num_inputs: int) -> Tensor:
    users = recommender.user_encoder
    items_1LD = torch.zeros(1, num_inputs, users.dim, device=META, requires_grad=True)
    is_item_1L = torch.ones(1, num_inputs, dtype=torch.bool, device=META)
    user_1 = torch.zeros(1, dtype=torch.long, device=META)
    return cast(Tensor, users(items_1LD, is_item_1L, user_1))


def _kept_bytes(recommender: Recommender, run: Callable[[], Tensor]) -> int:
    """Bytes that ``run`` keeps for its gradient in training, without the model itself."""
    own = {tensor.untyped_storage()._cdata for tensor in recommender.state_dict().values()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    recommender.train()
    for module in recommender.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # It keeps as much, and accepts a batch of one item.
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in kept.values())


def _inputs_bytes(item: ItemSpec, num_items: int | None) -> dict[str, int]:
    """Bytes of the encoders' shared inputs by part; empty if the number of items is not known."""
    if num_items is None:
        return {}
    return {
        part: num_items * _bytes_per_item(spec) + _second_round_bytes(spec)
        for part, spec in item.modalities.items()
    }


def _bytes_per_item(spec: TextSpec | ImageSpec) -> int:
    """Tokens or pixels, and the features or states made of them; every title is the longest."""
    scratch = _scratch(spec)
    own = 3 * scratch.size**2 if isinstance(scratch, ImageSpec) else 4 * scratch.max_tokens
    if scratch.trainable_layers == 0:
        own += 4 * _feature_dim(scratch)
    elif isinstance(scratch, TextSpec) and scratch.trainable_layers != "all":
        own += 4 * scratch.max_tokens * _feature_dim(scratch)
    return own


def _second_round_bytes(spec: TextSpec | ImageSpec) -> int:
    """Bytes of the encoder it ends with; its own checkpoint is removed before trials run."""
    if spec.second_round is None:
        return 0
    scratch = _scratch(spec)
    if isinstance(scratch, ImageSpec):
        encoder = _image_backbone(scratch)
    else:
        encoder = load_stack(scratch, _text_config(scratch))
    return 4 * cost.count_parameters(encoder)[0]


def _scratch(spec: TextSpec | ImageSpec) -> TextSpec | ImageSpec:
    """The encoder alone, without reading its weights."""
    return spec.model_copy(update={"pretrained": False, "dnn_layers": 0})


def _blank_encoder(spec: TextSpec | ImageSpec) -> Encoder:
    """An encoder over one item without content."""
    scratch = _scratch(spec)
    if spec.trainable_layers == 0:
        return FeatureTable(np.zeros((1, _feature_dim(scratch)), np.float32))
    return _blank_image(scratch) if isinstance(scratch, ImageSpec) else _blank_text(scratch)


@functools.cache
def _feature_dim(spec: TextSpec | ImageSpec) -> int:
    """Width of frozen features; cached, since several arms may have the same."""
    if isinstance(spec, ImageSpec):
        return output_dim(_image_backbone(spec), spec.size)
    return int(load_stack(spec, _text_config(spec)).dim)


def _blank_text(spec: TextSpec) -> Encoder:
    trained = trained_part(spec, load_stack(spec, _text_config(spec)))
    values: npt.NDArray[Any] = np.zeros(1, np.int64)
    if isinstance(trained, TransformerStack) and trained.embedding is None:
        values = np.zeros((1, trained.width), np.float32)
    return TextEncoder(PackedTable(values, np.ones(1, np.int64)), trained, spec, pad_id=0)


def _text_config(spec: TextSpec) -> Any:
    if spec.reads_words:
        raise _UnknownShapesError
    config = known_config(spec.name)
    if config is None:
        if spec.name not in PACKAGED and not Path(spec.name).is_dir():
            raise _UnknownShapesError
        return load_config(spec, vocab_size=0)
    if spec.num_layers != "all":
        config.num_hidden_layers = spec.num_layers
    return config


def _blank_image(spec: ImageSpec) -> Encoder:
    backbone = _image_backbone(spec)
    return ImageEncoder(_BlankImages(spec.size), backbone, freeze_below_top(backbone, spec))


def _image_backbone(spec: ImageSpec) -> Any:
    config = known_config(spec.name)
    if config is not None:
        return fresh_vit_mae(config)
    if spec.name == TINY_RANDOM_MAE or not is_vit_mae(spec.name) or Path(spec.name).is_dir():
        return load_backbone(spec)
    raise _UnknownShapesError


class _BlankImages(PixelTable):
    """Images without content, instead of a catalogue's."""

    def __init__(self, size: int) -> None:
        nn.Module.__init__(self)
        self.size = size

    def forward(self, rows_N: Tensor) -> Tensor:
        """Images without content, (N, 3, S, S)."""
        return torch.zeros(len(rows_N), 3, self.size, self.size, device=META)
