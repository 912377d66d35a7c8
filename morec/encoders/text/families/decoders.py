"""Decoders of large language models: Llama, Mistral, Qwen and Gemma.

Shapes: B titles, T tokens, H width.
"""

from typing import Any, cast

from torch import Tensor, nn
from transformers.masking_utils import create_causal_mask, create_sliding_window_causal_mask

from morec.encoders.text.architecture import TokensAlone
from morec.encoders.text.families.rotary import FULL, WINDOW, RotaryArchitecture
from morec.encoders.text.stack import TransformerStack

_MASKS = {FULL: create_causal_mask, WINDOW: create_sliding_window_causal_mask}


class DecoderArchitecture(RotaryArchitecture):
    """Layers in which a token sees earlier tokens, all of them or those within a window.

    Padding is on the right, so that no mask is needed for it. Some encoders that were made of
    decoders look both ways (``is_causal: false`` in their configuration).
    """

    def kind_of(self, layer: Any) -> str:
        """The kind of a layer; Llama and Mistral have one and do not name it."""
        return getattr(layer.self_attn, "layer_type", None) or self.kinds[0]

    def mask(self, states_BTH: Tensor, is_token_BT: Tensor | None, kind: str) -> Tensor | None:
        """Earlier tokens, or all, within the window where there is one."""
        masked_BT = is_token_BT if looks_both_ways(self.config) else None
        mask = _MASKS[kind](self.config, states_BTH, masked_BT, past_key_values=None)
        return cast("Tensor | None", mask)

    def states(self, layer: nn.Module, states_BTH: Tensor, shared: Any) -> Tensor:
        """The states_BTH after a layer, which has to be told where no mask says it."""
        is_causal = not looks_both_ways(self.config)
        return cast(Tensor, layer(states_BTH, **shared[self.kind_of(layer)], is_causal=is_causal))


class Gemma3Architecture(DecoderArchitecture):
    """Layers whose kinds have their own frequencies; in EmbeddingGemma they look both ways."""

    def mask(self, states_BTH: Tensor, is_token_BT: Tensor | None, kind: str) -> Tensor | None:
        """Earlier tokens, or all, within the window where there is one."""
        if not looks_both_ways(self.config):
            return super().mask(states_BTH, is_token_BT, kind)
        width = self.config.sliding_window if kind == WINDOW else states_BTH.shape[1]
        mask = _MASKS[kind](
            self.config,
            states_BTH,
            is_token_BT,
            past_key_values=None,
            or_mask_function=lambda _title, _head, query, key: (query - key).abs() < width,
        )
        return cast("Tensor | None", mask)

    def angles(self, states_BTH: Tensor, positions_1T: Tensor, kind: str) -> Any:
        """Cosines and sines of the positions, by the kind's frequencies."""
        return self.rotary(states_BTH, positions_1T, kind)


def looks_both_ways(config: Any) -> bool:
    """Whether the tokens of a decoder also see later tokens."""
    is_causal = getattr(config, "is_causal", True)
    return not is_causal or bool(getattr(config, "use_bidirectional_attention", False))


def decoder_stack(model: Any) -> TransformerStack:
    """A ``LlamaModel`` or one like it as a stack."""
    return _stack(model, DecoderArchitecture)


def gemma3_stack(model: Any) -> TransformerStack:
    """A ``Gemma3TextModel`` as a stack."""
    return _stack(model, Gemma3Architecture)


def _stack(model: Any, architecture: type[DecoderArchitecture]) -> TransformerStack:
    config = model.config
    only = FULL if getattr(config, "sliding_window", None) is None else WINDOW
    kinds = getattr(config, "layer_types", None) or (only,)
    return TransformerStack(
        TokensAlone(model.embed_tokens),
        layers=model.layers,
        final=model.norm,
        architecture=architecture(config, model.rotary_emb, kinds),
    )
