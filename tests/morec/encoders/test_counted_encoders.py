"""Every text encoder is counted, on the meta device and with its weights alike."""

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from morec.config import TextSpec, TrialConfig
from morec.cost import count_parameters
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, family_of
from morec.encoders.macs import count_macs
from morec.model_profile import profile_model
from tests.morec.encoders.conftest import CUT, WHOLE

REPEATED = ("roberta", "llama both ways", "mistral", "qwen3", "gemma", "gemma3_text both ways")
"""These run the operations of another one."""
COUNTED = [family for family in (*CUT, *WHOLE) if family not in REPEATED]


def trial(folder: Path) -> TrialConfig:
    text = {"name": str(folder), "trainable_layers": "all", "pooling": "mean"}
    values = {"dataset": {"kind": "synthetic"}, "item": {"text": text}, "model": {"dim": 8}}
    return TrialConfig.model_validate(values)


@pytest.mark.parametrize("family", COUNTED)
def test_a_trained_encoder_is_counted_as_torchs_own_counter_counts_it(
    family: str, dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    config = trial(saved_encoders[family])
    assert isinstance(config.item.text, TextSpec)
    encoder = build_encoder(config.item.text, dataset, shared_store).eval()
    # With gradients torch's counter can follow modules whose inputs are weights.
    with torch.enable_grad(), FlopCounterMode(display=False) as counter:
        encoder.encode_padded_item()
    macs, uncounted = count_macs(encoder.encode_padded_item)
    # On the CPU torch has no formula for attention in one operation: two products in each of three
    # layers, of 30 tokens by 30 tokens by width 8.
    has_products = family.startswith(("deberta", "mpnet", "gemma2"))
    attention = 0 if has_products else 3 * 2 * 30 * 30 * 8
    assert (macs, uncounted) == (counter.get_total_flops() // 2 + attention, set())


@pytest.mark.parametrize("family", COUNTED)
def test_a_trained_encoder_is_profiled_without_its_weights(
    family: str, dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    config = trial(saved_encoders[family])
    assert isinstance(config.item.text, TextSpec)
    found = profile_model(config, num_users=10, num_items=20)
    assert found is not None
    encoder = build_encoder(config.item.text, dataset, shared_store).eval()
    one_item, _ = count_macs(encoder.encode_padded_item)
    projection = encoder.dim * 8
    length, blocks = config.dataset.max_seq_len, config.model.num_blocks
    users = blocks * (length * 12 * 8**2 + 2 * length**2 * 8)
    assert found.forward_macs_paper == 2 * (length + 1) * (one_item + projection) + users


@pytest.mark.parametrize("family", ["mpnet", "deberta-v2", "gemma3_text"])
def test_what_is_above_a_cut_is_counted_without_its_weights(
    family: str, dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    fields = {"name": str(saved_encoders[family]), "trainable_layers": 1, "pooling": "mean"}
    spec = TextSpec.model_validate(fields)
    built = build_encoder(spec, dataset, shared_store)
    with torch.device("meta"):
        blank = family_of(spec).blank(spec.model_copy(update={"pretrained": False}))
    assert blank is not None
    assert count_parameters(blank) == count_parameters(built)
    total, trained = count_parameters(built)
    # The vectors and biases of distances are there, and do not train.
    assert (total > trained) == (family != "gemma3_text")
