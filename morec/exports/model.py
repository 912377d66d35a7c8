"""The model of an export: user encoders over the catalogue's stored vectors.

Shapes: N items, D width of an item's vector.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from morec.config import TrialConfig
from morec.encoders.item import ItemEncoder
from morec.encoders.tables import Table
from morec.errors import DataError
from morec.exports.folder import ExportFolder, member_prefix
from morec.late_fusion import FusedRecommender
from morec.models import recommender as models
from morec.models.user_encoder import UserEncoder

NUM_SHOWN = 5
"""Weights named in an error."""


class _StoredItems(Table, ItemEncoder):
    """An item encoder that looks the catalogue's vectors up."""

    def __init__(self, vectors_ND: Tensor) -> None:
        nn.Module.__init__(self)
        self._held = {"vectors": vectors_ND}
        self.parts = nn.ModuleDict()

    def forward(self, items_N: Tensor) -> Tensor:
        """Look the vectors_ND of items 1..N up."""
        return self._held["vectors"][items_N - 1]


def candidates_of(folder: ExportFolder) -> Tensor:
    """Which items are recommended, (N,)."""
    return torch.from_numpy(folder.items["is_candidate"].to_numpy(bool, copy=True))


def model_of(folder: ExportFolder) -> models.Recommender:
    """The user encoders over the catalogue's stored vectors, joined where there are members.

    Raises:
        DataError: the weights cannot be read, or are not those of the configuration.
    """
    parts = folder.config.parts
    widths = [one.model.dim for one in parts]
    vectors = torch.split(torch.from_numpy(folder.vectors_NE), widths, dim=1)
    members = [
        _member(folder, config, items_ND, member_prefix(number, len(parts)))
        for number, (config, items_ND) in enumerate(zip(parts, vectors, strict=True), start=1)
    ]
    if not folder.config.ensemble:
        return members[0]
    fused = FusedRecommender(members, candidates_of(folder))
    fused.weights = folder.about.weights
    return fused


def _member(
    folder: ExportFolder, config: TrialConfig, items_ND: Tensor, prefix: str
) -> models.Recommender:
    stored = folder.weights(f"{prefix}user_encoder.")
    _check_fit(folder, config, stored)
    with torch.random.fork_rng(devices=[]):
        users = _user_encoder(folder, config)
    users.load_state_dict(stored)
    return models.Recommender(_StoredItems(items_ND.contiguous()), users, len(items_ND))


def _user_encoder(folder: ExportFolder, config: TrialConfig) -> UserEncoder:
    length = config.dataset.max_seq_len
    return models.build_user_encoder(config.model, folder.about.num_users, length)


def _check_fit(folder: ExportFolder, config: TrialConfig, stored: Mapping[str, Tensor]) -> None:
    """Compare the weights with a model without memory, whatever size the configuration claims."""
    try:
        with torch.device("meta"):
            wanted = _user_encoder(folder, config).state_dict()
    except (RuntimeError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder.path}: no {config.model.kind} of this size: {error}") from error
    faults = [f"size mismatch: {name} is missing" for name in wanted.keys() - stored.keys()]
    faults += [f"size mismatch: {name} is unknown" for name in stored.keys() - wanted.keys()]
    faults += [
        f"size mismatch for {name}: {tuple(stored[name].shape)}, not {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in stored and stored[name].shape != tensor.shape
    ]
    if faults:
        why = "; ".join(sorted(faults)[:NUM_SHOWN])
        raise DataError(f"{folder.path}: the weights do not fit {config.model.kind}: {why}")
