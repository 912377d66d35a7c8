"""What encoders read of an item and what they pool is what was asked for, said, or refused."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import transformers as hf
from torch import Tensor

from morec.config import ItemSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs, family_of
from morec.encoders.item import prepare_item_inputs
from morec.encoders.text.family import TRANSFORMER
from morec.encoders.text.reading import (
    Reading,
    blank_reading,
    contents_of,
    reading_of,
    texts_of,
)
from morec.encoders.text.tokens import open_tokens, title_tokens, tokens_key
from morec.errors import DataError, SpecError
from tests.morec.encoders.sentence_folders import sentence_copy

PROMPTS = {
    "prompts": {"query": "Red: ", "passage": "Blue: "},
    "default_prompt_name": "passage",
}


@pytest.fixture(scope="module")
def sentence(saved_encoders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BERT's folder with mean pooling, length 1 and a default prompt."""
    folder = tmp_path_factory.mktemp("sentence") / "one"
    return sentence_copy(
        saved_encoders["bert"], folder, transformer={"max_seq_length": 30}, prompts=PROMPTS
    )


@pytest.fixture
def shop(dataset: Dataset) -> Dataset:
    brands = tuple("Acme" if item % 2 else "" for item in range(dataset.num_items))
    return replace(dataset, columns={"brand": brands})


def spec_of(folder: Path | str, **options: Any) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), **options})


def by_the_library(folder: Path, texts: list[str], mode: str) -> Tensor:
    """Pooled states of the library's own forward, one text at a time, without padding."""
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    model = hf.AutoModel.from_pretrained(folder, dtype=torch.float64).eval()
    pooled = []
    for text in texts:
        ids = tokenizer([text], max_length=30, truncation=True, return_tensors="pt")["input_ids"]
        states = model(ids).last_hidden_state[0]
        pooled.append({"cls": states[0], "mean": states.mean(0), "last": states[-1]}[mode])
    return torch.stack(pooled)


def features_of(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Tensor:
    encoder = build_encoder(spec, dataset, store).double().eval()
    return encoder(torch.arange(dataset.num_items))


@pytest.mark.parametrize("trained", [0, 1, "all"])
@pytest.mark.parametrize("family", ["bert", "opt"])
def test_the_last_tokens_state_is_the_librarys(
    family: str,
    trained: Any,
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
) -> None:
    folder = saved_encoders[family]
    spec = spec_of(folder, pooling="last", trainable_layers=trained)
    texts = [title.lower() for title in dataset.titles or ()]
    found = features_of(spec, dataset, shared_store)
    expected = by_the_library(folder, texts, "last")
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("trained", [0, 1, "all"])
def test_own_is_the_folders_pooling_prompt_and_length_1_of_cased_texts(
    trained: Any, dataset: Dataset, shared_store: ArtefactStore, sentence: Path
) -> None:
    spec = spec_of(sentence, pooling="own", trainable_layers=trained)
    found = features_of(spec, dataset, shared_store)
    texts = [f"Blue: {title}" for title in dataset.titles or ()]
    expected = F.normalize(by_the_library(sentence, texts, "mean"), dim=1)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(len(found), dtype=torch.float64))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "red moon"),
        ({"lowercase": True}, "red moon"),
        ({"lowercase": False}, "Red Moon"),
        ({"prompt": "Query: "}, "query: red moon"),
        ({"prompt": "Query: ", "lowercase": False}, "Query: Red Moon"),
        ({"prompt_name": "query", "lowercase": False}, "Red: Red Moon"),
        ({"pooling": "own"}, "Blue: Red Moon"),
        ({"pooling": "own", "prompt": ""}, "Red Moon"),
        ({"pooling": "own", "prompt_name": "query"}, "Red: Red Moon"),
        ({"pooling": "own", "prompt": "X ", "lowercase": True}, "x red moon"),
        ({"template": "{title} by {brand}"}, "red moon by acme"),
        ({"template": "{brand}", "prompt": "By ", "lowercase": False}, "By Acme"),
    ],
)
def test_the_tokenizer_reads_prompt_and_template_in_the_case_that_is_asked_for(
    options: dict[str, Any], expected: str, shop: Dataset, sentence: Path
) -> None:
    titles = ("Red Moon", "b") * (shop.num_items // 2)
    brands = ("Acme", "") * (shop.num_items // 2)
    dataset = replace(shop, titles=titles, columns={"brand": brands})
    assert texts_of(spec_of(sentence, **options), dataset)[0] == expected


def test_a_column_called_title_comes_before_the_titles_of_the_data_set(shop: Dataset) -> None:
    spec = spec_of("minilm", template="{title}")
    assert contents_of(spec, shop) == tuple(" ".join(one.split()) for one in shop.titles or ())
    names = tuple(f"name {item}" for item in range(shop.num_items))
    assert contents_of(spec, replace(shop, columns={"title": names})) == names


def test_one_item_may_have_any_text(shop: Dataset) -> None:
    one = replace(shop, titles=("a",), columns={"brand": ("Acme",)}, num_items=1)
    assert contents_of(spec_of("minilm", template="by {brand}"), one) == ("by Acme",)


def test_titles_are_read_as_they_are_and_a_prompt_takes_blanks_from_both_ends(
    shop: Dataset,
) -> None:
    spaced = replace(shop, titles=(" a ", "b "), columns={}, num_items=2)
    assert texts_of(spec_of("minilm"), spaced) == (" a ", "b ")
    assert texts_of(spec_of("minilm", prompt=" x: "), spaced) == ("x:  a", "x: b")


@pytest.mark.parametrize(
    ("pooling", "expected"), [("cls", "cls"), ("mean", "mean"), ("last", "last"), ("own", "mean")]
)
def test_an_encoder_without_its_files_pools_what_costs_the_same(
    pooling: str, expected: Any
) -> None:
    spec = spec_of("minilm", pooling=pooling, prompt="x")
    assert blank_reading(spec) == Reading(expected, False, False, "")


def test_templates_that_say_nothing_are_refused(shop: Dataset) -> None:
    same = replace(shop, columns={"brand": ("Acme",) * shop.num_items})
    with pytest.raises(DataError, match=r"template: all 24 items have the text 'by Acme'"):
        contents_of(spec_of("minilm", template="by {brand}"), same)
    with pytest.raises(DataError, match=r"dataset 'synthetic' was read without size"):
        contents_of(spec_of("minilm", template="{brand} {size}"), shop)


def test_defaults_leave_the_key_of_tokens_as_it_was(shop: Dataset, sentence: Path) -> None:
    plain = tokens_key(spec_of(sentence), shop)
    assert set(plain) == {"titles", "tokenizer", "max_tokens"}
    assert tokens_key(spec_of(sentence, lowercase=True), shop) == plain
    others = [
        {"lowercase": False},
        {"prompt": "a"},
        {"prompt": "b"},
        {"template": "{brand}{title}"},
        {"template": "{title}{brand}"},
        {"pooling": "own"},
    ]
    keys = [tokens_key(spec_of(sentence, **options), shop) for options in others]
    assert len({str(key) for key in [plain, *keys]}) == 1 + len(others)
    # As they were written before: another spelling would make all such tokens again.
    assert [keys[0]["lowercase"], keys[1]["prompt"]] == [False, "a"]


def test_features_of_another_pooling_are_another_artefact(
    dataset: Dataset, shared_store: ArtefactStore, sentence: Path
) -> None:
    specs = [spec_of(sentence, pooling=pooling) for pooling in ("cls", "mean", "last", "own")]
    paths = {encoder_inputs(spec, dataset, shared_store).path for spec in specs}
    assert len(paths) == len(specs)


def test_a_prompt_counts_towards_the_tokens_that_are_read(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, max_tokens=5, prompt="moon red ")
    named = replace(dataset, titles=("a b c", *("d",) * (dataset.num_items - 1)))
    tokens = open_tokens(title_tokens(spec, named, store))
    # First, moon, red, a, last: b and c are cut. The prompt's words are in the vocabulary.
    assert tokens.lengths[0] == 5
    assert len(set(tokens.ids[:5].tolist())) == 5
    assert 1 not in tokens.ids[:5]
    longer = spec.model_copy(update={"prompt": "moon red blue "})
    with pytest.raises(SpecError) as error:
        title_tokens(longer, named, store)
    assert str(error.value) == (
        "item.text.max_tokens: 5, but the prompt 'moon red blue ' alone has 5 tokens, so that "
        "nothing is read of the texts; allowed: more"
    )


def test_a_second_round_keeps_what_the_folder_says(
    dataset: Dataset, shared_store: ArtefactStore, sentence: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(sentence, tmp_path / "with a mask")
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"mask_token": "[MASK]"})
    tokenizer.save_pretrained(folder)
    item = {
        "text": {
            "name": str(folder),
            "pooling": "own",
            "second_round": {"max_epochs": 1, "batch_size": 12},
        }
    }
    made = prepare_item_inputs(ItemSpec.model_validate(item), dataset, shared_store)
    features = torch.from_numpy(made["text"].array("features"))
    torch.testing.assert_close(features.norm(dim=1), torch.ones(len(features)))
    after = spec_of(made["text second round"].path / "encoder", pooling="own")
    assert reading_of(after) == reading_of(spec_of(folder, pooling="own"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_tokens": 31, "pooling": "own"}, "max_tokens: 31, but .* reads at most 30"),
        ({"prompt_name": "pasage"}, "prompt_name: 'pasage' is no prompt .* mean 'passage'"),
    ],
)
def test_what_the_folder_does_not_allow_is_refused(
    options: dict[str, Any], message: str, sentence: Path
) -> None:
    with pytest.raises(SpecError, match=message):
        reading_of(spec_of(sentence, **options))


def test_a_prompt_outside_the_pooling_is_refused(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    pooling = {"pooling_mode": "mean", "include_prompt": False}
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "one", pooling=pooling)
    assert reading_of(spec_of(folder, pooling="own")).prompt == ""
    with pytest.raises(SpecError, match="leaves the prompt's tokens out of its pooling"):
        reading_of(spec_of(folder, pooling="own", prompt="query: "))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowercase": False}, "lowercase: false has no effect: 'tiny-random' reads lower-cased"),
        ({"pooling": "own"}, "pooling: own needs a sentence-transformers folder, not 'tiny-ran"),
        ({"prompt_name": "query"}, "prompt_name needs a sentence-transformers folder, not 'tiny"),
    ],
)
def test_options_without_effect_on_words_of_the_catalogue_are_refused(
    options: dict[str, Any], message: str, dataset: Dataset, store: ArtefactStore
) -> None:
    with pytest.raises(SpecError, match=message):
        encoder_inputs(spec_of("tiny-random", pretrained=False, **options), dataset, store)


def test_an_own_pooling_that_no_token_can_have_is_refused(
    dataset: Dataset, store: ArtefactStore, saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    pooling = {"pooling_mode": "cls"}
    folder = sentence_copy(saved_encoders["gpt2"], tmp_path / "one", pooling=pooling)
    with pytest.raises(
        SpecError, match=r"'own' of .* same for every title: .*; allowed: mean, last"
    ):
        encoder_inputs(spec_of(folder, pooling="own"), dataset, store)


@pytest.mark.parametrize(
    ("options", "read_as", "caveat"),
    [
        (
            {},
            "first token, lower-cased",
            " is read with pooling cls (item.text.pooling); its authors mean pooling mean and the "
            "prompt 'Blue: ', which pooling: own reads.",
        ),
        (
            {"pooling": "mean", "lowercase": False},
            "mean of the tokens, case kept",
            " is read with pooling mean (item.text.pooling); its authors mean the prompt 'Blue: ', "
            "which pooling: own reads.",
        ),
        (
            {"pooling": "mean", "prompt": "X: "},
            "mean of the tokens, lower-cased, prompt 'X: '",
            "",
        ),
        (
            {"pooling": "own", "template": "{title}"},
            "'{title}', mean of the tokens, scaled to length 1, case kept, prompt 'Blue: '",
            "",
        ),
    ],
)
def test_a_family_says_how_it_reads_and_what_the_authors_meant(
    options: dict[str, Any], read_as: str, caveat: str, sentence: Path
) -> None:
    spec = spec_of(sentence, **options)
    assert family_of(spec) is TRANSFORMER
    assert TRANSFORMER.read_as(spec) == read_as
    assert TRANSFORMER.caveat(spec) == (f"{sentence}{caveat}" if caveat else "")


def test_folders_that_say_nothing_have_no_caveat(saved_encoders: dict[str, Path]) -> None:
    for name in (saved_encoders["bert"], "tiny-random"):
        spec = spec_of(name, pretrained=False)
        assert family_of(spec).caveat(spec) == ""


def test_a_folder_without_prompts_has_no_caveat_but_for_its_pooling(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "one")
    assert TRANSFORMER.caveat(spec_of(folder, pooling="mean")) == ""
    assert TRANSFORMER.caveat(spec_of(folder)) == (
        f"{folder} is read with pooling cls (item.text.pooling); its authors mean pooling mean, "
        "which pooling: own reads."
    )


def test_a_folder_that_own_cannot_read_has_no_caveat(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    steps = ("Transformer", "Pooling", "Dense")
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "one", steps=steps)
    with pytest.raises(SpecError):
        reading_of(spec_of(folder, pooling="own"))
    assert TRANSFORMER.caveat(spec_of(folder)) == ""


def test_a_folder_may_ask_for_lower_case(saved_encoders: dict[str, Path], tmp_path: Path) -> None:
    said = {"max_seq_length": 30, "do_lower_case": True}
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "one", transformer=said)
    own = spec_of(folder, pooling="own")
    assert reading_of(own) == Reading("mean", True, True, "")
    cased = spec_of(folder, pooling="own", lowercase=False)
    assert reading_of(cased) == Reading("mean", True, False, "")
