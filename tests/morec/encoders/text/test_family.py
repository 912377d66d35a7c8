"""Transformers over titles, cut anywhere, are the library's own forward; trials share them."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders import frozen
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs
from morec.encoders.macs import count_macs
from morec.encoders.tables import FeatureTable
from morec.encoders.text.encoder import TextEncoder
from morec.encoders.text.family import TRANSFORMER
from morec.encoders.text.mlm import masked_language_round
from morec.encoders.text.reading import Reading
from morec.encoders.text.stack import TransformerStack, WholeEncoder
from morec.encoders.text.tokens import tokens_key
from morec.encoders.weights.text import text_hash
from morec.errors import DataError, SpecError
from tests.morec.encoders.sentence_folders import sentence_copy

FAMILIES = ("bert", "roberta", "opt")


def spec_of(folder: Path, **changes: Any) -> TextSpec:
    pooling = "mean" if "opt" in folder.name else "cls"
    return TextSpec.model_validate({"name": str(folder), "pooling": pooling, **changes})


def rows(dataset: Dataset) -> Tensor:
    return torch.arange(dataset.num_items)


def library_pooled(spec: TextSpec, dataset: Dataset) -> Tensor:
    """The straightforward way: every title padded to the longest, the library's own forward."""
    tokenizer = hf.AutoTokenizer.from_pretrained(spec.name)
    batch = tokenizer(
        [title.lower() for title in dataset.titles or ()],
        max_length=spec.max_tokens,
        truncation=True,
        padding="max_length",
        return_tensors="pt",
    )
    model = hf.AutoModel.from_pretrained(spec.name, dtype=torch.float64).eval()
    mask = batch["attention_mask"]
    states = model(batch["input_ids"], attention_mask=mask).last_hidden_state
    if spec.pooling == "cls":
        return states[:, 0]
    return (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("trainable", ["all", 2, 0])
def test_a_stack_cut_anywhere_pools_what_the_library_pools(
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
    family: str,
    trainable: int | str,
) -> None:
    spec = spec_of(saved_encoders[family], trainable_layers=trainable, max_tokens=9)
    expected = library_pooled(spec, dataset)
    encoder = build_encoder(spec, dataset, shared_store).double().eval()
    # What comes from an artefact was computed in fp32.
    tolerance = 1e-12 if trainable == "all" else 1e-5
    assert torch.allclose(encoder(rows(dataset)), expected, rtol=0, atol=tolerance)
    assert torch.pdist(expected).min() > 0.01


@pytest.fixture(scope="module", params=["all", 1, 0])
def encoder_and_alone(
    request: pytest.FixtureRequest, dataset: Dataset, shared_store: ArtefactStore
) -> tuple[torch.nn.Module, Tensor]:
    """An encoder, and every item encoded by itself."""
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers=request.param)
    encoder = build_encoder(spec, dataset, shared_store).double().eval()
    with torch.no_grad():
        return encoder, torch.cat([encoder(row[None]) for row in rows(dataset)])


@settings(deadline=None, max_examples=15)
@given(picked=st.lists(st.integers(0, 23), min_size=1, max_size=60))
def test_an_item_has_the_same_vector_in_any_batch_and_any_order(
    encoder_and_alone: tuple[torch.nn.Module, Tensor], picked: list[int]
) -> None:
    encoder, alone = encoder_and_alone
    with torch.no_grad():
        together = encoder(torch.tensor(picked))
    assert torch.allclose(together, alone[picked], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("trainable", "kind"), [(0, FeatureTable), (1, TextEncoder)])
def test_what_is_frozen_has_no_parameters_in_the_trial(
    dataset: Dataset, shared_store: ArtefactStore, trainable: int, kind: type
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers=trainable)
    encoder = build_encoder(spec, dataset, shared_store)
    assert isinstance(encoder, kind)
    names = [name for name, _ in encoder.named_parameters()]
    assert len(names) == 16 * trainable  # tensors of one BERT layer
    assert all(name.startswith("stack.layers.") for name in names)


def test_end_to_end_trains_the_embeddings_too(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers="all")
    encoder = build_encoder(spec, dataset, shared_store)
    encoder(rows(dataset)).square().sum().backward()
    names = {name for name, tensor in encoder.named_parameters() if tensor.grad is not None}
    assert len(names) == 5 + 2 * 16  # BERT's embeddings and two layers
    assert "stack.embedding.word_embeddings.weight" in names


def test_dropout_is_on_in_trained_layers_and_off_below_them(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers=0)
    frozen = build_encoder(spec, dataset, shared_store).train()
    assert torch.equal(frozen(rows(dataset)), frozen(rows(dataset)))
    trained = build_encoder(
        spec.model_copy(update={"trainable_layers": 1}), dataset, shared_store
    ).train()
    assert not torch.equal(trained(rows(dataset)), trained(rows(dataset)))


def test_states_are_packed_token_by_token(dataset: Dataset, shared_store: ArtefactStore) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers=1, max_tokens=5)
    states = encoder_inputs(spec, dataset, shared_store).array("states")
    lengths = [min(len(title.split()) + 2, 5) for title in dataset.titles or ()]
    assert states.shape == (sum(lengths), 64)
    assert states.dtype == np.float32


def test_trials_share_an_artefact_unless_their_encoder_differs(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False)

    def path(**changes: object) -> Path:
        return encoder_inputs(spec.model_copy(update=changes), dataset, shared_store).path

    assert path() == path(dnn_layers=8)
    different = [
        {"pooling": "mean"},
        {"max_tokens": 5},
        {"num_layers": 1},
        {"trainable_layers": 1},
        {"trainable_layers": 2},
        {"trainable_layers": "all"},
    ]
    paths = [path(), *(path(**changes) for changes in different)]
    assert len(set(paths)) == len(paths)


def test_the_trials_random_state_does_not_depend_on_the_cache(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers=1)

    def draw() -> tuple[Tensor, Tensor]:
        torch.manual_seed(5)
        encoder = build_encoder(spec, dataset, store)
        return next(encoder.parameters()), torch.rand(3)

    for cold, warm in zip(draw(), draw(), strict=True):
        assert torch.equal(cold, warm)


def test_random_frozen_layers_are_the_same_in_every_trial(dataset: Dataset, tmp_path: Path) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False)
    features = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        store = ArtefactStore(tmp_path / str(seed))
        features.append(encoder_inputs(spec, dataset, store).array("features"))
    assert np.array_equal(*features)


def test_a_tokenizer_of_other_weights_is_refused(
    dataset: Dataset, store: ArtefactStore, saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(saved_encoders["bert"], tmp_path / "copy")
    config = hf.AutoConfig.from_pretrained(folder)
    words = {word for title in dataset.titles or () for word in title.split()}
    highest = 4 + len(words) - 1
    spec = spec_of(folder, pretrained=False, trainable_layers="all")
    for known in (9, highest):
        config.vocab_size = known
        config.save_pretrained(folder)
        with pytest.raises(DataError) as caught:
            encoder_inputs(spec, dataset, store)
        assert str(caught.value) == (
            f"item.text.name: the tokenizer of {str(folder)!r} gives token {highest}, but its "
            f"weights know tokens 0 to {known - 1} only"
        )
    config.vocab_size = highest + 1
    config.save_pretrained(folder)
    encoder_inputs(spec, dataset, store)


def test_pretrained_tiny_random_is_refused(dataset: Dataset, store: ArtefactStore) -> None:
    expected = "item.text.pretrained: true, but 'tiny-random' always starts from scratch"
    with pytest.raises(SpecError, match=expected):
        encoder_inputs(TextSpec(name="tiny-random"), dataset, store)


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize("name", ["minilm", "minilm-l3"])
def test_packaged_weights_put_paraphrases_nearer_than_unrelated_titles(
    dataset: Dataset, store: ArtefactStore, name: str
) -> None:
    titles = (
        "A man is eating food",
        "Someone is having a meal",
        "The stock market fell sharply today",
        "Shares dropped on Wall Street",
    )
    few = replace(dataset, titles=titles, num_items=4)
    encoder = build_encoder(TextSpec(name=name, pooling="mean"), few, store)
    vectors = torch.nn.functional.normalize(encoder(torch.arange(4)), dim=1)
    cosine = (vectors @ vectors.T).tolist()
    strangers = [cosine[a][b] for a in (0, 1) for b in (2, 3)]
    assert min(cosine[0][1], cosine[2][3]) > 0.4
    assert max(strangers) < 0.2


@pytest.mark.usefixtures("minilm")
@pytest.mark.parametrize(("name", "layers"), [("minilm", 6), ("minilm-l3", 3)])
def test_minilm_costs_what_the_papers_formula_says(
    dataset: Dataset, store: ArtefactStore, name: str, layers: int
) -> None:
    spec = TextSpec(name=name, trainable_layers="all", max_tokens=30)
    encoder = build_encoder(spec, dataset, store)
    assert isinstance(encoder, TextEncoder)

    width, tokens = 384, 30
    products = tokens * 12 * layers * width**2
    attention = layers * 2 * tokens**2 * width
    macs, uncounted = count_macs(encoder.eval().encode_padded_item)
    assert (macs, uncounted) == (products + attention, set())
    assert attention / products < 0.02


@pytest.mark.parametrize("family", ["mpnet", "deberta-v2"])
def test_what_layers_share_is_frozen_above_a_cut_and_the_same_in_every_trial(
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
    family: str,
) -> None:
    spec = spec_of(saved_encoders[family], pretrained=False, trainable_layers=2, max_tokens=9)
    built = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        encoder = build_encoder(spec, dataset, shared_store)
        assert isinstance(encoder, TextEncoder)
        built.append(encoder)
    one, other = (encoder.stack.architecture for encoder in built)
    distances = list(one.named_parameters())
    assert distances
    for name, tensor in distances:
        assert not tensor.requires_grad
        assert tensor.dim() == 1 or tensor.std() > 0
        assert torch.equal(tensor, other.get_parameter(name))
    assert not any("architecture" in name for name in built[0].state_dict())
    assert not torch.equal(*(next(encoder.stack.layers.parameters()) for encoder in built))


def test_what_layers_share_trains_with_the_whole_encoder(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    spec = spec_of(saved_encoders["mpnet"], trainable_layers="all", max_tokens=9)
    encoder = build_encoder(spec, dataset, shared_store)
    encoder(rows(dataset)).square().sum().backward()
    bias = encoder.get_parameter("stack.architecture.bias.relative_attention_bias.weight")
    assert bias.grad is not None
    assert bias.grad.any()


def test_what_an_encoder_shares_is_drawn_anew_with_it_where_all_of_it_trains(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    for family, name in (("mpnet", "bias"), ("electra", "word_embeddings")):
        spec = spec_of(saved_encoders[family], pretrained=False, trainable_layers="all")
        drawn = []
        for seed in (1, 2):
            torch.manual_seed(seed)
            named = dict(build_encoder(spec, dataset, shared_store).named_parameters())
            drawn.append([tensor for path, tensor in named.items() if f"{name}." in path])
        assert drawn[0]
        assert not any(torch.equal(*pair) for pair in zip(*drawn, strict=True) if pair[0].any())


QUERY_TWICE = ("query", "query", "value", "value")
"""A change has two matrices."""


@pytest.mark.parametrize("trainable", [1, "all"])
def test_low_rank_changes_are_all_that_trains_of_the_layers_above_the_cut(
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
    trainable: int | str,
) -> None:
    options = {"trainable_layers": trainable, "lora": {"rank": 2}}
    spec = spec_of(saved_encoders["bert"], **options)
    named = build_encoder(spec, dataset, shared_store).named_parameters()
    changed = [name.rpartition(".")[0] for name, one in named if one.requires_grad]
    layers = range(1 if trainable == 1 else 3)
    parts = [f"stack.layers.{n}.attention.self" for n in layers]
    assert changed == [f"{part}.{kind}" for part in parts for kind in QUERY_TWICE]


def test_low_rank_changes_of_an_encoder_without_such_layers_are_refused(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    fields = {"name": str(saved_encoders["gpt2"]), "pooling": "mean", "trainable_layers": "all"}
    spec = TextSpec.model_validate({**fields, "lora": {}})
    with pytest.raises(SpecError, match=r"^item\.text\.lora: no linear layer is called query or "):
        build_encoder(spec, dataset, shared_store)


# ---- what is prepared


def key_of(spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> tuple[str, dict[str, Any]]:
    """The kind of an artefact, and what it depends on."""
    path = TRANSFORMER.inputs(spec, dataset, store).path
    return path.name.rpartition("-")[0], json.loads((path / "meta.json").read_text())["key"]


def test_what_is_prepared_depends_on_this_and_on_nothing_else(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    bert, own = saved_encoders["bert"], sentence_copy(saved_encoders["bert"], tmp_path / "own")

    def expected(spec: TextSpec, **more: Any) -> dict[str, Any]:
        known = {"weights": text_hash(spec), "num_layers": "all", "seed": None}
        return {**tokens_key(spec, dataset), **known, **more}

    plain = spec_of(bert)
    assert key_of(plain, dataset, shared_store) == ("features", expected(plain, pooling="cls"))
    scratch = spec_of(bert, pretrained=False, num_layers=2, pooling="mean")
    more = {"seed": 0, "num_layers": 2, "pooling": "mean"}
    assert key_of(scratch, dataset, shared_store) == ("features", expected(scratch, **more))
    top = spec_of(bert, trainable_layers=1)
    assert key_of(top, dataset, shared_store) == ("states", expected(top, trainable_layers=1))
    said = spec_of(own, pooling="own")
    more = {"pooling": "mean", "normalizes": True}
    assert key_of(said, dataset, shared_store) == ("features", expected(said, **more))
    side = spec_of(own, pooling="own", side={"layers": (0, 2)})
    more = {"pooling": "mean", "layers": [0, 2]}
    assert key_of(side, dataset, shared_store) == ("layer-states", expected(side, **more))
    whole = spec_of(bert, trainable_layers="all")
    assert key_of(whole, dataset, shared_store) == ("tokens", tokens_key(whole, dataset))


def test_states_are_the_same_computed_in_several_chunks(
    dataset: Dataset,
    shared_store: ArtefactStore,
    store: ArtefactStore,
    saved_encoders: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec_of(saved_encoders["bert"], trainable_layers=1)
    expected = TRANSFORMER.inputs(spec, dataset, shared_store).array("states")
    monkeypatch.setattr(frozen, "ENCODE_ITEMS", 7)
    found = TRANSFORMER.inputs(spec, dataset, store).array("states")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@torch.no_grad()
def test_a_side_network_reads_pooled_states_of_any_length(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    folder = sentence_copy(saved_encoders["bert"], tmp_path / "own")
    spec = spec_of(folder, pooling="own", side={"layers": (0, 3)})
    found = TRANSFORMER.build(spec, dataset, shared_store)(rows(dataset))
    model = hf.AutoModel.from_pretrained(folder).eval()
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    for row, title in enumerate(dataset.titles or ()):
        states = model(**tokenizer(title, return_tensors="pt"), output_hidden_states=True)
        expected = [states.hidden_states[layer][0].mean(0) for layer in (0, 3)]
        torch.testing.assert_close(found[row], torch.stack(expected), rtol=1e-5, atol=1e-5)


def test_the_layers_of_a_side_network_are_those_that_are_kept(
    saved_encoders: dict[str, Path],
) -> None:
    bert = str(saved_encoders["bert"])
    for fields, expected in (
        ({"name": bert}, (0, 1, 2, 3)),
        ({"name": bert, "num_layers": 2}, (0, 1, 2)),
        ({"name": "tiny-random", "pretrained": False}, (0, 1, 2)),
        ({"name": "bert-base-uncased", "num_layers": 4}, (0, 1, 2, 3, 4)),
        ({"name": bert, "side": {"layers": (1, 3)}}, (1, 3)),
    ):
        spec = TextSpec.model_validate({"side": {}, **fields})
        assert TRANSFORMER.side_layers(spec) == expected


def test_a_second_round_is_masked_language_modelling(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    second_round = {"max_epochs": 1, "lr": 3e-3, "batch_size": 12}
    spec = TextSpec.model_validate(
        {"name": "tiny-random", "pretrained": False, "max_tokens": 9, "second_round": second_round}
    )
    found = TRANSFORMER.second_round(spec, dataset, shared_store)
    assert found.path == masked_language_round(spec, dataset, shared_store).path


def test_the_weights_are_known_by_their_hash(saved_encoders: dict[str, Path]) -> None:
    hashes = [TRANSFORMER.weights_hash(spec_of(saved_encoders[name])) for name in FAMILIES]
    assert hashes == [text_hash(spec_of(saved_encoders[name])) for name in FAMILIES]
    assert len(set(hashes)) == len(FAMILIES)


def test_a_trained_encoder_is_saved_as_it_is(
    dataset: Dataset, shared_store: ArtefactStore, tmp_path: Path
) -> None:
    spec = TextSpec(name="tiny-random", pretrained=False, trainable_layers="all", max_tokens=9)
    encoder = TRANSFORMER.build(spec, dataset, shared_store).eval()
    TRANSFORMER.save(spec, encoder, dataset=dataset, store=shared_store, folder=tmp_path)
    again = TextSpec(name=str(tmp_path), trainable_layers="all", max_tokens=9)
    found = TRANSFORMER.build(again, dataset, shared_store).eval()
    assert torch.equal(found(rows(dataset)), encoder(rows(dataset)))


# ---- an encoder without a catalogue


@pytest.mark.parametrize("fields", [{"name": "google/bert_uncased_L-2_H-128_A-2"}, {"name": None}])
def test_a_blank_encoder_is_what_trains_over_one_token(
    fields: dict[str, Any], saved_encoders: dict[str, Path]
) -> None:
    """A hub's encoder of a known shape, and a folder's; no weight is read."""
    name, width = (fields["name"], 128) if fields["name"] else (str(saved_encoders["bert"]), 8)
    given = {"name": name, "pretrained": False, "num_layers": 1, "max_tokens": 7, "prompt": "a"}
    for trainable in (1, "all"):
        spec = TextSpec.model_validate({**given, "trainable_layers": trainable, "pooling": "mean"})
        blank = TRANSFORMER.blank(spec)
        assert blank is not None
        assert isinstance(blank.stack, TransformerStack)
        assert len(blank.stack.layers) == 1
        assert (blank.stack.embedding is None) == (trainable == 1)
        assert (blank.dim, blank.max_tokens, blank.pad_id) == (width, 7, 0)
        assert blank.reading == Reading("mean", False, False, "")
        values, slots = blank.table.packed(torch.tensor([0]))
        assert slots.tolist() == [0]
        assert values.tolist() == ([[0.0] * width] if trainable == 1 else [0])
        assert values.dtype == (torch.float32 if trainable == 1 else torch.int64)
        assert blank.lengths_of(torch.tensor([0])).tolist() == [1]
        with pytest.raises(IndexError):
            blank.lengths_of(torch.tensor([1]))
        assert blank(torch.tensor([0])).shape == (1, width)


def test_a_whole_encoder_can_be_blank_and_one_of_unknown_shape_cannot(
    saved_encoders: dict[str, Path],
) -> None:
    fields = {"pretrained": False, "trainable_layers": "all"}
    electra = TRANSFORMER.blank(TextSpec(name=str(saved_encoders["electra"]), **fields))
    assert electra is not None
    assert isinstance(electra.stack, WholeEncoder)
    assert electra.table.packed(torch.tensor([0]))[0].dtype == torch.int64
    assert TRANSFORMER.blank(TextSpec(name="nobody/unknown", **fields)) is None
    assert TRANSFORMER.blank(TextSpec(name="tiny-random", **fields)) is None


@pytest.mark.usefixtures("minilm")
def test_a_packaged_encoder_can_be_blank() -> None:
    spec = TextSpec(name="minilm", pretrained=False, trainable_layers=1)
    blank = TRANSFORMER.blank(spec)
    assert blank is not None
    assert blank.dim == 384


def test_an_item_takes_its_tokens_and_the_states_below_a_cut(
    saved_encoders: dict[str, Path],
) -> None:
    """Four bytes a token, and four for each of the 8 numbers of its state."""
    for trainable, expected in ((0, 4 * 7), ("all", 4 * 7), (1, 4 * 7 * (1 + 8))):
        spec = spec_of(saved_encoders["bert"], trainable_layers=trainable, max_tokens=7)
        assert TRANSFORMER.input_bytes(spec) == expected
