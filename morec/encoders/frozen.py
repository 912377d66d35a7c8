"""Frozen features are computed once: on which device, and with which randomness."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from morec.encoders.artefacts import Artefact

FROZEN_SEED = 0
"""Seed of random layers that are frozen: every trial of a study has the same ones."""
ENCODE_ITEMS = 512
"""Items in a batch when an artefact is made."""
COUNTS = "counts.json"
"""In the folder of an artefact: how many vectors, items or directions each rule concerned."""


@contextmanager
def frozen_randomness() -> Iterator[None]:
    """Draw from ``FROZEN_SEED`` inside, and leave the trial's own randomness as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(FROZEN_SEED)
        yield


def frozen_device() -> torch.device:
    """Frozen layers run on the GPU where this process sees one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@torch.inference_mode()
def write_features(encoder: nn.Module, num_items: int, folder: Path) -> None:
    """Encode all items, in evaluation mode, into ``features.npy``, (N, H)."""
    encoder = encoder.eval().to(frozen_device())
    features_NH = torch.cat([encoder(rows).cpu() for rows in row_chunks(num_items)])
    np.save(folder / "features.npy", features_NH.numpy())


def counts_of(artefact: Artefact) -> dict[str, int]:
    """What was counted when an artefact was made; empty where nothing was."""
    path = artefact.path / COUNTS
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


@torch.inference_mode()
def write_layer_states(
    encoder: nn.Module, chunks: Sequence[Tensor], num_layers: int, folder: Path
) -> None:
    """Encode all items, in evaluation mode, into ``features.npy``, (N, K, H).

    The encoder joins K layers' states to (N, K * H). The rows in ``chunks`` are written one after
    the other: K times as many numbers as features have may not fit into memory.
    """
    encoder = encoder.eval().to(frozen_device())
    num_items = sum(map(len, chunks))
    width = encoder(chunks[0][:1]).shape[1] // num_layers
    states_NKH = np.lib.format.open_memmap(
        folder / "features.npy", "w+", np.float32, (num_items, num_layers, width)
    )
    for rows in chunks:
        states_NKH[rows.numpy()] = encoder(rows).cpu().unflatten(1, (num_layers, width))
    states_NKH.flush()


def row_chunks(num_items: int) -> tuple[Tensor, ...]:
    """All rows in order, in batches of ``ENCODE_ITEMS``."""
    return torch.split(torch.arange(num_items), ENCODE_ITEMS)
