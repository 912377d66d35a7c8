"""Text encoders of the transformers library: what their configurations allow, and their weights.

Layers are found by the names the architecture gives them, never by a parameter's position.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from transformers import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    BertConfig,
)

from morec.config import TextSpec
from morec.dropout import quick_dropout
from morec.encoders.text.families.bert import first_position
from morec.encoders.text.families.decoders import looks_both_ways
from morec.encoders.text.families.table import CUT
from morec.encoders.text.layer_states import LayerwiseEncoder
from morec.encoders.text.library_attention import LIBRARY_ATTENTION
from morec.encoders.text.reading import reading_of
from morec.encoders.text.stack import TransformerStack, WholeEncoder
from morec.encoders.token_embedding import TokenTable
from morec.encoders.weights.pretrained import load_transformer
from morec.encoders.weights.read_errors import as_data_error
from morec.encoders.weights.text import TINY_RANDOM, TINY_RANDOM_SHAPE, text_folder
from morec.errors import SpecError


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
    keep_layers(config, spec.num_layers)
    return config


def keep_layers(config: Any, num_layers: int | Literal["all"]) -> None:
    """Cut an architecture to its lower layers, in place."""
    if num_layers == "all":
        return
    config.num_hidden_layers = num_layers
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:num_layers]


def load_stack(spec: TextSpec, config: Any) -> TransformerStack | WholeEncoder:
    """The encoder with its weights, or with fresh ones from torch's random state.

    Fresh weights are the library's, as the encoder's authors drew them: for BERT, RoBERTa and OPT
    normal with mean 0 and the deviation of the configuration (``initializer_range`` or
    ``init_std``, 0.02 unless a folder says otherwise), biases 0, norms 1 (paper, table 4: TFS,
    where the paper does not say).

    Raises:
        DataError: the weight file lacks tensors of the architecture.
    """
    model = load_model(spec, config, MODEL_MAPPING[type(config)])
    if config.model_type not in CUT:
        return WholeEncoder(model, config.hidden_size)
    return cut_stack(model)


def cut_stack(model: Any) -> TransformerStack:
    """The stack of a model of ``CUT``, whose modules it has, but for a table of token vectors."""
    quick_dropout(model)
    model.set_input_embeddings(TokenTable.of(model.get_input_embeddings()))
    return CUT[model.config.model_type](model)


def load_layerwise(spec: TextSpec, config: Any, layers: tuple[int, ...]) -> LayerwiseEncoder:
    """The whole encoder, which gives the states of ``layers``; weights are as in ``load_stack``."""
    return LayerwiseEncoder(load_model(spec, config, MODEL_MAPPING[type(config)]), layers)


def load_model(spec: TextSpec, config: Any, model_class: Any) -> Any:
    """One of the library's models: the encoder alone, or with a head that ``model_class`` adds.

    Raises:
        DataError: the weight file lacks tensors of the encoder.
    """
    folder = text_folder(spec) if spec.pretrained else None
    # A stack makes the masks of its layers itself, in the form that this attention reads.
    attention = LIBRARY_ATTENTION if model_class._supports_sdpa else "eager"
    options = {"attn_implementation": attention} if config.model_type in CUT else {}
    return load_transformer(folder, config, model_class, **options)


def _tiny_config(vocab_size: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocab_size,
        hidden_size=TINY_RANDOM_SHAPE["hidden"],
        num_hidden_layers=TINY_RANDOM_SHAPE["layers"],
        num_attention_heads=TINY_RANDOM_SHAPE["heads"],
        intermediate_size=TINY_RANDOM_SHAPE["intermediate"],
    )


def _saved_config(folder: Path) -> Any:
    with as_data_error(str(folder / "config.json")):
        return AutoConfig.from_pretrained(folder, trust_remote_code=False)


def _problems(spec: TextSpec, config: Any) -> Iterator[str]:
    where = "item.text"
    if spec.name == TINY_RANDOM and spec.pretrained:
        yield (
            f"{where}.pretrained: true, but {TINY_RANDOM!r} always starts from scratch; "
            "set pretrained: false"
        )
    if not _reads_text(config):
        known = ", ".join(sorted(CUT))
        yield (
            f"{where}.name: {spec.name!r} is of type {config.model_type!r}, which is no text "
            f"encoder; supported: {known}, and with trainable_layers 0 or all every masked or "
            "causal language model without a decoder beside its encoder"
        )
        return
    available = config.num_hidden_layers
    if spec.num_layers != "all" and spec.num_layers > available:
        yield (
            f"{where}.num_layers: {spec.num_layers}, but {spec.name!r} has {available} layers; "
            f"allowed: 1 to {available}, or all"
        )
    kept = available if spec.num_layers == "all" else min(spec.num_layers, available)
    if spec.trainable_layers not in (0, "all") and config.model_type not in CUT:
        yield (
            f"{where}.trainable_layers: {spec.trainable_layers}, but {spec.name!r} is of type "
            f"{config.model_type!r}, which is not cut into layers; allowed: 0, or all "
            f"(any number with {', '.join(sorted(CUT))})"
        )
    elif spec.trainable_layers != "all" and spec.trainable_layers > kept:
        yield (
            f"{where}.trainable_layers: {spec.trainable_layers}, but only {kept} layers of "
            f"{spec.name!r} are kept; allowed: 0 to {kept}, or all"
        )
    longest = _max_tokens(config)
    if longest is not None and spec.max_tokens > longest:
        yield f"{where}.max_tokens: {spec.max_tokens}, but {spec.name!r} reads at most {longest}"
    is_causal = type(config) not in MODEL_FOR_MASKED_LM_MAPPING and not looks_both_ways(config)
    if is_causal and reading_of(spec).pooling == "cls":
        yield (
            f"{where}.pooling: {spec.pooling!r} of {spec.name!r} is the same for every title: its "
            "first token sees no other; allowed: mean, last"
        )


def _reads_text(config: Any) -> bool:
    is_language_model = (
        type(config) in MODEL_FOR_MASKED_LM_MAPPING or type(config) in MODEL_FOR_CAUSAL_LM_MAPPING
    )
    return is_language_model and not config.is_encoder_decoder


def _max_tokens(config: Any) -> int | None:
    """None: positions are relative, without an end."""
    longest = getattr(config, "max_position_embeddings", None)
    if longest is None or longest < 1:
        return None
    return int(longest) - first_position(config)
