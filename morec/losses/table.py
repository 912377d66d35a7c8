"""Every loss by the name that ``training.loss`` gives it."""

from morec.config.losses import OUR_LOSSES
from morec.extensions import Table
from morec.losses.bce import bce_of_batch
from morec.losses.full_ce import full_ce
from morec.losses.gbce import gbce
from morec.losses.in_batch_ce import in_batch_ce
from morec.losses.inputs import Loss
from morec.losses.sampled_ce import sampled_ce

LOSSES: Table[Loss] = Table(
    "morec.losses",
    {
        "bce": Loss(bce_of_batch, OUR_LOSSES["bce"]),
        "in_batch_ce": Loss(in_batch_ce, OUR_LOSSES["in_batch_ce"]),
        "gbce": Loss(gbce, OUR_LOSSES["gbce"]),
        "sampled_ce": Loss(sampled_ce, OUR_LOSSES["sampled_ce"]),
        "full_ce": Loss(full_ce, OUR_LOSSES["full_ce"]),
    },
)
