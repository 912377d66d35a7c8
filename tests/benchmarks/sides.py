"""The straightforward counterpart of a trainer: the same weights, the same data."""

from pathlib import Path

import torch
from torch import nn

from morec.models.sasrec import SASRec
from morec.trainer import Trainer
from tests.benchmarks import plain


def plain_trainer(ours: Trainer, item: nn.Module) -> plain.Trainer:
    """A loop over the samples of ``ours``, with its user encoder's weights and ``item``."""
    return plain.Trainer(
        ours.samples.trained_UL1,
        ours.dataset.num_items,
        plain_user(ours.recommender.user_encoder),
        item,
        ours.config.training.batch_size,
    )


def plain_ids(ours: Trainer) -> plain.IdEncoder:
    embedding = ours.recommender.item_encoder.parts["id"].embedding
    encoder = plain.IdEncoder(ours.dataset.num_items, embedding.embedding_dim)
    encoder.load_state_dict({"embedding.weight": embedding.weight.detach()})
    return encoder


def plain_titles(ours: Trainer, folder: Path) -> plain.TitleEncoder:
    """The BERT in ``folder`` over all titles; ours must have started from the same folder."""
    part = ours.recommender.item_encoder.parts["text"]
    tokens_NT = plain.padded_tokens(ours.dataset.titles or (), folder)
    encoder = plain.TitleEncoder(folder, tokens_NT, part.projection[0].out_features)
    encoder.projection.load_state_dict(part.projection[0].state_dict())
    return encoder


def plain_features(ours: Trainer) -> plain.FeatureEncoder:
    part = ours.recommender.item_encoder.parts["text"]
    features_NH = part.encoder(torch.arange(ours.dataset.num_items))
    with_padding = torch.cat([torch.zeros_like(features_NH[:1]), features_NH])
    encoder = plain.FeatureEncoder(with_padding, part.projection[0].out_features)
    encoder.projection.load_state_dict(part.projection[0].state_dict())
    return encoder


def plain_user(ours: nn.Module) -> plain.SASRec:
    """The same weights under the names of ``plain.SASRec``."""
    assert isinstance(ours, SASRec)
    length, dim = ours.positions.weight.shape
    user = plain.SASRec(dim, length, len(ours.blocks), ours.dropout.p)
    user.to(ours.positions.weight.dtype)
    user.positions.load_state_dict(ours.positions.state_dict())
    user.norm.load_state_dict(ours.norm.state_dict())
    for number, block in enumerate(ours.blocks):
        attention, feed = user.attentions[number], user.feeds[number]
        pairs = zip((attention.q, attention.k, attention.v), block.query_key_value, strict=True)
        for theirs, source in (
            *pairs,
            (attention.out, block.output),
            (feed[0], block.inner),
            (feed[2], block.outer),
            (user.norms[2 * number], block.attention_norm),
            (user.norms[2 * number + 1], block.feed_forward_norm),
        ):
            theirs.load_state_dict(source.state_dict())
    return user
