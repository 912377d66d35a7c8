"""Transformers that read titles: what is computed once below the cut, and what a trial runs above.

The encoder is cut at its first trainable layer; everything below is an artefact: token ids
(end-to-end), the states below the top k layers, or pooled features (two-stage). What is below was
computed in evaluation mode, without dropout; what is above has its own dropout in training. ``all``
trains embeddings too; the top k layers train with the final norm above them, if there is one.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import (
    FROZEN_SEED,
    frozen_device,
    frozen_randomness,
    row_chunks,
    write_features,
    write_layer_states,
)
from morec.encoders.interface import Encoder, EncoderFamily
from morec.encoders.lora import QUERY_AND_VALUE, add_lora
from morec.encoders.side import side_layers
from morec.encoders.tables import FeatureTable, PackedTable
from morec.encoders.text.encoder import TextEncoder
from morec.encoders.text.mlm import masked_language_round
from morec.encoders.text.reading import blank_reading, other_reading, reading_of, texts_of
from morec.encoders.text.saving import save_text_encoder
from morec.encoders.text.stack import TransformerStack, WholeEncoder
from morec.encoders.text.tokens import TitleTokens, open_tokens, title_tokens, tokens_key
from morec.encoders.text.transformer import keep_layers, load_config, load_layerwise, load_stack
from morec.encoders.weights.architectures import known_config
from morec.encoders.weights.text import PACKAGED, text_hash
from morec.errors import DataError


class TransformerFamily(EncoderFamily[TextSpec]):
    """Transformers that read titles: packaged, from the model hub, a folder, or from scratch."""

    part = "text"

    def weights_hash(self, spec: TextSpec) -> str:
        """Identify the weights."""
        return text_hash(spec)

    def inputs(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or make everything below the first trainable layer."""
        tokens = title_tokens(spec, dataset, store)
        opened = open_tokens(tokens)
        _check_ids(spec, opened)
        if spec.trainable_layers == "all":
            return tokens
        key = {
            **tokens_key(spec, dataset),
            "weights": text_hash(spec),
            "num_layers": spec.num_layers,
            "seed": None if spec.pretrained else FROZEN_SEED,
        }
        if spec.trainable_layers != 0:
            key["trainable_layers"] = spec.trainable_layers
            return store.get_or_make("states", key, lambda path: _write_states(spec, opened, path))

        reading = reading_of(spec)
        key["pooling"] = reading.pooling
        if spec.side is not None:
            return self._layer_states(spec, opened, key, store)
        if reading.normalizes:
            key["normalizes"] = True

        def make_features(folder: Path) -> None:
            write_features(_frozen_encoder(spec, opened), dataset.num_items, folder)

        return store.get_or_make("features", key, make_features)

    def build(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        """Build the layers that train, or the table of frozen features."""
        inputs = self.inputs(spec, dataset, store)
        if spec.trainable_layers == 0:
            return FeatureTable(inputs.array("features"))
        tokens = open_tokens(title_tokens(spec, dataset, store))
        stack = trained_part(spec, _own_stack(spec, load_config(spec, tokens.vocab_size)))
        is_whole = spec.trainable_layers == "all"
        values = stack.keep_tokens(tokens.ids) if is_whole else inputs.array("states")
        table = PackedTable(values, tokens.lengths)
        return _encoder(spec, table, stack, pad_id=tokens.pad_id)

    def second_round(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Masked language modelling on the titles."""
        return masked_language_round(spec, dataset, store)

    def save(
        self,
        spec: TextSpec,
        encoder: Encoder,
        *,
        dataset: Dataset,
        store: ArtefactStore,
        folder: Path,
    ) -> None:
        """Write it as transformers and sentence-transformers read it."""
        tokens, texts = open_tokens(title_tokens(spec, dataset, store)), texts_of(spec, dataset)
        save_text_encoder(spec, encoder, tokens=tokens, texts=texts, folder=folder)

    def read_as(self, spec: TextSpec) -> str:
        """Template, pooling, lower-casing and prompt."""
        template = [] if spec.template is None else [repr(spec.template)]
        return ", ".join([*template, reading_of(spec).description])

    def caveat(self, spec: TextSpec) -> str:
        """What a sentence-transformers folder says otherwise."""
        return other_reading(spec)

    def _layer_states(
        self, spec: TextSpec, tokens: TitleTokens, key: Mapping[str, Any], store: ArtefactStore
    ) -> Artefact:
        """Find or make the pooled states that a side network reads, whatever its own options."""
        layers = self.side_layers(spec)

        def make(folder: Path) -> None:
            encoder = _layerwise_encoder(spec, layers, tokens)
            write_layer_states(encoder, row_chunks(len(tokens.lengths)), len(layers), folder)

        return store.get_or_make("layer-states", {**key, "layers": layers}, make)

    def side_layers(self, spec: TextSpec) -> tuple[int, ...]:
        """Every encoder of the library gives its layers' states."""
        assert spec.side is not None, spec
        config = _blank_config(spec) or load_config(spec, vocab_size=0)
        return side_layers(spec.side, config.num_hidden_layers, where="item.text")

    def blank(self, spec: TextSpec) -> "TextEncoder | None":
        """The layers that train, over one token; a hub's encoder only if it is well known."""
        config = _blank_config(spec)
        if config is None:
            return None
        stack = trained_part(spec, load_stack(spec, config))
        values: npt.NDArray[np.generic] = np.zeros(1, np.int64)
        if isinstance(stack, TransformerStack) and stack.embedding is None:
            values = np.zeros((1, stack.width), np.float32)
        table, reading = PackedTable(values, np.ones(1, np.int64)), blank_reading(spec)
        return TextEncoder(table, stack, reading, max_tokens=spec.max_tokens, pad_id=0)

    def input_bytes(self, spec: TextSpec) -> int:
        """Tokens, and the states computed from them; every title counts as ``max_tokens`` long."""
        token_bytes = 4 * spec.max_tokens
        if spec.trainable_layers in (0, "all"):
            return token_bytes
        encoder = self.blank(spec)
        assert encoder is not None and isinstance(encoder.stack, TransformerStack)
        return token_bytes * (1 + encoder.stack.width)


def _encoder(
    spec: TextSpec, table: PackedTable, stack: TransformerStack | WholeEncoder, *, pad_id: int
) -> TextEncoder:
    reading = reading_of(spec)
    return TextEncoder(table, stack, reading, max_tokens=spec.max_tokens, pad_id=pad_id)


def trained_part(
    spec: TextSpec, stack: TransformerStack | WholeEncoder
) -> TransformerStack | WholeEncoder:
    """What trains of an encoder: everything above the cut, or low-rank changes of it."""
    if spec.trainable_layers != "all":
        stack = _split(spec, stack)[1]
    if spec.lora is not None:
        add_lora(stack, spec.lora, QUERY_AND_VALUE, where="item.text.lora")
    return stack


def _blank_config(spec: TextSpec) -> Any | None:
    """The architecture without its weights; None: its shapes are not known on this machine."""
    config = known_config(spec.name)
    if config is None:
        is_here = spec.name in PACKAGED or Path(spec.name).is_dir()
        return load_config(spec, vocab_size=0) if is_here else None
    keep_layers(config, spec.num_layers)
    return config


def _check_ids(spec: TextSpec, tokens: TitleTokens) -> None:
    known, highest = load_config(spec, tokens.vocab_size).vocab_size, int(tokens.ids.max())
    if highest >= known:
        raise DataError(
            f"item.text.name: the tokenizer of {spec.name!r} gives token {highest}, but its "
            f"weights know tokens 0 to {known - 1} only"
        )


def _split(
    spec: TextSpec, stack: TransformerStack | WholeEncoder
) -> tuple[TransformerStack, TransformerStack]:
    """Below and above the cut."""
    assert spec.trainable_layers != "all" and isinstance(stack, TransformerStack), spec
    cut = len(stack.layers) - spec.trainable_layers
    return stack.below(cut), stack.above(cut)


def _own_stack(spec: TextSpec, config: Any) -> TransformerStack | WholeEncoder:
    """The encoder from the trial's own randomness, but for what does not train above a cut."""
    stack = load_stack(spec, config)
    if spec.trainable_layers == "all" or spec.pretrained:
        return stack
    assert isinstance(stack, TransformerStack)
    if any(True for _ in stack.architecture.parameters()):
        with frozen_randomness():
            shared = load_stack(spec, config)
        assert isinstance(shared, TransformerStack)
        stack.architecture = shared.architecture
    return stack


def _frozen_encoder(spec: TextSpec, tokens: TitleTokens) -> TextEncoder:
    """Everything below the cut, in evaluation mode, without touching the trial's randomness."""
    with frozen_randomness():
        stack = load_stack(spec, load_config(spec, tokens.vocab_size))
    if spec.trainable_layers != 0:
        stack = _split(spec, stack)[0]
    table = PackedTable(tokens.ids, tokens.lengths)
    return _encoder(spec, table, stack, pad_id=tokens.pad_id).eval().to(frozen_device())


def _layerwise_encoder(spec: TextSpec, layers: tuple[int, ...], tokens: TitleTokens) -> TextEncoder:
    """The whole encoder with its layers' states, without touching the trial's randomness."""
    config = load_config(spec, tokens.vocab_size)
    with frozen_randomness():
        encoder = load_layerwise(spec, config, layers)
    table, reading = PackedTable(tokens.ids, tokens.lengths), reading_of(spec)
    # Of several layers' states, joined, no length means anything.
    reading = replace(reading, normalizes=False)
    return TextEncoder(table, encoder, reading, max_tokens=spec.max_tokens, pad_id=tokens.pad_id)


@torch.inference_mode()
def _write_states(spec: TextSpec, tokens: TitleTokens, folder: Path) -> None:
    encoder = _frozen_encoder(spec, tokens)
    states = np.lib.format.open_memmap(
        folder / "states.npy", "w+", np.float32, (len(tokens.ids), encoder.dim)
    )
    written = 0
    for chunk in row_chunks(len(tokens.lengths)):
        part = encoder.states(chunk).cpu().numpy()
        states[written : written + len(part)] = part
        written += len(part)
    states.flush()
