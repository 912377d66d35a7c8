"""A side network is a plain loop over the states that the library's own forward gives."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import transformers as hf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from morec.config import ItemSpec, SideSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs
from morec.encoders.item import ItemEncoder, build_item_encoder, prepare_item_inputs
from morec.encoders.side import SideNetwork, side_layers
from morec.encoders.text.tokens import load_tokenizer
from morec.errors import SpecError
from tests.morec.encoders.contract import DIM, moved
from tests.morec.encoders.test_item import image, items, mae, text

FAMILIES = ("bert", "roberta", "distilbert", "mpnet", "electra", "deberta", "deberta-v2", "gpt2")


def spec_of(name: Path | str, **changes: Any) -> TextSpec:
    fields = {"name": str(name), "pooling": "mean", "max_tokens": 9, "side": {}}
    return TextSpec.model_validate({**fields, **changes})


def build(fields: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> ItemEncoder:
    torch.manual_seed(4)
    return build_item_encoder(ItemSpec.model_validate(fields), dataset, DIM, 0.1, store).eval()


# ---- the network


def by_hand(network: SideNetwork, layers: list[Tensor]) -> Tensor:
    """IISAN's side network with weights of ours: a loop over one item's layers."""
    state = torch.zeros_like(layers[0])
    for layer, gate, block in zip(layers, network.gates_K, network.blocks, strict=True):
        share = 1 / (1 + math.exp(-gate.item() / 0.1))
        mixed = share * layer + (1 - share) * state
        down, up = block.get_submodule("down"), block.get_submodule("up")
        small = F.gelu(down.weight @ mixed + down.bias)
        state = mixed + up.weight @ small + up.bias
    return state


@given(num_layers=st.integers(1, 6), dim=st.integers(1, 9), width=st.integers(1, 5))
def test_the_network_is_a_loop_over_the_layers(num_layers: int, dim: int, width: int) -> None:
    torch.manual_seed(num_layers)
    network = SideNetwork(num_layers, dim, SideSpec(width=width)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(std=0.3)
    states = torch.randn(4, num_layers, dim, dtype=torch.float64)
    for item, found in zip(states, network(states), strict=True):
        torch.testing.assert_close(found, by_hand(network, list(item)), rtol=0, atol=1e-12)


def test_every_gate_starts_at_one_half_and_every_block_almost_as_the_identity() -> None:
    torch.manual_seed(0)
    network = SideNetwork(3, 200, SideSpec(width=100))
    states = torch.randn(5, 3, 200)
    expected = states[:, 0] / 8 + states[:, 1] / 4 + states[:, 2] / 2
    found = network(states)
    assert 0 < (found - expected).abs().max() < 0.2
    weights = torch.cat([p.detach().flatten() for p in network.parameters() if p.dim() == 2])
    assert weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert not any(p.any() for p in network.parameters() if p.dim() == 1)


def test_everything_of_the_network_trains() -> None:
    network = SideNetwork(3, 8, SideSpec(width=2))
    network(torch.randn(5, 3, 8)).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in network.parameters())
    sizes = 3 * (8 * 2 + 2 + 2 * 8 + 8 + 1)
    assert sum(p.numel() for p in network.parameters()) == sizes


# ---- the states it reads


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("family", FAMILIES)
def test_the_states_are_the_librarys_hidden_states_of_every_title_alone(
    family: str,
    pooling: str,
    dataset: Dataset,
    shared_store: ArtefactStore,
    saved_encoders: dict[str, Path],
) -> None:
    if (family, pooling) == ("gpt2", "cls"):
        return  # refused: its first token sees no other
    spec = spec_of(saved_encoders[family], pooling=pooling)
    found = build_encoder(spec, dataset, shared_store)(torch.arange(dataset.num_items))
    assert found.shape == (dataset.num_items, 4, 8)
    model = hf.AutoModel.from_pretrained(spec.name).eval()
    tokenizer = load_tokenizer(spec, dataset.titles or ())
    for row, title in enumerate(dataset.titles or ()):
        ids = tokenizer(title.lower(), max_length=9, truncation=True)["input_ids"]
        with torch.no_grad():
            output = model(torch.tensor([ids]), output_hidden_states=True)
        pooled = [s[0].mean(0) if pooling == "mean" else s[0, 0] for s in output.hidden_states]
        torch.testing.assert_close(found[row], torch.stack(pooled), rtol=1e-4, atol=2e-5)
        assert torch.equal(output.hidden_states[-1], output.last_hidden_state)


def test_chosen_layers_are_those_of_all(
    dataset: Dataset, shared_store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    rows = torch.arange(dataset.num_items)
    everything = build_encoder(spec_of(saved_encoders["bert"]), dataset, shared_store)(rows)
    some = spec_of(saved_encoders["bert"], side={"layers": (0, 3)})
    found = build_encoder(some, dataset, shared_store)(rows)
    torch.testing.assert_close(found, everything[:, [0, 3]], rtol=0, atol=1e-6)
    lower = spec_of(saved_encoders["bert"], num_layers=2)
    found = build_encoder(lower, dataset, shared_store)(rows)
    torch.testing.assert_close(found, everything[:, :3], rtol=0, atol=1e-6)


def test_a_second_round_comes_before_the_states(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    plain = build({"text": text(side={})}, dataset, shared_store)
    later = build({"text": text(side={}, second_round={"max_epochs": 1})}, dataset, shared_store)
    some = torch.arange(4)
    states = [one.parts["text"].get_submodule("encoder")(some) for one in (plain, later)]
    assert states[0].shape == states[1].shape == (4, 3, 64)
    assert not torch.equal(states[0], states[1])


def test_arms_with_networks_of_other_widths_share_the_states(
    dataset: Dataset, store: ArtefactStore
) -> None:
    sides = ({}, {"width": 3}, {"layers": (0, 1, 2)}, {"layers": (2,)})
    specs = [ItemSpec.model_validate({"text": text(side=side)}) for side in sides]
    found = [prepare_item_inputs(spec, dataset, store)["text"].path.name for spec in specs]
    assert found[0] == found[1] == found[2] != found[3]
    assert found[0].startswith("layer-states-")


def test_a_trial_holds_the_network_and_none_of_the_encoder(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = build({"text": text(side={"width": 3})}, dataset, shared_store)
    network = 3 * (64 * 3 + 3 + 3 * 64 + 64 + 1)
    assert sum(p.numel() for p in encoder.parameters()) == network + 64 * DIM + DIM
    assert encoder.encoder_parameters() == []
    assert encoder.padded_item_macs() == (3 * 2 * 64 * 3 + 64 * DIM, set())


def test_an_item_is_its_states_through_the_network_and_the_dt_layer(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = moved(build({"text": text(side={"width": 3})}, dataset, shared_store))
    part = encoder.parts["text"]
    network = part.get_submodule("projection.0")
    assert isinstance(network, SideNetwork)
    linear = part.get_submodule("projection.1")
    (states,) = part.get_submodule("encoder")(torch.tensor([6]))
    expected = F.gelu(linear(by_hand(network, list(states))))
    torch.testing.assert_close(encoder(torch.tensor([7]))[0], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("control", ["shuffle", "noise", "constant"])
def test_controls_replace_all_layers_of_an_item_together(
    control: str, dataset: Dataset, shared_store: ArtefactStore
) -> None:
    fields = {"id": True, "fusion": "add", "text": text(side={})}
    plain = build(fields, dataset, shared_store).parts["text"].get_submodule("encoder")
    fields = {**fields, "text": text(side={}, control=control)}
    ours = build(fields, dataset, shared_store).parts["text"].get_submodule("encoder")
    rows = torch.arange(dataset.num_items)
    own, found = plain(rows), ours(rows)
    assert found.shape == own.shape
    if control == "shuffle":
        others = [(one == own).all((1, 2)).nonzero().item() for one in found]
        assert sorted(others) == list(range(len(own)))
        assert all(row != other for row, other in enumerate(others))
    elif control == "constant":
        torch.testing.assert_close(found, own.mean(0).expand_as(own), rtol=0, atol=1e-5)
    else:
        assert not torch.isclose(found, own).any(2).all(1).any()
        assert (found.mean(0) - own.mean(0)).abs().max() < 1.5 * own.std(0).max()


# ---- images


def test_an_images_states_are_the_class_tokens_of_every_layer(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = ItemSpec.model_validate({"image": mae(side={}, size=16)}).image
    plain = ItemSpec.model_validate({"image": mae(size=16)}).image
    assert spec is not None and plain is not None
    rows = torch.arange(dataset.num_items)
    states = build_encoder(spec, dataset, shared_store)(rows)
    assert states.shape == (dataset.num_items, 3, 64)
    features = build_encoder(plain, dataset, shared_store)(rows)
    torch.testing.assert_close(states[:, -1], features, rtol=0, atol=1e-5)
    # The class token's embedding sees no image; the layers above do.
    assert torch.equal(states[0, 0], states[5, 0])
    assert not torch.allclose(states[0, 1], states[5, 1])


# ---- what is refused


@pytest.mark.parametrize(
    ("part", "options", "message"),
    [
        (
            "text",
            text(1, side={}),
            "side reads the states of a frozen encoder, and trainable_layers is 1; allowed: "
            "trainable_layers: 0",
        ),
        ("image", image("all", side={}), "and trainable_layers is all; allowed: trainable_layers"),
        ("text", text(name="text-cnn", side={}), "side: 'text-cnn' is no transformer"),
        ("text", text(side={"layers": (2, 1)}), r"side.layers: \[2, 1\] is not a list of layers"),
        ("text", text(side={"layers": (1, 1)}), r"allowed: all, or such a list, like \[0, 3, 6\]"),
        ("text", text(side={"layers": ()}), r"side.layers: \[\] is not"),
        ("text", text(side={"width": 0}), "greater than or equal to 1"),
    ],
)
def test_a_side_network_that_cannot_be_is_refused(
    part: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        ItemSpec.model_validate({part: options})


def test_layers_that_an_encoder_has_not_are_refused(dataset: Dataset, store: ArtefactStore) -> None:
    spec = spec_of("tiny-random", pretrained=False, side={"layers": (1, 3)})
    message = (
        r"item.text.side.layers: 3, but the encoder has 2 layers; allowed: 0 \(the embedding\) "
        "to 2, or all"
    )
    with pytest.raises(SpecError, match=message):
        encoder_inputs(spec, dataset, store)
    assert side_layers(SideSpec(layers=(0, 2)), 2, where="item.text") == (0, 2)


def test_an_encoder_without_layer_states_is_refused_before_anything_is_made(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = ItemSpec.model_validate({"image": image(side={})})
    message = r"item.image.side: 'test_resnet' gives no states of its layers; allowed: transformers"
    with pytest.raises(SpecError, match=message):
        prepare_item_inputs(spec, dataset, store)
    assert not store.folder.exists()


def test_layers_of_different_widths_are_refused(
    dataset: Dataset, store: ArtefactStore, saved_encoders: dict[str, Path]
) -> None:
    with pytest.raises(SpecError, match=r"item.text.side: the layers' states are 6 and 8 numbers"):
        encoder_inputs(spec_of(saved_encoders["opt"]), dataset, store)


def test_items_are_the_same_alone_and_in_a_batch(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = moved(build({"text": text(side={})}, dataset, shared_store)).double()
    together = encoder(items(dataset))
    torch.testing.assert_close(encoder(torch.tensor([4]))[0], together[3], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "expected"), [("all", (0, 1, 2)), ((2,), (2,)), ((0, 1), (0, 1)), ((0,), (0,))]
)
def test_layers_are_all_with_the_embedding_or_those_that_are_named(
    layers: Any, expected: tuple[int, ...]
) -> None:
    assert side_layers(SideSpec(layers=layers), 2, where="item.text") == expected


@pytest.mark.parametrize("layers", [(3,), (0, 1, 3), (2, 3)])
def test_one_layer_too_high_is_refused(layers: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"^item\.text\.side\.layers: 3, but the encoder has 2"):
        side_layers(SideSpec(layers=layers), 2, where="item.text")
