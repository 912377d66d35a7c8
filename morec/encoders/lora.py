"""Low-rank changes of linear layers, trained in place of the layers (LoRA, Hu et al. 2021).

Shapes: ... any leading dimensions, I and O widths of a layer's input and output, R rank.
"""

import math
from collections.abc import Collection, MutableMapping
from typing import Any, TypeVar, cast

import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import LoraSpec
from morec.errors import SpecError

QUERY_AND_VALUE = (
    *("query", "value"),  # BERT and most others, ViT-MAE
    *("query_proj", "value_proj"),  # DeBERTa-v2
    *("q_proj", "v_proj"),  # OPT, Llama and its kin
    *("q_lin", "v_lin"),  # DistilBERT
    *("q", "v"),  # MPNet
    *("Wqkv", "in_proj"),  # ModernBERT, DeBERTa: with the keys, in one
)
"""What transformers calls the two projections that Hu et al. change (section 4.2)."""


class LoraLinear(nn.Module):
    """``base(x) + alpha / rank * B A x``, where only A and B train; B starts at 0.

    A starts as ``nn.Linear`` does (the authors' code), drawn from torch's random state.
    """

    def __init__(self, base: nn.Linear, spec: LoraSpec) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.scale = spec.alpha / spec.rank
        self.a_RI = nn.Parameter(base.weight.new_empty(spec.rank, base.in_features))
        self.b_OR = nn.Parameter(base.weight.new_zeros(base.out_features, spec.rank))
        nn.init.kaiming_uniform_(self.a_RI, a=math.sqrt(5))

    def forward(self, inputs_I: Tensor) -> Tensor:
        """Map (..., I) to (..., O)."""
        change_O = F.linear(F.linear(inputs_I, self.a_RI), self.b_OR)
        return cast(Tensor, self.base(inputs_I)) + self.scale * change_O

    @property
    def weight(self) -> Tensor:
        """The changed weight, (O, I), for attention that multiplies with it by itself (BEiT)."""
        return self.base.weight + self.scale * self.b_OR @ self.a_RI

    @property
    def bias(self) -> Tensor | None:
        """The base's, if it has one."""
        return self.base.bias


def add_lora(
    module: nn.Module,
    spec: LoraSpec,
    names: Collection[str],
    *,
    within: Collection[str] | None = None,
    where: str = "lora",
) -> None:
    """Freeze ``module`` and give its linear layers called ``names`` a low-rank change, in place.

    ``names`` are the last parts of the layers' names, such as ``query``; only layers whose whole
    name is in ``within`` are changed, where that is given. Everything else (norms,
    biases, embeddings) stays as it is and does not train; dropout stays on in training, as the
    layers it is in are adapted. The module computes what it computed before until B trains. Its
    ``state_dict`` holds the changes only: who loads it builds the same frozen weights first.

    Raises:
        SpecError: no linear layer has such a name; ``where`` says in which setting.
    """
    module.requires_grad_(False)
    linear = {
        path: layer
        for path, layer in module.named_modules()
        if isinstance(layer, nn.Linear) and (within is None or path in within)
    }
    chosen = {path: layer for path, layer in linear.items() if _last(path) in names}
    if not chosen:
        found = ", ".join(sorted({_last(path) for path in linear})) or "none"
        raise SpecError(
            f"{where}: no linear layer is called {' or '.join(names)}; linear layers: {found}"
        )
    for path, layer in chosen.items():
        module.set_submodule(path, LoraLinear(layer, spec))
    leave_frozen_out_of_states(module)


ModuleT = TypeVar("ModuleT", bound=nn.Module)


def merge_lora(module: ModuleT) -> ModuleT:
    """Put ordinary linear layers with the changed weights in the place of changed ones, in place.

    The module computes what it computed before, to rounding, and its state holds all of it.
    """
    changed = [(p, one) for p, one in module.named_modules() if isinstance(one, LoraLinear)]
    for path, layer in changed:
        layer.base.weight.data = layer.weight.detach()
        module.set_submodule(path, layer.base)
    return module


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def leave_frozen_out_of_states(module: nn.Module) -> None:
    """Make states of ``module`` without frozen parameters; loading one leaves those as they are."""
    module.register_state_dict_post_hook(_drop_frozen)  # type: ignore[no-untyped-call]
    module.register_load_state_dict_pre_hook(_keep_frozen)  # type: ignore[no-untyped-call]


def _drop_frozen(
    module: nn.Module, state: MutableMapping[str, Any], prefix: str, _meta: Any
) -> None:
    for name in _frozen(module):
        state.pop(prefix + name, None)  # A part of it may have left it out before.


def _keep_frozen(module: nn.Module, state: MutableMapping[str, Any], prefix: str, *_: Any) -> None:
    for name, tensor in _frozen(module).items():
        state.setdefault(prefix + name, tensor)


def _frozen(module: nn.Module) -> dict[str, Tensor]:
    named = module.named_parameters()
    return {name: tensor.detach() for name, tensor in named if not tensor.requires_grad}
