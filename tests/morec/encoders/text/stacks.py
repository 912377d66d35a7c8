"""Titles as a stack reads them, and saved encoders as stacks in fp64."""

from pathlib import Path
from typing import Any

import torch

from morec.config import TextSpec
from morec.encoders.tables import padded
from morec.encoders.text.stack import TransformerStack, WholeEncoder
from morec.encoders.text.transformer import load_config, load_stack

LENGTHS = (3, 9, 1, 6)


def spec_of(folder: Path, **changes: Any) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), "pooling": "mean", **changes})


def stack_of(folder: Path, **changes: Any) -> TransformerStack | WholeEncoder:
    """A saved encoder, in evaluation mode."""
    spec = spec_of(folder, **changes)
    return load_stack(spec, load_config(spec, 0)).double().eval()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    is_token_BT = torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]
    ids_BT = torch.randint(4, 100, is_token_BT.shape, generator=torch.Generator().manual_seed(1))
    return ids_BT * is_token_BT, is_token_BT


def titles() -> list[tuple[torch.Tensor, int]]:
    return list(zip(batch()[0], LENGTHS, strict=True))


def inputs_of(stack: TransformerStack | WholeEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """What the stack reads of the batch: embedded without padding, then padded."""
    ids_BT, is_token_BT = batch()
    slots_BT = torch.arange(max(LENGTHS)).expand_as(ids_BT)
    return padded(stack.embed(ids_BT[is_token_BT], slots_BT[is_token_BT]), is_token_BT), is_token_BT
