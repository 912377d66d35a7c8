"""Writes a text encoder as training left it, as transformers and sentence-transformers read it.

Low-rank changes are merged into the layers that they change. Shapes: P tokens of all titles.
"""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from transformers import MODEL_MAPPING

from morec.config import TextSpec
from morec.encoders.frozen import frozen_randomness
from morec.encoders.interface import Encoder
from morec.encoders.lora import merge_lora
from morec.encoders.text.encoder import TextEncoder
from morec.encoders.text.reading import Reading, reading_of
from morec.encoders.text.stack import TransformerStack, WholeEncoder
from morec.encoders.text.tokens import TitleTokens, load_tokenizer
from morec.encoders.text.transformer import cut_stack, load_config, load_model
from morec.encoders.token_embedding import TokenTable
from morec.encoders.weights.pretrained import quiet
from morec.encoders.weights.sentence_folders import MODES, MODULES, OLDER_MODES, PROMPTS
from morec.results import write_atomically

STEP = "sentence_transformers.models."
PROMPT = "item"
"""The name of the prompt in the folder's list of prompts."""


def save_text_encoder(
    spec: TextSpec, encoder: Encoder, *, tokens: TitleTokens, texts: tuple[str, ...], folder: Path
) -> None:
    """Write weights, tokenizer, and how a text is read, into a folder, which is made.

    ``encoder`` is the trial's own: of a table of frozen features, the weights are those that made
    it. ``texts`` are what the tokenizer has read, of which ``tiny-random`` takes its words.
    """
    with quiet():
        model, state = _trained_model(spec, encoder, tokens)
        model.save_pretrained(folder, state_dict=state)
        load_tokenizer(spec, texts).save_pretrained(folder)
    width = getattr(model.config, "word_embed_proj_dim", model.config.hidden_size)
    _write_reading(reading_of(spec), spec.max_tokens, int(width), folder)


@torch.no_grad()
def _trained_model(
    spec: TextSpec, encoder: Encoder, tokens: TitleTokens
) -> tuple[Any, dict[str, Tensor]]:
    """The library's model, and its state: that of ``encoder`` above the cut, its own below it."""
    trained = (
        merge_lora(deepcopy(encoder.stack).cpu()) if isinstance(encoder, TextEncoder) else None
    )
    if isinstance(trained, WholeEncoder):
        return trained.model, trained.model.state_dict()
    config = load_config(spec, tokens.vocab_size)
    with frozen_randomness():
        model = load_model(spec, config, MODEL_MAPPING[type(config)])
    # A stack may rename the model's modules, and shares their tensors: the state is taken before.
    state = model.state_dict()
    if trained is not None:
        stack = cut_stack(model)
        if spec.trainable_layers != "all":
            stack = stack.above(len(stack.layers) - spec.trainable_layers)
        _copy_weights(trained, stack, tokens.ids)
    return model, state


def _copy_weights(
    source: TransformerStack, target: TransformerStack, ids_P: npt.NDArray[np.integer]
) -> None:
    """Copy every parameter; of token vectors those that are left, which are those titles use."""
    given = dict(source.named_parameters())
    for path, module in target.named_modules():
        for name, parameter in module.named_parameters(prefix=path, recurse=False):
            is_partial = isinstance(module, TokenTable) and len(given[name]) < len(parameter)
            rows = np.unique(ids_P).astype(np.int64) if is_partial else np.arange(len(parameter))
            parameter[torch.from_numpy(rows)] = given[name]


def _write_reading(reading: Reading, max_tokens: int, width: int, folder: Path) -> None:
    """Write the files of a sentence-transformers folder, which ``pooling: own`` reads, too."""
    steps = {"Transformer": "", "Pooling": "1_Pooling"}
    steps |= {"Normalize": "2_Normalize"} if reading.normalizes else {}
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"{STEP}{kind}"}
        for place, (kind, path) in enumerate(steps.items())
    ]
    mode = next(theirs for theirs, ours in MODES.items() if ours == reading.pooling)
    pooled = {key: theirs == mode for key, theirs in OLDER_MODES.items()}
    prompts = {PROMPT: reading.prompt} if reading.prompt else {}
    default = PROMPT if reading.prompt else None
    contents: dict[str, Any] = {
        MODULES: modules,
        "1_Pooling/config.json": {"word_embedding_dimension": width, **pooled},
        "sentence_bert_config.json": {
            "max_seq_length": max_tokens,
            "do_lower_case": reading.lowercases,
        },
        PROMPTS: {"prompts": prompts, "default_prompt_name": default},
    }
    for name, content in contents.items():
        write_atomically(folder / name, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
