"""The names of the losses and what each needs, without torch; ``morec.losses`` computes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from morec.extensions import Table, installed


@dataclass(frozen=True, kw_only=True)
class LossNeeds:
    """What a loss asks of a batch and of the model."""

    negatives: bool = False
    """Sampled items that the user has not trained on, of each target or shared by the batch."""
    shared_items: bool = False
    """The vectors of all items of the batch for every user; workers exchange what they encode."""
    histories: bool = False
    """A model that reads users' histories: the loss looks at what else a user has trained on."""
    catalogue: bool = False
    """The vectors of all items, which every step encodes anew."""
    options: frozenset[str] = frozenset()
    """Options of ``training`` that the loss reads, of ``LOSS_OPTIONS``; the others are refused."""


LOSS_OPTIONS = ("negatives", "shared_negatives", "negatives_by", "calibration")
"""Options of ``training`` that only some losses read."""

OUR_LOSSES: Mapping[str, LossNeeds] = {
    "bce": LossNeeds(negatives=True, options=frozenset({"negatives", "shared_negatives"})),
    "in_batch_ce": LossNeeds(shared_items=True, histories=True),
    "gbce": LossNeeds(
        negatives=True, options=frozenset({"negatives", "shared_negatives", "calibration"})
    ),
    "sampled_ce": LossNeeds(
        negatives=True,
        histories=True,
        options=frozenset({"negatives", "shared_negatives", "negatives_by"}),
    ),
    "full_ce": LossNeeds(histories=True, catalogue=True),
}

if TYPE_CHECKING:
    LossName = str
else:
    LossName = Literal[tuple(dict.fromkeys((*OUR_LOSSES, *installed("morec.losses"))))]


def loss_needs(name: str) -> LossNeeds:
    """What a loss needs; an installed one is loaded.

    Raises:
        SpecError: an installed loss cannot be loaded, or its name is taken.
    """
    loss = Table[Any]("morec.losses", OUR_LOSSES)[name]
    needs: LossNeeds = loss if name in OUR_LOSSES else loss.needs
    return needs


def losses_with(option: str) -> list[str]:
    """Our losses that read an option of ``LOSS_OPTIONS``."""
    return [name for name, needs in OUR_LOSSES.items() if option in needs.options]
