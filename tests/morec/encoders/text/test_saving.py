"""Saved text encoders, read by transformers and by sentence-transformers instead of by us."""

import importlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from torch import Tensor

from morec.config import ItemSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder
from morec.encoders.interface import Encoder
from morec.encoders.saved import save_encoder
from morec.encoders.text.families.table import CUT
from tests.morec.encoders.sentence_folders import sentence_copy

OWN = {"prompts": {"item": "Red: "}, "default_prompt_name": "item"}
CASES: dict[str, dict[str, Any]] = {
    "first token": {"name": "tiny-random", "pretrained": False, "trainable_layers": "all"},
    "mean of the top layer": {"name": "bert", "pooling": "mean", "trainable_layers": 1},
    "low rank": {"name": "roberta", "trainable_layers": "all", "lora": {"rank": 2}},
    "whole": {"name": "electra", "pooling": "mean", "trainable_layers": "all"},
    "shared by all layers": {"name": "mpnet", "pooling": "mean", "trainable_layers": "all"},
    "last token": {"name": "opt", "pooling": "last", "trainable_layers": 1},
    "two layers": {"name": "bert", "num_layers": 2, "trainable_layers": 1},
    "own prompt and length": {"name": "own", "pooling": "own", "trainable_layers": 1},
    "frozen": {"name": "bert", "prompt": "Blue: "},
}


@pytest.fixture(scope="module", params=CASES)
def saved(
    request: pytest.FixtureRequest,
    dataset: Dataset,
    saved_encoders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, Tensor]:
    """An encoder after some training: its folder, and the vectors of all items."""
    place = tmp_path_factory.mktemp("saved")
    store, given = ArtefactStore(place / "artefacts"), dict(CASES[request.param])
    own = sentence_copy(saved_encoders["bert"], place / "own", prompts=OWN)
    given["name"] = str({**saved_encoders, "own": own}.get(given["name"], given["name"]))
    spec = ItemSpec.model_validate({"text": {"max_tokens": 9, **given}}).text
    assert isinstance(spec, TextSpec)
    encoder = _moved(build_encoder(spec, dataset, store))
    target = place / "folder"
    save_encoder(spec, encoder, dataset=dataset, store=store, folder=target)
    with torch.no_grad():
        return request.param, target, encoder.eval()(torch.arange(dataset.num_items))


@torch.no_grad()
def _moved(encoder: Encoder) -> Encoder:
    torch.manual_seed(5)
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return encoder


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


@torch.no_grad()
def test_transformers_gives_the_vectors_of_the_trial(
    saved: tuple[str, Path, Tensor], dataset: Dataset
) -> None:
    """One title at a time, so that nothing is padded; pooled here."""
    case, folder, vectors = saved
    model = hf.AutoModel.from_pretrained(folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    pooling = CASES[case].get("pooling", "cls")
    prompt = CASES[case].get("prompt", OWN["prompts"]["item"] if pooling == "own" else "")  # type: ignore[index]
    for title, expected in zip(dataset.titles or (), vectors, strict=True):
        text = f"{prompt}{title}" if pooling == "own" else f"{prompt}{title}".lower()
        tokens = tokenizer(text, truncation=True, max_length=9, return_tensors="pt")
        (states,) = model(**tokens).last_hidden_state
        found = {"cls": states[0], "last": states[-1]}.get(pooling, states.mean(0))
        found = found / found.norm() if pooling == "own" else found
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_sentence_transformers_gives_the_vectors_of_the_trial(
    saved: tuple[str, Path, Tensor], dataset: Dataset
) -> None:
    """It pads, pools, lower-cases and puts the prompt in front as the folder says."""
    pytest.importorskip("sentence_transformers")
    _, folder, vectors = saved
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = importlib.import_module("sentence_transformers")
        model = library.SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        found = model.encode(list(dataset.titles or ()), show_progress_bar=False)
    np.testing.assert_allclose(found, vectors.numpy(), rtol=1e-5, atol=1e-5)


def test_the_folder_says_how_it_is_read(saved: tuple[str, Path, Tensor]) -> None:
    case, folder, vectors = saved
    kinds = [one["type"].rpartition(".")[2] for one in _read(folder, "modules.json")]
    is_own = case.startswith("own")
    assert kinds == ["Transformer", "Pooling", *(["Normalize"] if is_own else [])]
    pooled = _read(folder, "1_Pooling/config.json")
    assert pooled["word_embedding_dimension"] == vectors.shape[1]
    modes = {"mean": "mean_tokens", "last": "lasttoken", "own": "mean_tokens"}
    mode = modes.get(CASES[case].get("pooling", "cls"), "cls_token")
    assert [n for n in pooled if pooled[n] is True] == [f"pooling_mode_{mode}"]
    about = _read(folder, "sentence_bert_config.json")
    assert about == {"max_seq_length": 9, "do_lower_case": not is_own}
    assert hf.AutoConfig.from_pretrained(folder).model_type in (*CUT, "electra")
