"""What every text encoder promises, whatever it is and however much of it trains."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from morec.config import ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.frozen import FROZEN_SEED
from morec.encoders.item import ItemEncoder, build_item_encoder
from tests.morec.encoders.contract import moved

DIM = 6
MAX_TOKENS = 9
CUT, WHOLE, CAUSAL = ("bert", "roberta", "opt"), ("distilbert", "mpnet", "gpt2"), ("opt", "gpt2")
PACKAGED = ("minilm", "minilm-l3")
FROM_FILE = " of a file"
WORDS = ("word-average", "text-cnn", f"word-average{FROM_FILE}", f"text-cnn{FROM_FILE}")
LORA = {"rank": 2, "alpha": 8.0}

ALL: dict[str, Any] = {"trainable_layers": "all"}
TOP: dict[str, Any] = {"trainable_layers": 1}
TRAINED: dict[str, dict[str, Any]] = {
    "ts": {},
    "e2e": ALL,
    "top1": TOP,
    "lora e2e": {**ALL, "lora": LORA},
    "lora top1": {**TOP, "lora": LORA},
}
CASES = [
    *((name, part) for name in (*CUT, "tiny-random", *PACKAGED) for part in TRAINED),
    *((name, part) for name in WHOLE for part in ("ts", "e2e")),
    ("distilbert", "lora e2e"),
    ("mpnet", "lora e2e"),
    *((name, part) for name in WORDS for part in ("ts", "e2e")),
]


class Kitchen:
    """Builds the item encoder of a case; the same seed gives the same one."""

    def __init__(
        self, dataset: Dataset, store: ArtefactStore, saved: dict[str, Path], glove: Path
    ) -> None:
        self.dataset, self.store, self.saved, self.glove = dataset, store, saved, glove

    def spec(self, name: str, part: str) -> ItemSpec:
        pooling = "mean" if name in (*CAUSAL, *PACKAGED) else "cls"
        fields = {"name": str(self.saved.get(name, name)), "pooling": pooling, **TRAINED[part]}
        if name in ("word-average", "text-cnn", "tiny-random"):
            fields["pretrained"] = False
        if name.endswith(FROM_FILE):
            fields |= {"name": name.removesuffix(FROM_FILE), "word_vectors": str(self.glove)}
        return ItemSpec.model_validate({"text": {"max_tokens": MAX_TOKENS, **fields}})

    def build(self, name: str, part: str, seed: int = FROZEN_SEED) -> ItemEncoder:
        torch.manual_seed(seed)
        return build_item_encoder(self.spec(name, part), self.dataset, DIM, 0.1, self.store)


@pytest.fixture(scope="module")
def kitchen(
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Kitchen:
    words = sorted(set(" ".join(dataset.titles or ()).lower().split()))[::2]
    glove = tmp_path_factory.mktemp("words") / "glove.txt"
    vectors = torch.randn(len(words), 5, generator=torch.Generator().manual_seed(1)).tolist()
    lines = [f"{word} {' '.join(map(str, row))}" for word, row in zip(words, vectors, strict=True)]
    glove.write_text("\n".join(lines) + "\n")
    return Kitchen(dataset, shared_store, saved_encoders, glove)


@pytest.fixture(scope="module", params=CASES, ids=" ".join)
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    if request.param[0] in PACKAGED:
        request.getfixturevalue("minilm")
    name, part = request.param
    return name, part


def text_vectors(encoder: ItemEncoder, items: Tensor) -> Tensor:
    """What the encoder itself makes of the items, before the DT layer."""
    vectors: Tensor = encoder.get_submodule("parts.text.encoder")(items - 1)
    return vectors


def trained(encoder: ItemEncoder) -> dict[str, Tensor]:
    named = encoder.get_submodule("parts.text.encoder").named_parameters()
    return {name: tensor for name, tensor in named if tensor.requires_grad}


def test_every_item_has_a_vector_and_different_items_different_ones(
    encoder: ItemEncoder, items: Tensor
) -> None:
    vectors = encoder(items)
    assert vectors.shape == (len(items), DIM)
    assert vectors.isfinite().all()
    assert torch.pdist(text_vectors(encoder, items)).min() > 1e-6


def test_evaluation_repeats_itself_to_the_bit(encoder: ItemEncoder, items: Tensor) -> None:
    assert torch.equal(encoder(items), encoder(items))


def test_neither_padding_nor_company_changes_an_item(
    encoder: ItemEncoder, items: Tensor, dataset: Dataset
) -> None:
    encoder = encoder.double()
    together = encoder(items)
    lengths = [len(title.split()) for title in dataset.titles or ()]
    for row in (lengths.index(min(lengths)), lengths.index(max(lengths))):
        torch.testing.assert_close(encoder(items[[row]])[0], together[row], rtol=0, atol=1e-10)
    some = torch.tensor([7, 3, 7, 20, 0, 11])
    torch.testing.assert_close(encoder(items[some]), together[some], rtol=0, atol=1e-10)


def test_gradients_are_exactly_where_something_trains(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
) -> None:
    moved(encoder.train())(items).square().sum().backward()
    with_gradient = {name for name, tensor in encoder.named_parameters() if tensor.grad is not None}
    assert with_gradient == {
        name for name, tensor in encoder.named_parameters() if tensor.requires_grad
    }
    assert len(encoder.encoder_parameters()) == len(trained(encoder))
    assert bool(trained(encoder)) == (case[1] != "ts")


@pytest.mark.parametrize(("name", "part"), [case for case in CASES if "lora" in case[1]])
def test_lora_trains_its_changes_only_and_fewer_than_the_layers_have(
    request: pytest.FixtureRequest, kitchen: Kitchen, name: str, part: str
) -> None:
    if name in PACKAGED:
        request.getfixturevalue("minilm")
    changes = trained(kitchen.build(name, part))
    assert {path.rpartition(".")[2] for path in changes} == {"a_RI", "b_OR"}
    whole = trained(kitchen.build(name, part.removeprefix("lora ")))
    assert sum(t.numel() for t in changes.values()) < sum(t.numel() for t in whole.values()) / 3


def test_training_starts_from_the_two_stage_features(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str], kitchen: Kitchen
) -> None:
    frozen = text_vectors(kitchen.build(case[0], "ts"), items)
    # Both in fp32, in batches of other shapes.
    torch.testing.assert_close(text_vectors(encoder, items), frozen, rtol=0, atol=2e-5)


def test_a_state_brings_a_trained_encoder_back_and_holds_nothing_frozen(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str], kitchen: Kitchen, tmp_path: Path
) -> None:
    moved(encoder)
    torch.save(encoder.state_dict(), tmp_path / "state.pt")
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    named = encoder.named_parameters()
    assert set(state) == {name for name, tensor in named if tensor.requires_grad}
    again = kitchen.build(*case).eval()
    assert not torch.equal(again(items), encoder(items))
    again.load_state_dict(state)
    assert torch.equal(again(items), encoder(items))


def test_dropout_is_on_where_something_trains(
    encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
) -> None:
    vectors = [text_vectors(encoder.train(), items) for _ in range(2)]
    has_dropout = case[1] != "ts" and not case[0].startswith("word-average")
    assert torch.equal(*vectors) != has_dropout


def test_every_multiplication_of_an_item_is_counted(encoder: ItemEncoder) -> None:
    macs, uncounted = encoder.padded_item_macs()
    assert uncounted == set()
    assert macs >= text_vectors(encoder, torch.tensor([1])).shape[1] * DIM  # the DT layer
