"""Models of transformers: fresh or from a folder, in fp32, quietly, or refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from transformers.utils import logging

from morec.encoders.weights.pretrained import load_transformer, quiet
from morec.errors import DataError
from tests.morec.encoders.runs_code import RunsCode

SHAPE = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
CONFIG = hf.BertConfig(**SHAPE, intermediate_size=16, vocab_size=20, max_position_embeddings=9)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """An encoder in half precision, without pooling."""
    torch.manual_seed(3)
    hf.BertModel(CONFIG, add_pooling_layer=False).half().save_pretrained(tmp_path)
    return tmp_path


def test_weights_of_a_folder_are_read_in_fp32_and_without_a_pooling_of_their_own(
    saved: Path,
) -> None:
    config = hf.AutoConfig.from_pretrained(saved)
    model = load_transformer(saved, config, hf.BertModel)
    assert model.pooler is None
    expected = hf.BertModel.from_pretrained(saved, add_pooling_layer=False).state_dict()
    found = model.state_dict()
    assert found.keys() == expected.keys()
    for name, tensor in found.items():
        assert tensor.dtype == torch.float32, name
        assert torch.equal(tensor, expected[name].float()), name


def test_without_a_folder_the_library_draws_the_model_in_fp32() -> None:
    config = hf.BertConfig.from_dict({**CONFIG.to_dict(), "dtype": "float16"})
    torch.manual_seed(5)
    model = load_transformer(None, config, hf.BertModel)
    torch.manual_seed(5)
    expected = hf.BertModel(CONFIG, add_pooling_layer=False)
    assert model.pooler is None
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected.state_dict()[name]), name


def test_options_go_to_the_library(saved: Path) -> None:
    for folder in (saved, None):
        model = load_transformer(folder, CONFIG, hf.BertModel, attn_implementation="eager")
        assert model.config._attn_implementation == "eager"


def test_a_head_that_the_folder_lacks_is_drawn(saved: Path) -> None:
    torch.manual_seed(1)
    model = load_transformer(saved, CONFIG, hf.BertForMaskedLM)
    encoder = load_transformer(saved, CONFIG, hf.BertModel)
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(model.bert.state_dict()[name], tensor), name


@pytest.mark.parametrize("model_class", [hf.BertModel, hf.BertForMaskedLM])
def test_tensors_that_the_encoder_lacks_are_named(saved: Path, model_class: Any) -> None:
    model = hf.BertModel(CONFIG, add_pooling_layer=False)
    state = {name: tensor for name, tensor in model.state_dict().items() if "query" not in name}
    model.save_pretrained(saved, state_dict=state)
    prefix = "" if model_class is hf.BertModel else "bert."
    missing = [
        f"{prefix}encoder.layer.0.attention.self.query.{kind}" for kind in ("bias", "weight")
    ]
    with pytest.raises(DataError) as caught:
        load_transformer(saved, CONFIG, model_class)
    assert str(caught.value) == f"{saved}: the weights lack 2 tensors: {missing}"


def test_a_broken_file_is_refused(saved: Path) -> None:
    (saved / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(DataError, match="the weights cannot be read: "):
        load_transformer(saved, CONFIG, hf.BertModel)


def test_a_file_of_torchs_older_format_runs_none_of_what_it_holds(saved: Path) -> None:
    (saved / "model.safetensors").unlink()
    model = hf.BertModel(CONFIG, add_pooling_layer=False)
    torch.save(model.state_dict(), saved / "pytorch_model.bin")
    again = load_transformer(saved, CONFIG, hf.BertModel)
    name = "encoder.layer.0.output.dense.weight"
    assert torch.equal(again.get_parameter(name), model.get_parameter(name))
    torch.save(RunsCode(saved / "ran"), saved / "pytorch_model.bin")
    with pytest.raises(DataError, match="the weights cannot be read: "):
        load_transformer(saved, CONFIG, hf.BertModel)
    assert not (saved / "ran").exists()


@pytest.mark.parametrize("had_bar", [True, False])
def test_quiet_says_nothing_and_ends_with_what_was_set_before(*, had_bar: bool) -> None:
    before, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    switch = {True: logging.enable_progress_bar, False: logging.disable_progress_bar}
    try:
        logging.set_verbosity_info()
        switch[had_bar]()
        with quiet():
            assert logging.get_verbosity() == logging.ERROR
            assert not logging.is_progress_bar_enabled()
        assert logging.get_verbosity() == logging.INFO
        assert logging.is_progress_bar_enabled() == had_bar
    finally:
        logging.set_verbosity(before)
        switch[bar]()
