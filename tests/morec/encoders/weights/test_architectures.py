"""The shapes of well-known encoders give the numbers of parameters that their authors state."""

import pytest
import torch
from transformers import AutoModel

from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.text import KNOWN_HUB_NAMES

STATED = {
    "distilbert-base-uncased": 66e6,  # Sanh et al. 2019
    "sentence-transformers/all-MiniLM-L6-v2": 22.7e6,
    "sentence-transformers/all-mpnet-base-v2": 109e6,
    "intfloat/e5-base-v2": 109e6,
    "BAAI/bge-base-en-v1.5": 109e6,
    "answerdotai/ModernBERT-base": 149e6,
    "microsoft/deberta-v3-base": 184e6,  # 86M, and 98M of its vocabulary
    "Qwen/Qwen3-Embedding-0.6B": 596e6,
    "facebook/opt-125m": 125e6,  # Zhang et al. 2022, table 1
    "bert-base-uncased": 110e6,  # Devlin et al. 2019, section 3
    "roberta-base": 125e6,
}
"""From the papers, the others from the model cards."""


@pytest.mark.parametrize("name", STATED)
def test_a_well_known_text_encoder_is_as_large_as_stated(name: str) -> None:
    with torch.device("meta"):
        model = AutoModel.from_config(known_config(name))
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(STATED[name], rel=0.01)


def test_every_text_encoder_that_is_proposed_is_known() -> None:
    proposed = [name for name in KNOWN_HUB_NAMES if name != "minilm"]
    assert all(known_config(name) is not None for name in proposed)
