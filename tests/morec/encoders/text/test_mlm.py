"""Masked language modelling on the titles: what it trains, and what starts from its result."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.families import build_encoder
from morec.encoders.second_round import losses_of, trained_folder
from morec.encoders.text.mlm import MaskedLanguageModelling, masked_language_round
from morec.encoders.text.tokens import open_tokens, title_tokens
from morec.errors import SpecError
from tests.morec.encoders.sentence_folders import sentence_copy

NO_STEP = {"lr": 1e-30, "weight_decay": 0.0, "max_epochs": 1}


def spec_of(name: str = "tiny-random", **changes: Any) -> TextSpec:
    second_round = {"max_epochs": 3, "lr": 3e-3, "batch_size": 8, "valid_share": 0.25}
    second_round |= changes.pop("second_round", {})
    fields = {"name": name, "pretrained": name != "tiny-random", "max_tokens": 12}
    return TextSpec.model_validate({**fields, **changes, "second_round": second_round})


def after(spec: TextSpec, found: Artefact) -> TextSpec:
    start = {"name": str(trained_folder(found)), "pretrained": True, "second_round": None}
    return spec.model_copy(update=start)


@pytest.fixture(scope="module")
def with_mask(
    saved_encoders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """The saved encoders, whose tokenizers know a mask token; their weights have no head."""
    folders = {}
    for family in ("bert", "roberta", "opt"):
        folders[family] = tmp_path_factory.mktemp("masked") / family
        shutil.copytree(saved_encoders[family], folders[family])
        tokenizer = hf.AutoTokenizer.from_pretrained(folders[family])
        tokenizer.add_special_tokens({"mask_token": "[MASK]"})
        tokenizer.save_pretrained(folders[family])
    return folders


def features(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> torch.Tensor:
    encoder = build_encoder(spec.model_copy(update={"second_round": None}), dataset, store)
    return encoder.eval()(torch.arange(dataset.num_items)).detach()


def test_the_loss_falls_from_that_of_a_uniform_guess(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = spec_of(second_round={"max_epochs": 8})
    found = masked_language_round(spec, dataset, shared_store)
    valid = losses_of(found)["valid"]
    num_words = len(hf.AutoTokenizer.from_pretrained(trained_folder(found)))
    assert abs(valid[0] - np.log(num_words)) < 0.3
    assert min(valid) < valid[0] - 0.2


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_round_without_a_step_leaves_the_encoder_and_its_features_as_they_were(
    dataset: Dataset, shared_store: ArtefactStore, with_mask: dict[str, Path], family: str
) -> None:
    """A fresh head is all that differs from the folder the round began with."""
    spec = spec_of(str(with_mask[family]), second_round=NO_STEP)
    found = masked_language_round(spec, dataset, shared_store)
    expected = features(spec, dataset, shared_store)
    assert torch.equal(features(after(spec, found), dataset, shared_store), expected)


@pytest.mark.usefixtures("minilm")
def test_packaged_minilm_gets_a_fresh_head_over_its_own_weights(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = spec_of("minilm", second_round=NO_STEP)
    found = masked_language_round(spec, dataset, store)
    assert losses_of(found)["valid"][0] > np.log(30522) - 1  # no better than a guess
    expected = features(spec, dataset, store)
    assert torch.equal(features(after(spec, found), dataset, store), expected)


@pytest.mark.parametrize("family", ["bert", "roberta"])
def test_a_round_changes_every_layer_and_the_features(
    dataset: Dataset, shared_store: ArtefactStore, with_mask: dict[str, Path], family: str
) -> None:
    spec = spec_of(str(with_mask[family]), second_round={"max_epochs": 1})
    found = masked_language_round(spec, dataset, shared_store)
    assert np.argmin(losses_of(found)["valid"]) == 1
    before, trained = (hf.AutoModel.from_pretrained(s.name) for s in (spec, after(spec, found)))
    names = [name for name, _ in before.named_parameters() if "pooler" not in name]
    changed = [n for n in names if not torch.equal(*(_tensor(m, n) for m in (before, trained)))]
    # A key's bias shifts all of a softmax, so its gradient is rounding noise or zero.
    assert set(names) - set(changed) <= {n for n in names if n.endswith("key.bias")}
    distance = features(spec, dataset, shared_store) - features(
        after(spec, found), dataset, shared_store
    )
    assert distance.abs().max() > 1e-3


def _tensor(model: torch.nn.Module, name: str) -> torch.Tensor:
    return dict(model.named_parameters())[name]


@pytest.mark.parametrize("trainable", [0, 1, "all"])
def test_two_encodings_after_a_round_are_equal_so_nothing_is_masked(
    dataset: Dataset, shared_store: ArtefactStore, trainable: int | str
) -> None:
    spec = spec_of(trainable_layers=trainable)
    start = after(spec, masked_language_round(spec, dataset, shared_store))
    once = features(start, dataset, shared_store)
    assert torch.equal(features(start, dataset, shared_store), once)
    whole = features(start.model_copy(update={"trainable_layers": "all"}), dataset, shared_store)
    assert torch.allclose(once, whole, rtol=0, atol=1e-5)


def test_a_round_reads_the_same_tokens_as_the_trials(
    dataset: Dataset, shared_store: ArtefactStore, with_mask: dict[str, Path]
) -> None:
    for spec in (spec_of(), spec_of(str(with_mask["roberta"]))):
        start = after(spec, masked_language_round(spec, dataset, shared_store))
        before, now = (open_tokens(title_tokens(s, dataset, shared_store)) for s in (spec, start))
        assert np.array_equal(before.ids, now.ids)
        assert np.array_equal(before.lengths, now.lengths)


def test_the_kept_layers_are_trained_and_saved(
    dataset: Dataset, shared_store: ArtefactStore, with_mask: dict[str, Path]
) -> None:
    spec = spec_of(str(with_mask["bert"]), num_layers=2, second_round=NO_STEP)
    found = masked_language_round(spec, dataset, shared_store)
    assert hf.AutoConfig.from_pretrained(trained_folder(found)).num_hidden_layers == 2


def test_what_a_folder_says_of_pooling_goes_along(
    dataset: Dataset, shared_store: ArtefactStore, with_mask: dict[str, Path], tmp_path: Path
) -> None:
    prompts = {"prompts": {"item": "Red: "}, "default_prompt_name": "item"}
    said = {"max_seq_length": 30}
    folder = sentence_copy(with_mask["bert"], tmp_path / "own", prompts=prompts, transformer=said)
    spec = spec_of(str(folder), pooling="own", second_round=NO_STEP)
    saved = trained_folder(masked_language_round(spec, dataset, shared_store))
    for name in (
        "modules.json",
        "1_Pooling/config.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
    ):
        assert (saved / name).read_bytes() == (folder / name).read_bytes()


def test_interrupted_after_an_epoch_it_goes_on_to_the_same_bits(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dropout, masks and an optimizer's state, as it really runs."""
    whole, parts = ArtefactStore(tmp_path / "whole"), ArtefactStore(tmp_path / "parts")
    expected = masked_language_round(spec_of(), dataset, whole)

    def stop_after_the_second(*words: str, **options: Any) -> None:
        if "epoch 2/3" in words[0]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("builtins.print", stop_after_the_second)
        with pytest.raises(KeyboardInterrupt):
            masked_language_round(spec_of(), dataset, parts)
    found = masked_language_round(spec_of(), dataset, parts)
    assert losses_of(found) == losses_of(expected)
    weights = [(trained_folder(a) / "model.safetensors").read_bytes() for a in (expected, found)]
    assert weights[0] == weights[1]


def test_specifications_that_differ_behind_the_encoder_share_a_round(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    def path(changed: Dataset = dataset, **changes: Any) -> Path:
        return masked_language_round(spec_of(**changes), changed, shared_store).path

    base = path()
    for shared in (
        {"trainable_layers": 1},
        {"pooling": "mean"},
        {"dnn_layers": 2},
        {"trainable_layers": "all", "lora": {"rank": 2}},
    ):
        assert path(**shared) == base
    other_titles = replace(dataset, titles=tuple(f"{t} more" for t in dataset.titles or ()))
    others = [path(max_tokens=7), path(num_layers=1), path(other_titles)]
    others += [path(second_round=change) for change in ({"lr": 1e-3}, {"mask_share": 0.5})]
    assert len({base, *others}) == 1 + len(others)


def test_an_encoder_without_a_masked_head_is_refused(
    dataset: Dataset, store: ArtefactStore, with_mask: dict[str, Path]
) -> None:
    name = str(with_mask["opt"])
    with pytest.raises(SpecError) as caught:
        masked_language_round(spec_of(name, pooling="mean"), dataset, store)
    assert str(caught.value) == (
        f"item.text.second_round: {name!r} is of type 'opt', for which transformers has no "
        "masked-language head; allowed: types that have one, "
        "as bert, camembert, roberta, xlm-roberta"
    )


def test_a_tokenizer_without_a_mask_token_is_refused(
    dataset: Dataset, store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    name = str(saved_encoders["bert"])
    with pytest.raises(SpecError) as caught:
        masked_language_round(spec_of(name), dataset, store)
    assert str(caught.value) == (
        f"item.text.second_round: the tokenizer of {name!r} has no mask token"
    )


def test_a_mask_token_the_weights_do_not_know_is_refused(
    dataset: Dataset, store: ArtefactStore, with_mask: dict[str, Path], tmp_path: Path
) -> None:
    name = str(shutil.copytree(with_mask["bert"], tmp_path / "bert"))
    tokenizer = hf.AutoTokenizer.from_pretrained(name)
    num_tokens = len(tokenizer)
    hf.BertModel(
        hf.BertConfig(
            vocab_size=num_tokens - 1,
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
        )
    ).save_pretrained(name)
    with pytest.raises(SpecError) as caught:
        masked_language_round(spec_of(name), dataset, store)
    assert str(caught.value) == (
        f"item.text.second_round: the tokenizer of {name!r} has {num_tokens} tokens, but its "
        f"weights know {num_tokens - 1}"
    )


@pytest.mark.parametrize("share", [0.15, 0.5, 1 - 1e-9])
def test_the_share_of_the_tokens_between_the_ends_is_predicted(
    dataset: Dataset, shared_store: ArtefactStore, share: float
) -> None:
    spec = spec_of(second_round={"mask_share": share})
    folder = trained_folder(masked_language_round(spec_of(), dataset, shared_store))
    tokens = open_tokens(title_tokens(spec, dataset, shared_store))
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    model = hf.AutoModelForMaskedLM.from_pretrained(folder)
    objective = MaskedLanguageModelling(spec, tokens, tokenizer, model)
    rows = torch.arange(dataset.num_items)
    predicted = sum(objective.loss(rows)[1] for _ in range(40))
    possible = 40 * int((tokens.lengths - 2).sum())
    assert abs(predicted / possible - share) <= 4 * (share * (1 - share) / possible) ** 0.5
