"""A transformer text encoder as embedding, layers and final norm, cut where training starts.

Layers are found by the names the architecture gives them, never by a parameter's position.
Shapes: B titles, T tokens, H width.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import torch
import transformers
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, BertConfig

from morec.config import TextSpec
from morec.encoders.first_token import first_token_state
from morec.encoders.weights import TINY_RANDOM, TINY_RANDOM_SHAPE, text_folder
from morec.errors import DataError, SpecError

BERT_LIKE = ("bert", "camembert", "roberta", "xlm-roberta")
"""``embeddings`` and ``encoder.layer``; attention sees every token."""
OPT_LIKE = ("opt",)
"""``decoder.layers``; attention sees earlier tokens only."""


class TransformerStack(nn.Module):
    """Embedding (absent above a cut), transformer layers, final norm (absent below a cut)."""

    def __init__(
        self,
        embedding: nn.Module | None,
        layers: nn.ModuleList,
        final: nn.Module | None,
        *,
        is_causal: bool,
        width: int,
        dim: int,
    ) -> None:
        """Take the parts with H between the layers (``width``) and at the end (``dim``)."""
        super().__init__()
        self.embedding = embedding
        self.layers = layers
        self.final = final
        self.is_causal = is_causal
        self.width = width
        self.dim = dim

    def forward(
        self, inputs: Tensor, is_token_BT: Tensor | None, *, first_only: bool = False
    ) -> Tensor:
        """Turn token ids (B, T), or the states_BTH below a cut, into states_BTH.

        ``None`` says that there is no padding. Padding is on the right, where causal attention
        never looks, and is masked in the other kind. ``first_only`` leaves out all states but
        the first token's, (B, 1, H), and the work for them; BERT-like encoders only.
        """
        states_BTH = inputs if self.embedding is None else self.embedding(inputs)
        is_masked = is_token_BT is not None and not self.is_causal
        mask_B11T = is_token_BT[:, None, None, :] if is_token_BT is not None and is_masked else None
        layers = self.layers[:-1] if first_only else self.layers
        for layer in layers:
            states_BTH = layer(states_BTH, attention_mask=mask_B11T)
        if first_only:
            states_BTH = first_token_state(self.layers[-1], states_BTH, mask_B11T)
        return states_BTH if self.final is None else cast(Tensor, self.final(states_BTH))

    def below(self, layer: int) -> "TransformerStack":
        """The embedding and the first ``layer`` layers."""
        return TransformerStack(
            self.embedding,
            self.layers[:layer],
            None,
            is_causal=self.is_causal,
            width=self.width,
            dim=self.width,
        )

    def above(self, layer: int) -> "TransformerStack":
        """The rest: reads the states that ``below(layer)`` writes."""
        return TransformerStack(
            None,
            self.layers[layer:],
            self.final,
            is_causal=self.is_causal,
            width=self.width,
            dim=self.dim,
        )


def pool(states_BTH: Tensor, is_token_BT: Tensor | None, pooling: Literal["cls", "mean"]) -> Tensor:
    """The first token's state, or the mean over the tokens, shape (B, H)."""
    if pooling == "cls":
        return states_BTH[:, 0]
    if is_token_BT is None:
        return states_BTH.mean(1)
    weights_BT1 = is_token_BT[:, :, None].to(states_BTH.dtype)
    return (states_BTH * weights_BT1).sum(1) / weights_BT1.sum(1)


def load_config(spec: TextSpec, vocab_size: int) -> Any:
    """The architecture a specification names, cut to ``num_layers``.

    ``vocab_size`` matters to ``tiny-random`` only, whose vocabulary is the catalogue's.

    Raises:
        DataError: the encoder cannot be had.
        SpecError: the architecture cannot do what is asked; lists everything.
    """
    if spec.name == TINY_RANDOM:
        config = _tiny_config(vocab_size)
    else:
        config = _saved_config(text_folder(spec))
    problems = list(_problems(spec, config))
    if problems:
        raise SpecError(problems)
    if spec.num_layers != "all":
        config.num_hidden_layers = spec.num_layers
    return config


def load_stack(spec: TextSpec, config: Any) -> TransformerStack:
    """The encoder with its weights, or with fresh ones from torch's random state.

    Raises:
        DataError: the weight file lacks tensors of the architecture.
    """
    model = load_model(spec, config, transformers.MODEL_MAPPING[type(config)])
    if config.model_type in OPT_LIKE:
        return _opt_stack(model.decoder)
    return TransformerStack(
        model.embeddings,
        model.encoder.layer,
        None,
        is_causal=False,
        width=config.hidden_size,
        dim=config.hidden_size,
    )


def load_model(spec: TextSpec, config: Any, model_class: Any) -> Any:
    """One of the library's models: the encoder alone, or with a head that ``model_class`` adds.

    What is not pretrained comes from torch's random state; of a pretrained encoder that is at most
    the head.

    Raises:
        DataError: the weight file lacks tensors of the encoder.
    """
    with quiet():
        if spec.pretrained:
            return _pretrained(text_folder(spec), config, model_class)
        return model_class._from_config(
            config, dtype=torch.float32, attn_implementation="sdpa", **_without_pooler(model_class)
        )


class _OptEmbedding(nn.Module):
    """Tokens plus positions, as ``OPTDecoder.forward`` adds them up for right padding."""

    def __init__(self, decoder: Any) -> None:
        super().__init__()
        self.tokens = decoder.embed_tokens
        self.positions = decoder.embed_positions
        self.project = decoder.project_in or nn.Identity()

    def forward(self, ids_BT: Tensor) -> Tensor:
        """Embed the ids, result (B, T, H)."""
        everywhere_BT = torch.ones_like(ids_BT, dtype=torch.long)
        positions_BTH = self.positions(everywhere_BT, 0, position_ids=everywhere_BT.cumsum(1) - 1)
        return cast(Tensor, self.project(self.tokens(ids_BT)) + positions_BTH)


def _opt_stack(decoder: Any) -> TransformerStack:
    last = [part for part in (decoder.final_layer_norm, decoder.project_out) if part is not None]
    return TransformerStack(
        _OptEmbedding(decoder),
        decoder.layers,
        nn.Sequential(*last),
        is_causal=True,
        width=decoder.config.hidden_size,
        dim=decoder.config.word_embed_proj_dim,
    )


def _tiny_config(vocab_size: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=TINY_RANDOM_SHAPE["hidden"],
        num_hidden_layers=TINY_RANDOM_SHAPE["layers"],
        num_attention_heads=TINY_RANDOM_SHAPE["heads"],
        intermediate_size=TINY_RANDOM_SHAPE["intermediate"],
    )


def _saved_config(folder: Path) -> Any:
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder / 'config.json'}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _problems(spec: TextSpec, config: Any) -> Iterator[str]:
    where = "item.text"
    if spec.name == TINY_RANDOM and spec.pretrained:
        yield (
            f"{where}.pretrained: true, but {TINY_RANDOM!r} always starts from scratch; "
            "set pretrained: false"
        )
    if config.model_type not in BERT_LIKE + OPT_LIKE:
        known = ", ".join(sorted(BERT_LIKE + OPT_LIKE))
        yield f"{where}.name: {spec.name!r} is of type {config.model_type!r}; supported: {known}"
        return
    available = config.num_hidden_layers
    if spec.num_layers != "all" and spec.num_layers > available:
        yield (
            f"{where}.num_layers: {spec.num_layers}, but {spec.name!r} has {available} layers; "
            f"allowed: 1 to {available}, or all"
        )
    kept = available if spec.num_layers == "all" else min(spec.num_layers, available)
    if spec.trainable_layers != "all" and spec.trainable_layers > kept:
        yield (
            f"{where}.trainable_layers: {spec.trainable_layers}, but only {kept} layers of "
            f"{spec.name!r} are kept; allowed: 0 to {kept}, or all"
        )
    longest = _max_tokens(config)
    if spec.max_tokens > longest:
        yield f"{where}.max_tokens: {spec.max_tokens}, but {spec.name!r} reads at most {longest}"
    if config.model_type in OPT_LIKE and spec.pooling == "cls":
        yield (
            f"{where}.pooling: 'cls' of {spec.name!r} is the same for every title: its first "
            "token sees no other; allowed: mean"
        )


def _max_tokens(config: Any) -> int:
    # RoBERTa counts its positions from behind the padding index.
    offset = 0 if config.model_type in ("bert", *OPT_LIKE) else config.pad_token_id + 1
    return int(config.max_position_embeddings) - offset


def _pretrained(folder: Path, config: Any, model_class: Any) -> Any:
    try:
        model, report = model_class.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            attn_implementation="sdpa",
            output_loading_info=True,
            **_without_pooler(model_class),
        )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise DataError(f"{folder}: the weights cannot be read: {_first_line(error)}") from error
    encoder = "" if model.base_model is model else f"{model.base_model_prefix}."
    missing = sorted(name for name in report["missing_keys"] if name.startswith(encoder))
    if missing:
        raise DataError(f"{folder}: the weights lack {len(missing)} tensors: {missing[:5]}")
    return model


def _without_pooler(model_class: Any) -> dict[str, bool]:
    has_pooler = "add_pooling_layer" in inspect.signature(model_class.__init__).parameters
    return {"add_pooling_layer": False} if has_pooler else {}


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, and no notes on the heads a checkpoint has and this encoder does not."""
    logging = transformers.utils.logging
    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bar:
            logging.enable_progress_bar()
