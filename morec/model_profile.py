"""Size and cost of a trial's model without its data and weights: built on the meta device.

For the columns #Param and FLOPs of the paper's table 6. If an encoder's configuration is not on
this machine, the shapes of well-known encoders are used.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from morec import cost
from morec.config import ID_INIT, PROCESSING, EncoderSpec, ItemSpec, ModelSpec, TrialConfig
from morec.encoders.families import family_of
from morec.encoders.interface import Encoder
from morec.encoders.item import ItemEncoder, assemble_item_encoder
from morec.encoders.macs import count_macs
from morec.encoders.tables import FeatureTable
from morec.models.recommender import build_user_encoder

META = torch.device("meta")
_NEEDS_VALUES = (AssertionError, LookupError, RuntimeError, TypeError, ValueError)
"""What the meta device, or a model on it, raises where values decide what is computed."""


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
    each, an encoder's configuration is neither on this machine nor well known, an
    encoder reads words, whose number only the titles tell, or it needs values to run.
    """
    needs_users, needs_items = config.model.has_user_vectors, config.item.id
    if (needs_users and num_users is None) or (needs_items and num_items is None):
        return None
    # Without a vector for each user, their number changes nothing.
    users = num_users if needs_users and num_users else 1
    try:
        trained = {
            place: _counted(_scratch(spec))
            for place, spec in config.item.encoders.items()
            if spec.trainable_layers != 0
        }
        with META, torch.no_grad():
            items = _build_items(config, num_items or 1, trained)
            artefact_bytes = _artefact_bytes(config.item, num_items)
    except _UnknownShapesError:
        return None
    try:
        with _AllTrue():  # type: ignore[no-untyped-call]
            return _measure(items.to(META), config, artefact_bytes, num_users=users)
    except _NEEDS_VALUES:
        return None


def joined(members: Sequence[ModelProfile]) -> ModelProfile:
    """The profile of a late fusion, whose members are trained one after another, then all held.

    Its inputs are counted with the members' own arms, but for those of the first member.
    """
    return ModelProfile(
        params_total=sum(one.params_total for one in members),
        params_trainable=sum(one.params_trainable for one in members),
        forward_macs_paper=sum(one.forward_macs_paper for one in members),
        bytes_per_item=max(one.bytes_per_item for one in members),
        bytes_per_sample=max(one.bytes_per_sample for one in members),
        artefact_bytes=members[0].artefact_bytes,
    )


class _AllTrue(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Answers encoders that ask whether a mask has no padding, which the meta device cannot check.

    Nothing that is measured is padding.
    """

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        is_asked = func is torch.ops.aten._local_scalar_dense.default
        if is_asked and args[0].is_meta and args[0].dtype == torch.bool:
            return True
        return func(*args, **(kwargs or {}))


class _UnknownShapesError(Exception):
    """An encoder whose shapes are not known on this machine."""


class _Counted(Encoder):
    """Stands in for a trained encoder that was built and run once, whatever reads its output."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.dim = encoder.dim
        self.params = cost.count_parameters(encoder)
        self.macs, _ = count_macs(encoder.eval().encode_padded_item)
        self.kept, self._encoded_1H = _run(encoder, encoder.encode_padded_item)

    def encode_padded_item(self) -> Tensor:
        """The encoder's output in its own storage, (1, H)."""
        return self._encoded_1H.detach().requires_grad_(self._encoded_1H.requires_grad)


@cache
def _counted(spec: EncoderSpec) -> _Counted:
    """Many arms have the same encoder, whose forward pass is most of a profile's work.

    ``spec`` is one of ``_scratch``.
    """
    try:
        with _AllTrue():  # type: ignore[no-untyped-call]
            return _Counted(_trained_encoder(spec))
    except _NEEDS_VALUES as error:
        raise _UnknownShapesError from error


def _build_items(
    config: TrialConfig, num_items: int, trained: Mapping[str, Encoder]
) -> ItemEncoder:
    model = config.model
    return assemble_item_encoder(
        config.item,
        num_items,
        model.dim,
        model.dropout,
        lambda place: trained.get(place) or _frozen_encoder(config.item.encoders[place]),
        id_layers=model.num_id_layers,
    )


def _measure(
    items: ItemEncoder,
    config: TrialConfig,
    artefact_bytes: Mapping[str, int],
    *,
    num_users: int,
) -> ModelProfile:
    reading = _reading(config.model, num_users, config.dataset.max_seq_len)
    counted = [part for part in items.modules() if isinstance(part, _Counted)]
    own = cost.count_parameters(items)
    params = [own, reading.params, *(encoder.params for encoder in counted)]
    kept_of_item, _ = _run(items, items.encode_padded_item)
    for encoder in counted:
        kept_of_item |= encoder.kept
    item_macs, _ = items.padded_item_macs()
    return ModelProfile(
        params_total=sum(total for total, _ in params),
        params_trainable=sum(trainable for _, trainable in params),
        forward_macs_paper=cost.sample_macs(
            reading.num_inputs,
            item_macs=item_macs + sum(encoder.macs for encoder in counted),
            user_macs=reading.macs,
        ),
        bytes_per_item=_num_bytes(kept_of_item),
        bytes_per_sample=reading.num_bytes,
        artefact_bytes=artefact_bytes,
    )


class _Reading(NamedTuple):
    """A user encoder, and what it does with one padded training sample, of whatever items."""

    params: tuple[int, int]
    """All, and those that are trained."""
    num_inputs: int
    macs: int
    num_bytes: int
    """What it keeps for the gradient."""


@cache
def _reading(model: ModelSpec, num_users: int, max_seq_len: int) -> _Reading:
    """Many arms have the same user encoder, which is run once for all of them."""
    with META, torch.no_grad():
        users = build_user_encoder(model, num_users, max_seq_len)
    users = users.to(META)
    one_user = np.ones((1, max_seq_len + 1), np.int32)
    num_inputs = users.train_samples(one_user).items_SL1.shape[1] - 1
    read = partial(cost.read_padded_user, users, num_inputs, META)
    kept, _ = _run(users, read)
    users.eval()
    macs, _ = count_macs(read)
    return _Reading(cost.count_parameters(users), num_inputs, macs, _num_bytes(kept))


def _num_bytes(kept: Mapping[int, torch.UntypedStorage]) -> int:
    return sum(storage.nbytes() for storage in kept.values())


def _run(
    model: nn.Module, run: Callable[[], Tensor]
) -> tuple[dict[int, torch.UntypedStorage], Tensor]:
    """What ``run`` keeps for its gradient in training, without the model itself; its result."""
    own = {tensor.untyped_storage()._cdata for tensor in model.state_dict().values()}
    kept: dict[int, torch.UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()  # It keeps as much, and accepts a batch of one item.
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()
    return kept, result


def _artefact_bytes(item: ItemSpec, num_items: int | None) -> dict[str, int]:
    """What an encoder's family keeps of every item, features computed from that, second rounds."""
    if num_items is None:
        return {}
    found = {}
    for part, spec in item.encoders.items():
        features = 4 * math.prod(_raw_shape(spec)) if spec.trainable_layers == 0 else 0
        features += 4 * math.prod(_frozen_shape(spec)) if spec.processing else 0
        per_item = family_of(spec).input_bytes(_scratch(spec)) + features
        # A second round's checkpoint is removed before the trials write theirs.
        second_round = 0 if spec.second_round is None else 4 * _whole(spec)[1]
        # What ID vectors start from are all principal components of the features.
        components = features if part == ID_INIT else 0
        found[part] = num_items * (per_item + components) + second_round
    return found


def _frozen_encoder(spec: EncoderSpec) -> Encoder:
    """The features of one made-up item."""
    return FeatureTable(np.zeros((1, *_frozen_shape(spec)), np.float32)).to(META)


@cache
def _trained_encoder(spec: EncoderSpec) -> Encoder:
    """An encoder without weights; ``spec`` is one of ``_scratch``."""
    with META, torch.no_grad():
        encoder = family_of(spec).blank(spec)
    if encoder is None:
        raise _UnknownShapesError
    return encoder.to(META)


def _raw_shape(spec: EncoderSpec) -> tuple[int, ...]:
    """Shape of one item's frozen features: the width, for a side network behind a state's layer."""
    width = _whole(spec)[0]
    return (width,) if spec.side is None else (len(family_of(spec).side_layers(spec)), width)


def _frozen_shape(spec: EncoderSpec) -> tuple[int, ...]:
    """The same as a trial reads them."""
    return _raw_shape(spec) if spec.pca is None else (spec.pca,)


def _whole(spec: EncoderSpec) -> tuple[int, int]:
    """Width and parameters of an encoder all of which trains."""
    whole = _with(_scratch(spec), trainable_layers="all", lora=None, side=None, **PROCESSING)
    encoder = _trained_encoder(whole)
    return encoder.dim, cost.count_parameters(encoder)[0]


def _scratch(spec: EncoderSpec) -> EncoderSpec:
    """The same encoder, whose weights are not read, whatever stands behind it in the item."""
    return _with(spec, pretrained=False, dnn_layers=0, second_round=None, control=None)


def _with(spec: EncoderSpec, **changes: Any) -> EncoderSpec:
    """A specification with other values of those options that it has."""
    options = type(spec).model_fields
    return spec.model_copy(update={k: value for k, value in changes.items() if k in options})
