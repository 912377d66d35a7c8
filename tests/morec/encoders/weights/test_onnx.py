"""A BERT exported to ONNX becomes a folder that computes what onnxruntime computes."""

import json
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors import safe_open
from transformers import AutoTokenizer, BertModel

from morec.config import TrialConfig
from morec.encoders.weights import files as weight_files
from morec.encoders.weights.onnx import converted_folder, read_bert
from morec.encoders.weights.text import ONNX_FILE, PACKAGED, packaged_folder
from morec.errors import DataError
from morec.model_profile import profile_model

pytestmark = pytest.mark.usefixtures("minilm")

GOLDEN = {
    "a man is eating food": [-0.0953326821, 0.0201025102, -0.2603232563, 0.1143277213],
    "shares dropped on wall street": [0.3653624952, -0.1652966589, 0.1062669083, -0.3642878532],
}
"""Mean over the tokens, first four numbers: onnxruntime 1.32.0 on the same file, output
``onnx::Shape_422``, tokens of minilm's ``tokenizer.json``."""


@pytest.fixture(scope="module")
def onnx_file() -> Path:
    packaged = PACKAGED["minilm-l3"]
    return Path(str(distribution(packaged.distribution).locate_file(packaged.folder))) / ONNX_FILE


@pytest.fixture(scope="module")
def folder(onnx_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HOME", str(tmp_path_factory.mktemp("hub")))
        made = converted_folder(onnx_file, packaged_folder("minilm"))
        assert converted_folder(onnx_file, packaged_folder("minilm")) == made
    return made


def test_the_conversion_computes_what_onnxruntime_computes(folder: Path) -> None:
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for title, expected in GOLDEN.items():
        with torch.no_grad():
            states = model(**tokenizer(title, return_tensors="pt")).last_hidden_state
        found = states[0].mean(0)[:4]
        torch.testing.assert_close(found, torch.tensor(expected), rtol=0, atol=2e-6)


def test_the_folder_has_its_own_number_of_layers_and_the_sibling_is_unchanged(folder: Path) -> None:
    assert json.loads((folder / "config.json").read_text())["num_hidden_layers"] == 3
    sibling = packaged_folder("minilm")
    assert json.loads((sibling / "config.json").read_text())["num_hidden_layers"] == 6
    assert (folder / "vocab.txt").read_bytes() == (sibling / "vocab.txt").read_bytes()


def test_the_bytes_of_the_description_stay_since_they_name_the_weights_in_records(
    folder: Path,
) -> None:
    sibling = (packaged_folder("minilm") / "config.json").read_text()
    described = json.loads(sibling) | {"num_hidden_layers": 3}
    expected = json.dumps(described, indent=1) + "\n"
    assert (folder / "config.json").read_text(encoding="utf-8") == expected


def test_the_weights_say_that_they_are_torchs_and_are_those_of_the_export(
    folder: Path, onnx_file: Path
) -> None:
    with safe_open(folder / "model.safetensors", "pt") as stored:
        assert stored.metadata() == {"format": "pt"}
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    expected = read_bert(onnx_file)
    assert tensors.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in tensors.items())
    with torch.device("meta"):
        assert {tensor.device.type for tensor in read_bert(onnx_file).values()} == {"cpu"}


def test_a_model_can_be_profiled_before_its_weights_were_converted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Profiles are made on the meta device, where no tensor has numbers to write to a file."""
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    item = {"text": {"name": "minilm-l3", "trainable_layers": "all"}}
    config = TrialConfig.model_validate({"dataset": {"kind": "movielens"}, "item": item})
    profile = profile_model(config, num_users=1, num_items=3)
    assert profile is not None
    assert profile.params_trainable > 17_000_000


def test_a_folder_is_found_again_without_reading_the_files_it_was_made_of(
    onnx_file: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HOME", str(folder.parents[2]))
    monkeypatch.setattr(weight_files, "file_sha256", lambda path: pytest.fail(f"{path}: read"))
    assert converted_folder(onnx_file, packaged_folder("minilm")) == folder


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"\xff" * 50)
    with pytest.raises(DataError, match=r"broken.onnx: cannot be read as ONNX: "):
        read_bert(broken)


def test_an_onnx_of_something_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    graph = onnx.helper.make_graph([], "nothing", [], [])
    onnx.save(onnx.helper.make_model(graph), str(tmp_path / "other.onnx"))
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    expected = r"other.onnx: not the weights of such a BERT: (.|\n)*embeddings.word_embeddings"
    with pytest.raises(DataError, match=expected):
        converted_folder(tmp_path / "other.onnx", packaged_folder("minilm"))


def test_without_onnx_the_message_says_how_to_install_it(
    onnx_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    expected = r'reading it needs the package onnx: pip install "morec-studies\[demo\]"'
    with pytest.raises(DataError, match=expected):
        read_bert(onnx_file)
