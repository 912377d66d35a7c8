"""Converts a BERT that was exported to ONNX into a folder that transformers reads.

The export keeps the names of all tensors but the weights of linear layers, which stand transposed
in nameless constants; the multiplications that read them have the layers' names.
"""

from morec import torchvision_guard as torchvision_guard  # before timm and transformers

# isort: split
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import BertConfig, BertModel

from morec.encoders.artefacts import ArtefactStore, local_cache
from morec.encoders.weights.files import cached_sha256
from morec.errors import DataError

PREFIX = "model.0.auto_model."
"""What sentence-transformers puts before the names of a BERT."""
ENCODER = "encoder"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt")


def converted_folder(onnx_file: Path, sibling: Path) -> Path:
    """A folder with the weights of ``onnx_file``, for ``from_pretrained`` to read.

    An ONNX file holds neither tokenizer nor number of heads: they are those of ``sibling``, the
    folder of an encoder of the same width and vocabulary. Made once, next to the hub's cache.

    Raises:
        DataError: the package ``onnx`` is missing, or the file is not such a BERT.
    """
    store = ArtefactStore(local_cache())
    key = {
        "onnx": cached_sha256(onnx_file),
        "sibling": {
            name: cached_sha256(sibling / name)
            for name in ("config.json", *TOKENIZER)
            if (sibling / name).is_file()
        },
    }

    def make(folder: Path) -> None:
        _write_folder(onnx_file, sibling, folder / ENCODER)

    return store.get_or_make(onnx_file.stem, key, make).path / ENCODER


def read_bert(onnx_file: Path) -> dict[str, Tensor]:
    """The tensors of an exported BERT by the names that transformers gives them.

    Raises:
        DataError: the package ``onnx`` is missing, or cannot read the file.
    """
    graph, to_array = _read(onnx_file)
    constants_by_name = {tensor.name: tensor for tensor in graph.initializer}
    named = {
        name.removeprefix(PREFIX): to_array(tensor)
        for name, tensor in constants_by_name.items()
        if name.startswith(PREFIX)
    }
    for node in graph.node:
        constant = constants_by_name.get(node.input[1]) if node.op_type == "MatMul" else None
        if constant is not None:
            layer = node.name.removesuffix("/MatMul").rpartition("/auto_model/")[2]
            named[layer.replace("/", ".") + ".weight"] = to_array(constant).T
    # Named, because a model may be profiled on the meta device meanwhile.
    cpu = torch.device("cpu")
    return {name: torch.tensor(array, device=cpu).contiguous() for name, array in named.items()}


def _read(onnx_file: Path) -> tuple[Any, Any]:
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise DataError(
            f'{onnx_file}: reading it needs the package onnx: pip install "morec-studies[demo]"'
        ) from error
    try:
        return onnx.load(str(onnx_file)).graph, onnx.numpy_helper.to_array
    except (OSError, DecodeError) as error:
        raise DataError(f"{onnx_file}: cannot be read as ONNX: {error}") from error


def _write_folder(onnx_file: Path, sibling: Path, folder: Path) -> None:
    state = read_bert(onnx_file)
    layers = {name.split(".")[2] for name in state if name.startswith("encoder.layer.")}
    about = json.loads((sibling / "config.json").read_text(encoding="utf-8"))
    about["num_hidden_layers"] = len(layers)
    _check_fits(state, about, onnx_file)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    for name in TOKENIZER:
        if (sibling / name).is_file():
            shutil.copy(sibling / name, folder / name)


def _check_fits(state: dict[str, Tensor], about: dict[str, Any], onnx_file: Path) -> None:
    with torch.device("meta"):
        model = BertModel(BertConfig.from_dict(about), add_pooling_layer=False)
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise DataError(f"{onnx_file}: not the weights of such a BERT: {error}") from error
