"""One recommender: an item encoder and a user encoder behind dot-product scores.

Shapes: B samples or users, R of them whose history is read, L inputs, L1 = L + 1, T states or
targets of a sample, K negatives of a target, M items that all targets share, D width, U unique
items of a batch, N items of the catalogue.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from morec.config import ItemSpec, ModelSpec, TrialConfig
from morec.config.losses import loss_needs
from morec.data.dataset import Dataset
from morec.data.splits import train_sequences_UL1
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import ItemEncoder, build_item_encoder
from morec.models.batches import TrainBatch, check_samples, num_steps
from morec.models.negatives import negatives_of
from morec.models.table import RECOMMENDERS
from morec.models.user_encoder import UserEncoder
from morec.placement import beside, looked_up

ITEM_CHUNK = 1024
"""Catalogue items encoded together in evaluation; bounds memory."""
ALL = slice(None)
Encode = Callable[[Tensor], Tensor]
USER_GROUPS = 4
"""Evaluation reads users in this many groups of similar length. A group leaves out the columns that
are padding in all its rows."""


def encode_alone(encode: Encode, ids_U: Tensor) -> Tensor:
    """Encode all ids here; ``Workers.encode_shares`` has other workers encode some of them."""
    return encode(ids_U)


@dataclass(frozen=True)
class Samples:
    """Training samples as tensors of the host, as ``batches.TrainBatch`` describes them."""

    users_B: Tensor
    items_BL1: Tensor
    is_target_BT: Tensor
    negatives_BTK: Tensor
    """(B, T, 0) for a loss without sampled negatives of each target."""
    shared_M: Tensor
    """(0,) for a loss without items that all targets share."""

    @classmethod
    def of(cls, batch: TrainBatch) -> "Samples":
        """The arrays of a batch, not copied."""
        arrays = (
            batch.users_B,
            batch.items_BL1,
            batch.is_target_BT,
            batch.negatives_BTK,
            batch.shared_M,
        )
        return cls(*map(torch.from_numpy, arrays))

    def __getitem__(self, rows: slice) -> "Samples":
        """Some of the samples."""
        return Samples(
            self.users_B[rows],
            self.items_BL1[rows],
            self.is_target_BT[rows],
            self.negatives_BTK[rows],
            self.shared_M,
        )

    def encoded_ids(self) -> Tensor:
        """Every item that is encoded for the samples, with repeats and padding."""
        parts = (self.items_BL1, self.negatives_BTK, self.shared_M)
        return torch.cat([part.flatten() for part in parts])


def unique_ids(ids: Tensor, num_items: int) -> tuple[Tensor, Tensor]:
    """Different item ids, smallest first, and where each of ``ids`` is among them.

    Of few items a mark each is quicker than torch's sort; what is found is the same.
    """
    if num_items > len(ids):
        return torch.unique(ids, return_inverse=True)  # type: ignore[no-any-return]
    is_there_N1 = torch.zeros(num_items + 1, dtype=torch.bool)
    is_there_N1[ids] = True
    return is_there_N1.nonzero()[:, 0], (is_there_N1.cumsum(0) - 1)[ids]


@dataclass(frozen=True)
class EncodedBatch:
    """Training samples after the forward pass; item vectors are held once per unique item.

    States and vectors are on the device, the rest on the host.
    """

    states_RTD: Tensor
    """The states of the R users who were read, one for each of the last T items."""
    vectors_UD: Tensor
    """Row 0 is padding (zeros), rows 1.. are the batch's unique items."""
    unique_ids_U: Tensor
    """Item id of each row."""
    items_BL1: Tensor
    """The samples' padded items as rows of ``vectors_UD``."""
    negatives_BTK: Tensor
    """Each target's sampled negatives as rows of ``vectors_UD``; 0 where there is no target."""
    shared_M: Tensor
    """The items that all targets share, as rows of ``vectors_UD``."""
    is_target_BT: Tensor
    """Which of the last T items enter the loss."""

    @property
    def targets_BT(self) -> Tensor:
        """The last T items as rows of ``vectors_UD``."""
        return self.items_BL1[:, -self.states_RTD.shape[1] :]


class Recommender(nn.Module):
    """Scores of items for users; every item of a batch is encoded once, padding never.

    With ``micro_items`` set, training encodes a batch's items in chunks of that many. Each chunk is
    encoded again for its gradient, with the same dropout masks, so that only the activations of one
    chunk are held at any time.

    The paper's code encodes every slot. The gradient is the same, with two exceptions: all
    occurrences of an item in a batch share one dropout mask, and BatchNorm sees each image once.
    """

    def __init__(
        self, item_encoder: ItemEncoder, user_encoder: UserEncoder, num_items: int
    ) -> None:
        super().__init__()
        self.item_encoder = item_encoder
        self.user_encoder = user_encoder
        self.num_items = num_items
        self.micro_items: int | None = None

    def forward(
        self,
        samples: Samples,
        *,
        readers: slice = ALL,
        shared: Callable[[Encode, Tensor], Tensor] = encode_alone,
    ) -> EncodedBatch:
        """Encode the samples' items and negatives, and the users in the rows ``readers``.

        ``shared`` encodes the items, or has other workers encode some of them.
        """
        padding_1 = samples.items_BL1.new_zeros(1)
        ids = torch.cat([padding_1, samples.encoded_ids()])
        unique_ids_U, rows = unique_ids(ids, self.num_items)
        vectors_UD = self._with_padding(shared(self._encode, unique_ids_U[1:]))
        rows_BL1, rows_BTK, rows_M = _split_like(
            rows[1:], (samples.items_BL1, samples.negatives_BTK, samples.shared_M)
        )
        states_RTD = self.user_encoder.train_states(
            F.embedding(beside(rows_BL1[readers], vectors_UD), vectors_UD),
            samples.items_BL1[readers] > 0,
            samples.is_target_BT[readers],
            samples.users_B[readers],
        )
        return EncodedBatch(
            states_RTD=states_RTD,
            vectors_UD=vectors_UD,
            unique_ids_U=unique_ids_U,
            items_BL1=rows_BL1,
            negatives_BTK=rows_BTK,
            shared_M=rows_M,
            is_target_BT=samples.is_target_BT,
        )

    @torch.no_grad()
    def encode_catalogue(self) -> Tensor:
        """Every item's vector, shape (N + 1, D), row = item id, row 0 padding."""
        ids_N = torch.arange(1, self.num_items + 1)
        return self._with_padding(self._in_chunks(ids_N, ITEM_CHUNK, self.item_encoder))

    def _encode(self, ids_U: Tensor) -> Tensor:
        if self.micro_items is None:
            return cast(Tensor, self.item_encoder(ids_U))
        again = partial(checkpoint, self.item_encoder, use_reentrant=False)
        return self._in_chunks(ids_U, self.micro_items, again)

    def _in_chunks(self, ids_N: Tensor, size: int, encode: Callable[[Tensor], Tensor]) -> Tensor:
        order_N = self.item_encoder.by_length(ids_N)
        chunks = [encode(chunk) for chunk in torch.split(ids_N[order_N], size)]
        return looked_up(order_N.argsort(), torch.cat(chunks))

    @torch.no_grad()
    def user_vectors(self, inputs_BL: Tensor, users_B: Tensor, catalogue_ND: Tensor) -> Tensor:
        """Users' vectors after their last input, (B, D); ``catalogue_ND`` is encode_catalogue's.

        Inputs and users are on the host.
        """
        lengths_B, order_B = (inputs_BL > 0).sum(1).sort()
        num_groups = min(USER_GROUPS, len(order_B))
        groups = order_B.tensor_split(num_groups)
        longest = [group[-1] for group in lengths_B.clamp(min=1).tensor_split(num_groups)]
        states = [
            self._last_states(inputs_BL[group, -width:], users_B[group], catalogue_ND)
            for group, width in zip(groups, torch.stack(longest).tolist(), strict=True)
        ]
        return looked_up(order_B.argsort(), torch.cat(states))

    def _last_states(self, inputs_BL: Tensor, users_B: Tensor, catalogue_ND: Tensor) -> Tensor:
        items_BLD = looked_up(inputs_BL, catalogue_ND)
        states_B1D = self.user_encoder(items_BLD, inputs_BL > 0, users_B, last_only=True)
        return cast(Tensor, states_B1D[:, -1])

    @staticmethod
    def _with_padding(vectors_ND: Tensor) -> Tensor:
        return torch.cat([vectors_ND.new_zeros(1, vectors_ND.shape[1]), vectors_ND])


def _split_like(values: Tensor, parts: Sequence[Tensor]) -> list[Tensor]:
    """One row of values in the shapes of several tensors, one after the other."""
    split = torch.split(values, [part.numel() for part in parts])
    return [one.view_as(part) for one, part in zip(split, parts, strict=True)]


def build_recommender(
    spec: ModelSpec, item: ItemSpec, dataset: Dataset, store: ArtefactStore
) -> Recommender:
    """The model and the item encoder a trial names, over the dataset's users and items."""
    items = build_item_encoder(
        item, dataset, spec.dim, spec.dropout, store, id_layers=spec.num_id_layers
    )
    users = build_user_encoder(spec, dataset.num_users, dataset.max_seq_len)
    return Recommender(items, users, dataset.num_items)


def check_trains(config: TrialConfig, dataset: Dataset) -> None:
    """Refuse a trial that would have nothing to train on; no weight is allocated.

    Raises:
        DataError: see ``check_samples``.
        SpecError: an installed model or loss cannot be loaded, or its name is taken; or the
            learning rates' schedule never begins.
    """
    with torch.device("meta"):
        users = build_user_encoder(config.model, dataset.num_users, dataset.max_seq_len)
    samples = users.train_samples(train_sequences_UL1(dataset))
    needs = loss_needs(config.training.loss)
    check_samples(samples, dataset.num_items, needs, negatives_of(config.training, needs))
    config.optim.check_steps(num_steps(samples, config.training))


def build_user_encoder(spec: ModelSpec, num_users: int, max_seq_len: int) -> UserEncoder:
    """The user encoder a model specification names.

    Raises:
        SpecError: an installed model cannot be loaded, or its name is taken.
    """
    return RECOMMENDERS[spec.kind].build(spec, num_users=num_users, max_seq_len=max_seq_len)
