"""Which part of an image encoder trains: its top stages, found by name, or low-rank changes there.

Stages are what timm calls so in ``group_matcher``: the four of a ResNet or a Swin, the blocks of a
vision transformer, the layers of a ViT-MAE. What is below the first (stem, patches, positions)
trains with ``all`` only; what is above the last (a final norm) trains with it.
"""

from collections.abc import Iterator
from typing import Any

from timm.models import group_parameters
from torch import nn

from morec.config import ImageSpec
from morec.encoders.lora import QUERY_AND_VALUE, add_lora, leave_frozen_out_of_states
from morec.errors import SpecError

ATTENTION = ("qkv", *QUERY_AND_VALUE)
"""timm mostly has one projection to queries, keys and values, which is changed as a whole."""
WITH_THE_LAST = 99999
"""How timm says that something belongs to the stage before it."""


def stage_parameters(backbone: Any, name: str) -> list[list[str]]:
    """The names of every stage's parameters, from the bottom to the top.

    Raises:
        SpecError: timm names no stages of this model.
    """
    matcher = getattr(backbone, "group_matcher", lambda coarse: None)(coarse=True)
    if not isinstance(matcher, dict) or "stem" not in matcher:
        raise SpecError(
            f"item.image.trainable_layers: timm names no stages of {name!r}; allowed: 0, or all"
        )
    groups = group_parameters(backbone, {**matcher, "rest": [(r".*", (WITH_THE_LAST,))]})
    return [groups[stage] for stage in sorted(groups)][1:]


def top_parameters(backbone: Any, spec: ImageSpec) -> set[str]:
    """The names of the parameters in the top ``trainable_layers`` stages.

    Raises:
        SpecError: there are not so many stages.
    """
    if spec.trainable_layers == "all":
        return {name for name, _ in backbone.named_parameters()}
    stages = stage_parameters(backbone, spec.name)
    if spec.trainable_layers > len(stages):
        raise SpecError(
            f"item.image.trainable_layers: {spec.trainable_layers}, but {spec.name!r} has "
            f"{len(stages)} stages; allowed: 0 to {len(stages)}, or all"
        )
    top = stages[len(stages) - spec.trainable_layers :]
    return {name for stage in top for name in stage}


def freeze_below_top(backbone: Any, spec: ImageSpec) -> tuple[str, ...]:
    """Freeze in place what does not train; return the modules that stay in evaluation mode.

    These are all modules below the top stages: their BatchNorm keeps its statistics, their dropout
    is off. Frozen parameters are in no state. With LoRA, BatchNorm keeps its statistics everywhere.

    Raises:
        SpecError: there are not so many stages, or LoRA finds no attention in them.
    """
    trained = top_parameters(backbone, spec)
    for name, parameter in backbone.named_parameters():
        # Some parameters never train, such as a ViT-MAE's positions.
        parameter.requires_grad_(parameter.requires_grad and name in trained)
    still = set(_without(backbone, trained))
    if spec.lora is None:
        leave_frozen_out_of_states(backbone)
    else:
        still.update(_batch_norms(backbone))
        where = f"item.image.lora: {spec.name!r} has no attention to change there"
        within = {name.rpartition(".")[0] for name in trained}
        add_lora(backbone, spec.lora, ATTENTION, within=within, where=where)
    return tuple(sorted(still))


def _without(backbone: nn.Module, trained: set[str]) -> Iterator[str]:
    """Modules in which nothing trains, and modules without parameters below the first that trains.

    Above it a module without parameters (a dropout) follows the module it is part of.
    """
    for path, module in backbone.named_modules():
        names = [f"{path}.{name}" for name, _ in module.named_parameters()]
        if path and names and trained.isdisjoint(names):
            yield path
    for path, module in backbone.named_children():
        names = [f"{path}.{name}" for name, _ in module.named_parameters()]
        if not trained.isdisjoint(names):
            return
        yield path


def _batch_norms(backbone: nn.Module) -> Iterator[str]:
    for path, module in backbone.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            yield path
