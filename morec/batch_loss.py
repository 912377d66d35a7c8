"""A batch's loss: the forward pass in the trial's precision, then a loss of the table.

Shapes: B samples, R of them whose history this worker reads, T targets of each, D width, P target
positions, U rows of item vectors, N1 = N + 1 items with padding.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor

from morec.config import TrainingSpec
from morec.losses.inputs import LossInputs
from morec.losses.table import LOSSES
from morec.models.recommender import ALL, EncodedBatch, Recommender, Samples, encode_alone
from morec.placement import beside, looked_up
from morec.workers import Workers


class BatchLoss:
    """This worker's part of a batch's loss; the parts of all workers sum to the loss."""

    def __init__(
        self,
        recommender: Recommender,
        training: TrainingSpec,
        log_popularity_N1: Tensor,
        workers: Workers,
    ) -> None:
        """Take the parts; ``log_popularity_N1`` is the log share of all train interactions.

        Raises:
            SpecError: an installed loss cannot be loaded, or its name is taken.
        """
        loss = LOSSES[training.loss]
        self.needs = loss.needs
        self._compute = loss.compute
        self._weight = recommender.user_encoder.loss_weights.get(training.loss, 1.0)
        self._recommender = recommender
        self._training = training
        self._log_popularity_N1 = log_popularity_N1
        self._workers = workers

    def __call__(self, samples: Samples) -> Tensor:
        """Take the whole batch, compute this worker's part of its loss."""
        # A small last batch can hold only users with one train item: its loss is 0, not 0 / 0.
        num_positions = max(1, int(samples.is_target_BT.sum()))
        mine = self._workers.share(len(samples.users_B))
        is_idle = not len(samples.users_B[mine])
        if self.needs.shared_items:
            # A worker without users in a small batch encodes items for the others all the same. It
            # reads one user, of whom nothing enters its loss.
            readers = slice(0, 1) if is_idle else mine
            encoded = self._encode(samples, readers)
        elif is_idle:
            return self._log_popularity_N1.new_zeros(())
        else:
            readers = ALL
            encoded = self._encode(samples[mine], readers)
        is_target_RT = encoded.is_target_BT[readers] & (not is_idle)
        inputs = self._inputs(encoded, readers, is_target_RT, num_positions)
        return self._weight * self._compute(inputs)

    def _encode(self, samples: Samples, readers: slice) -> EncodedBatch:
        shared = self._workers.encode_shares if self.needs.shared_items else encode_alone
        with self._precision():
            encoded: EncodedBatch = self._recommender(samples, readers=readers, shared=shared)
        return encoded

    def _precision(self) -> AbstractContextManager[object]:
        """The context in which the forward pass runs."""
        if self._training.precision == "fp32":
            return nullcontext()
        return torch.autocast(self._log_popularity_N1.device.type, dtype=torch.bfloat16)

    def _inputs(
        self, encoded: EncodedBatch, readers: slice, is_target_RT: Tensor, num_positions: int
    ) -> LossInputs:
        rows_P, positions_P = is_target_RT.nonzero(as_tuple=True)
        users_P = torch.arange(len(encoded.items_BL1))[readers][rows_P]
        vectors_UD, states_RTD = encoded.vectors_UD, encoded.states_RTD
        places_P = rows_P * is_target_RT.shape[1] + positions_P
        on_device = partial(beside, other=vectors_UD)
        return LossInputs(
            states_PD=_at_least_fp32(states_RTD.flatten(0, 1).index_select(0, on_device(places_P))),
            targets_P=on_device(encoded.targets_BT[users_P, positions_P]),
            negatives_PK=on_device(encoded.negatives_BTK[users_P, positions_P]),
            shared_M=encoded.shared_M,
            users_P=on_device(users_P),
            items_BL1=on_device(encoded.items_BL1),
            vectors_UD=_at_least_fp32(vectors_UD),
            log_popularity_U=looked_up(encoded.unique_ids_U, self._log_popularity_N1),
            num_positions=num_positions,
            num_items=self._recommender.num_items,
            training=self._training,
        )


def _at_least_fp32(values: Tensor) -> Tensor:
    """Scores and losses are not computed in bf16, whatever the forward pass was."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
