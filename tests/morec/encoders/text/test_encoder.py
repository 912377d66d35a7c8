"""Transformers over titles, cut anywhere, are the library's own forward; trials share them."""

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
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs
from morec.encoders.macs import count_macs
from morec.encoders.tables import FeatureTable
from morec.encoders.text.encoder import TextEncoder
from morec.errors import DataError, SpecError

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
    config.vocab_size = 9
    config.save_pretrained(folder)
    words = {word for title in dataset.titles or () for word in title.split()}
    highest = 4 + len(words) - 1
    with pytest.raises(DataError, match=rf"gives token {highest}, .* know tokens 0 to 8 only"):
        encoder_inputs(spec_of(folder, pretrained=False), dataset, store)


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
