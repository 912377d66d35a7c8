"""OPT: a decoder with learned positions, and projections where its token vectors are narrower.

Shapes: B titles, T tokens, H width.
"""

from typing import Any, cast

from torch import Tensor, nn

from morec.encoders.text.architecture import Architecture
from morec.encoders.text.stack import TransformerStack


class OptArchitecture(Architecture):
    """Causal layers, which never look at padding: it is on the right."""

    def shared(self, states_BTH: Tensor, is_token_BT: Tensor | None) -> None:
        """No mask: the layers make their attention causal."""


class OptEmbedding(nn.Module):
    """Tokens plus positions, as ``OPTDecoder.forward`` adds them up."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.tokens = decoder.embed_tokens
        self.positions = decoder.embed_positions
        self.project = decoder.project_in or nn.Identity()

    def forward(self, input_ids: Tensor, position_ids: Tensor) -> Tensor:
        """Embed the ids (B, T), result (B, T, H)."""
        # It counts positions by a mask only where they are not given.
        positions_BTH = self.positions(None, position_ids=position_ids)
        return cast(Tensor, self.project(self.tokens(input_ids)) + positions_BTH)


def opt_stack(model: Any) -> TransformerStack:
    """An ``OPTModel`` as a stack."""
    decoder = model.decoder
    last = [part for part in (decoder.final_layer_norm, decoder.project_out) if part is not None]
    return TransformerStack(
        OptEmbedding(decoder),
        layers=decoder.layers,
        final=nn.Sequential(*last),
        architecture=OptArchitecture(
            decoder.config.hidden_size, dim=decoder.config.word_embed_proj_dim
        ),
    )
