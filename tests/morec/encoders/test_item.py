"""The contract of every item encoder, and what only some of them have."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from morec.config import ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.item import (
    ItemEncoder,
    ModalityPart,
    after_second_rounds,
    assemble_item_encoder,
    build_item_encoder,
    prepare_item_inputs,
)
from morec.encoders.second_round import trained_folder
from morec.errors import SpecError

DIM = 6


def text(trainable: int | str = 0, **changes: Any) -> dict[str, Any]:
    fields = {"name": "tiny-random", "pretrained": False, "trainable_layers": trainable}
    return {**fields, **changes}


def image(trainable: int | str = 0, **changes: Any) -> dict[str, Any]:
    fields = {"name": "test_resnet", "pretrained": False, "size": 32}
    return {**fields, "trainable_layers": trainable, **changes}


def mae(trainable: int | str = 0, **changes: Any) -> dict[str, Any]:
    return image(trainable, name="tiny-random-mae", **changes)


SPECS: dict[str, dict[str, Any]] = {
    "id": {"id": True},
    "text-ts": {"text": text()},
    "text-dnn": {"text": text(dnn_layers=2)},
    "text-top1": {"text": text(1)},
    "text-e2e": {"text": text("all", pooling="mean")},
    "image-ts": {"image": image()},
    "image-e2e": {"image": image("all")},
    "id+text-add": {"id": True, "text": text(), "fusion": "add"},
    "id+image-concat": {"id": True, "image": image(), "fusion": "concat", "fusion_layers": 2},
    "all-add": {"id": True, "text": text("all"), "image": image("all"), "fusion": "add"},
    "all-concat": {"id": True, "text": text(1), "image": image(), "fusion": "concat"},
    "text+image-add": {"text": text("all"), "image": image(1), "fusion": "add"},
    "text+image-concat": {"text": text(1), "image": image("all"), "fusion": "concat"},
    "text+mae-concat": {"text": text(), "image": mae(1), "fusion": "concat"},
    "text-shuffled": {"text": text("all", control="shuffle")},
    "text-noise": {"text": text(control="noise")},
    "id-from-text": {"id": True, "id_init": {"text": text()}},
    "id-near-text": {"id": True, "id_init": {"text": text(), "max_distance": 0.5}},
    "id-from-image+text": {
        "id": True,
        "id_init": {"image": image(), "freeze": True},
        "text": text(side={"width": 3}),
        "fusion": "add",
    },
    "text-side": {"text": text(side={})},
    "id+image-constant": {"id": True, "image": image(1, control="constant"), "fusion": "add"},
    "second-rounds": {
        "text": text(1, second_round={"max_epochs": 1}),
        "image": image("all", name="tiny-random-mae", second_round={"max_epochs": 1}),
        "fusion": "add",
    },
}
TRAINED_ENCODER_TENSORS = {"text-top1": 16, "text-e2e": 37, "all-concat": 16}
"""A BERT layer has 16 tensors, BERT's embeddings have 5; the rest of SPECS is derived below."""


def build(fields: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> ItemEncoder:
    torch.manual_seed(4)
    return build_item_encoder(ItemSpec.model_validate(fields), dataset, DIM, 0.1, store)


@pytest.fixture(params=SPECS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def encoder(name: str, dataset: Dataset, shared_store: ArtefactStore) -> ItemEncoder:
    return build(SPECS[name], dataset, shared_store)


def items(dataset: Dataset) -> Tensor:
    return torch.arange(1, dataset.num_items + 1)


class TestContract:
    def test_every_item_becomes_one_vector(self, encoder: ItemEncoder, dataset: Dataset) -> None:
        vectors = encoder(items(dataset))
        assert vectors.shape == (dataset.num_items, DIM)
        assert vectors.isfinite().all()

    def test_evaluation_is_deterministic_and_independent_of_order_and_batch(
        self, encoder: ItemEncoder, dataset: Dataset
    ) -> None:
        encoder = encoder.double().eval()
        everything = encoder(items(dataset))
        shuffled = torch.randperm(dataset.num_items)[:9].repeat(2)
        assert torch.allclose(encoder(shuffled + 1), everything[shuffled], rtol=0, atol=1e-10)
        assert torch.allclose(encoder(torch.tensor([3])), everything[2:3], rtol=0, atol=1e-10)
        assert torch.equal(encoder(items(dataset)), everything)

    def test_different_items_have_different_vectors(
        self, encoder: ItemEncoder, dataset: Dataset
    ) -> None:
        assert torch.pdist(encoder.eval()(items(dataset))).min() > 0

    def test_the_two_groups_are_exactly_what_trains(self, encoder: ItemEncoder) -> None:
        groups = [*encoder.encoder_parameters(), *encoder.other_parameters()]
        trained = {id(p) for p in encoder.parameters() if p.requires_grad}
        assert len(groups) == len(trained)
        assert {id(parameter) for parameter in groups} == trained

    def test_only_the_layers_that_a_specification_names_train(
        self, name: str, encoder: ItemEncoder
    ) -> None:
        trains = ItemSpec.model_validate(SPECS[name]).trains_encoder
        assert bool(encoder.encoder_parameters()) == trains
        if name in TRAINED_ENCODER_TENSORS:
            assert len(encoder.encoder_parameters()) == TRAINED_ENCODER_TENSORS[name]

    def test_everything_that_trains_gets_a_gradient(
        self, encoder: ItemEncoder, dataset: Dataset
    ) -> None:
        encoder.train()(items(dataset)).square().sum().backward()
        assert all(p.grad is not None for p in encoder.parameters() if p.requires_grad)

    def test_the_same_seed_builds_the_same_encoder(
        self, name: str, encoder: ItemEncoder, dataset: Dataset, shared_store: ArtefactStore
    ) -> None:
        again = build(SPECS[name], dataset, shared_store)
        for key, tensor in encoder.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[key]), key

    def test_a_checkpoint_restores_it_and_holds_nothing_frozen(
        self, encoder: ItemEncoder, dataset: Dataset, name: str, shared_store: ArtefactStore
    ) -> None:
        state = encoder.state_dict()
        known = {key for key, _ in [*encoder.named_parameters(), *encoder.named_buffers()]}
        assert set(state) <= known
        other = build(SPECS[name], dataset, shared_store)
        for parameter in (*other.encoder_parameters(), *other.other_parameters()):
            torch.nn.init.normal_(parameter)
        other.load_state_dict(state)
        expected = encoder.eval()(items(dataset))
        assert torch.equal(other.eval()(items(dataset)), expected)

    def test_counting_the_cost_of_an_item_is_complete_and_keeps_training_mode(
        self, name: str, encoder: ItemEncoder
    ) -> None:
        before = {key: tensor.clone() for key, tensor in encoder.state_dict().items()}
        macs, uncounted = encoder.train().padded_item_macs()
        assert uncounted == set()
        assert all(torch.equal(t, before[key]) for key, t in encoder.state_dict().items())
        assert (macs > 0) == (name not in ("id", "id-from-text", "id-near-text"))
        assert encoder.training
        assert encoder.eval().encode_padded_item().shape == (1, DIM)


def test_preparing_makes_every_artefact_that_building_opens(
    dataset: Dataset, store: ArtefactStore
) -> None:
    spec = ItemSpec.model_validate(SPECS["all-concat"])
    prepared = prepare_item_inputs(spec, dataset, store)
    assert set(prepared) == {"text", "image"}
    before = {path: path.stat().st_mtime_ns for path in store.folder.glob("*-*/*")}
    build_item_encoder(spec, dataset, DIM, 0.1, store)
    assert {path: path.stat().st_mtime_ns for path in store.folder.glob("*-*/*")} == before


def test_second_rounds_are_made_first_and_have_names_of_their_own(
    dataset: Dataset, store: ArtefactStore
) -> None:
    prepared = prepare_item_inputs(ItemSpec.model_validate(SPECS["second-rounds"]), dataset, store)
    assert list(prepared) == ["text second round", "image second round", "text", "image"]


def test_an_id_needs_no_artefact(dataset: Dataset, store: ArtefactStore) -> None:
    assert prepare_item_inputs(ItemSpec(id=True), dataset, store) == {}
    assert not store.folder.exists()


def test_id_vectors_are_rows_of_their_table(dataset: Dataset, shared_store: ArtefactStore) -> None:
    part = build({"id": True}, dataset, shared_store).parts["id"]
    table = part.get_parameter("embedding.weight")
    assert torch.equal(part(torch.tensor([7, 2])), table[[7, 2]])


@pytest.mark.parametrize("fusion", ["add", "concat"])
def test_a_fused_item_is_what_its_parts_and_a_loop_give(
    dataset: Dataset, shared_store: ArtefactStore, fusion: str
) -> None:
    fields = {"id": True, "text": text(dnn_layers=1), "image": image(), "fusion_layers": 1}
    encoder = build({**fields, "fusion": fusion}, dataset, shared_store).eval()
    parts = [encoder.parts[name](torch.tensor([5]))[0] for name in ("id", "text", "image")]
    if fusion == "add":
        fused = sum(parts, torch.zeros(DIM))
    else:
        mix = encoder.get_submodule("fusion.mix.1")
        fused = F.gelu(mix(torch.cat(parts)))
    last = encoder.get_submodule("dnn.0.1")
    assert torch.allclose(encoder(torch.tensor([5]))[0], F.gelu(last(fused)), atol=1e-6)


def test_two_stage_and_end_to_end_start_from_the_same_features(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    frozen = build(SPECS["text-ts"], dataset, shared_store)
    torch.manual_seed(0)  # what random frozen layers are drawn with
    fields = ItemSpec.model_validate({"text": text("all")})
    trained = build_item_encoder(fields, dataset, DIM, 0.1, shared_store).eval()
    rows = items(dataset) - 1
    pooled = []
    for encoder in (frozen, trained):
        part = encoder.parts["text"]
        assert isinstance(part, ModalityPart)
        pooled.append(part.encoder(rows))
    assert torch.allclose(*pooled, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "is_xavier"),
    [
        ({"text": text(0)}, True),
        ({"text": text(1)}, False),
        ({"text": text("all")}, False),
        ({"image": image(0)}, True),
        ({"image": image(1)}, True),
        ({"image": image("all")}, True),
    ],
)
def test_the_dt_layer_starts_as_in_the_papers_code(
    dataset: Dataset, shared_store: ArtefactStore, fields: dict[str, Any], is_xavier: bool
) -> None:
    (part,) = fields
    encoder = build(fields, dataset, shared_store)
    bias = encoder.get_submodule(f"parts.{part}.projection.0").bias
    assert isinstance(bias, Tensor)
    assert bool(bias.any()) != is_xavier


@pytest.mark.parametrize(("fusion", "num_layers"), [("add", 0), ("concat", 1)])
def test_every_dense_layer_has_the_models_dropout(
    dataset: Dataset, shared_store: ArtefactStore, fusion: str, num_layers: int
) -> None:
    fields = {"id": True, "text": text(dnn_layers=2), "fusion": fusion, "fusion_layers": 1}
    spec = ItemSpec.model_validate(fields)
    encoder = build_item_encoder(spec, dataset, DIM, 0.25, shared_store, id_layers=3)
    found = [module.p for module in encoder.modules() if isinstance(module, nn.Dropout)]
    assert found == [0.25] * (3 + 2 + 1 + num_layers)


def test_frozen_features_cost_only_the_layers_behind_them(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = build(SPECS["text-dnn"], dataset, shared_store)
    assert encoder.padded_item_macs() == (64 * DIM + 2 * DIM * DIM, set())


def test_a_trained_layer_costs_every_token_slot(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = build({"text": text(1, max_tokens=20)}, dataset, shared_store)
    layer = 20 * 12 * 64**2 + 2 * 20**2 * 64
    assert encoder.padded_item_macs() == (layer + 64 * DIM, set())


def test_items_are_sorted_by_the_lengths_of_their_titles_or_not_at_all(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    ids = torch.tensor([5, 2, 9, 2, 1, 24])
    both = {"image": image(), "text": text("all", max_tokens=9), "fusion": "add"}
    encoder = build(both, dataset, shared_store)
    part = encoder.parts["text"].get_submodule("encoder")
    assert dataset.titles is not None
    words = [len(dataset.titles[item - 1].split()) for item in ids.tolist()]
    lengths = part.lengths_of(ids - 1).tolist()
    assert lengths == [min(2 + number, 9) for number in words]
    expected = sorted(range(len(ids)), key=lambda place: lengths[place])
    assert encoder.by_length(ids).tolist() == expected
    for fields in ({"id": True}, {"image": image()}, {"text": text()}):
        assert build(fields, dataset, shared_store).by_length(ids).tolist() == [0, 1, 2, 3, 4, 5]


def test_preparing_builds_every_encoder_once_and_leaves_the_random_state(
    dataset: Dataset, store: ArtefactStore
) -> None:
    torch.manual_seed(6)
    expected = torch.rand(2)
    torch.manual_seed(6)
    prepare_item_inputs(ItemSpec.model_validate({"image": image("all")}), dataset, store)
    assert torch.equal(torch.rand(2), expected)
    with pytest.raises(SpecError, match=r"trainable_layers: 9, but 'test_resnet' has 4 stages"):
        prepare_item_inputs(ItemSpec.model_validate({"image": image(9)}), dataset, store)


def test_after_second_rounds_encoders_start_from_the_trained_folders(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = ItemSpec.model_validate(SPECS["second-rounds"])
    prepared = prepare_item_inputs(spec, dataset, shared_store)
    found = after_second_rounds(spec, dataset, shared_store)
    assert found.text is not None and found.image is not None
    for name, part in (("text", found.text), ("image", found.image)):
        folder = trained_folder(prepared[f"{name} second round"])
        assert (part.name, part.pretrained, part.second_round) == (str(folder), True, None)
    assert (found.text.trainable_layers, found.image.trainable_layers) == (1, "all")
    plain = ItemSpec.model_validate(SPECS["text-e2e"])
    assert after_second_rounds(plain, dataset, shared_store) == plain


def test_an_item_of_an_id_alone_has_no_layers_of_its_own() -> None:
    def never(place: str) -> Any:
        raise AssertionError(place)

    encoder = assemble_item_encoder(ItemSpec(id=True), 5, 4, 0.1, never)
    table = encoder.parts["id"].get_parameter("embedding.weight")
    assert torch.equal(encoder(torch.tensor([5, 1])), table[[5, 1]])
