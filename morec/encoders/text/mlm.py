"""Second-round pre-training of a text encoder: masked language modelling on the titles."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import MODEL_FOR_MASKED_LM_MAPPING, DataCollatorForLanguageModeling

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.second_round import second_round
from morec.encoders.text.families.bert import BERT_LIKE
from morec.encoders.text.reading import texts_of
from morec.encoders.text.tokens import (
    FIRST,
    LAST,
    TitleTokens,
    load_tokenizer,
    open_tokens,
    title_tokens,
    tokens_key,
)
from morec.encoders.text.transformer import load_config, load_model
from morec.encoders.weights.sentence_folders import sentence_files
from morec.encoders.weights.text import TINY_RANDOM, text_folder, text_hash
from morec.errors import SpecError

WHERE = "item.text.second_round"
MASK = "[MASK]"
IGNORED = -100
"""Label of the tokens that are not predicted."""


class MaskedLanguageModelling:
    """Predict 15% of the tokens (Devlin et al. 2019): 80% masked, 10% replaced, 10% kept.

    Weights without a language-modelling head, such as those of ``minilm``, get a fresh one; it is
    trained with the rest.
    """

    where = WHERE

    def __init__(self, spec: TextSpec, tokens: TitleTokens, tokenizer: Any, model: Any) -> None:
        assert spec.second_round is not None
        self.title = f"{spec.name} masked language modelling"
        self.num_items = len(tokens.lengths)
        self.model = model
        self._tokenizer = tokenizer
        self._said = {} if spec.name == TINY_RANDOM else sentence_files(text_folder(spec))
        self._titles = np.split(tokens.ids, np.cumsum(tokens.lengths)[:-1])
        self._collate = DataCollatorForLanguageModeling(
            tokenizer, mlm_probability=spec.second_round.mask_share
        )

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        """Mean cross-entropy of the masked tokens, and their number."""
        examples = [{"input_ids": self._titles[row].tolist()} for row in rows_B.tolist()]
        batch = self._collate(examples)
        num_masked = int((batch["labels"] != IGNORED).sum())
        loss: Tensor = self.model(**batch.to(self.model.device)).loss
        return loss, num_masked

    def save(self, folder: Path) -> None:
        """Write weights with the head, the tokenizer, and what the folder says of pooling."""
        self.model.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        for name, path in self._said.items():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(path, folder / name)


def masked_language_round(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
    """Find or train a text encoder's second round, all kept layers and embeddings of it.

    Raises:
        DataError: the weights or the titles cannot be had.
        SpecError: the encoder has no masked-language head, its tokenizer no mask token, or the
            loss does not stay finite.
    """
    assert spec.second_round is not None
    tokens = open_tokens(title_tokens(spec, dataset, store))
    key = {
        **tokens_key(spec, dataset),
        "weights": text_hash(spec),
        "num_layers": spec.num_layers,
    }

    def make() -> MaskedLanguageModelling:
        tokenizer = load_tokenizer(spec, texts_of(spec, dataset))
        if spec.name == TINY_RANDOM:
            special = {"cls_token": FIRST, "sep_token": LAST, "mask_token": MASK}
            tokenizer.add_special_tokens(special)
        return MaskedLanguageModelling(spec, tokens, tokenizer, _model(spec, tokenizer))

    return second_round("masked-language-round", key, spec.second_round, make, store)


def _model(spec: TextSpec, tokenizer: Any) -> torch.nn.Module:
    config = load_config(spec, len(tokenizer))
    model_class = MODEL_FOR_MASKED_LM_MAPPING.get(type(config), None)
    if model_class is None:
        raise SpecError(
            f"{WHERE}: {spec.name!r} is of type {config.model_type!r}, for which transformers has "
            f"no masked-language head; allowed: types that have one, as {', '.join(BERT_LIKE)}"
        )
    if tokenizer.mask_token is None:
        raise SpecError(f"{WHERE}: the tokenizer of {spec.name!r} has no mask token")
    if len(tokenizer) > config.vocab_size:
        raise SpecError(
            f"{WHERE}: the tokenizer of {spec.name!r} has {len(tokenizer)} tokens, but its weights "
            f"know {config.vocab_size}"
        )
    model: torch.nn.Module = load_model(spec, config, model_class)
    return model
