"""The blocks of our user encoders as torch's own transformer layers."""

import torch
from torch import nn

from morec.models.sasrec import LAYER_NORM_EPS, Block


def torch_layer(block: Block, activation: str) -> nn.TransformerEncoderLayer:
    """torch's post-LN layer in fp64 with the block's weights; the biases the block lacks are 0.

    It has the block's dropout, but for the one behind the activation, which the block lacks.
    """
    dim = block.output.out_features
    layer = nn.TransformerEncoderLayer(
        dim,
        block.num_heads,
        4 * dim,
        dropout=block.dropout.p,
        activation=activation,
        layer_norm_eps=LAYER_NORM_EPS,
        batch_first=True,
        norm_first=False,
        dtype=torch.double,
    )
    layer.dropout.p = 0.0
    weights = [projection.weight for projection in block.query_key_value]
    with torch.no_grad():
        layer.self_attn.in_proj_weight.copy_(torch.cat(weights))
        layer.self_attn.in_proj_bias.zero_()
        layer.self_attn.out_proj.weight.copy_(block.output.weight)
        layer.self_attn.out_proj.bias.zero_()
    layer.linear1.load_state_dict(block.inner.state_dict())
    layer.linear2.load_state_dict(block.outer.state_dict())
    layer.norm1.load_state_dict(block.attention_norm.state_dict())
    layer.norm2.load_state_dict(block.feed_forward_norm.state_dict())
    return layer


def disturb(module: nn.Module) -> None:
    """Weights of no special value, so that a norm or bias in the wrong place shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
