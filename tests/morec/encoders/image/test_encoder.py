"""Image encoders over pixels are timm's own forward; trials share what they read."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.data.images.sources import ImageSource
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, encoder_inputs
from morec.encoders.image.encoder import TIMM, ImageEncoder
from morec.encoders.macs import count_macs
from morec.encoders.tables import FeatureTable
from morec.errors import DataError, SpecError

SIZE = 16


def spec_of(name: str = "resnet18", **changes: Any) -> ImageSpec:
    fields = {"name": name, "pretrained": False, "size": SIZE, **changes}
    return ImageSpec.model_validate(fields)


def rows(dataset: Dataset) -> Tensor:
    return torch.arange(dataset.num_items)


@pytest.fixture(scope="module")
def saved_resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small timm model as timm saves it for a hub."""
    folder = tmp_path_factory.mktemp("resnet")
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = timm.create_model("test_resnet", num_classes=5)
    timm.models.save_for_hf(model, folder, safe_serialization=True)
    return folder


def straightforward(folder: Path, dataset: Dataset, mean: float, std: float) -> Tensor:
    """Image by image: divide, normalise, the library's own forward without the classifier."""
    model = timm.create_model(f"local-dir:{folder}", pretrained=True, num_classes=0).eval()
    assert dataset.image_array is not None
    vectors = []
    for image in dataset.image_array:
        pixels = torch.from_numpy(np.array(image, dtype=np.float32)).permute(2, 0, 1) / 255
        vectors.append(model(((pixels - mean) / std)[None]))
    return torch.cat(vectors)


@pytest.mark.parametrize("trainable", ["all", 0])
def test_pixels_are_normalised_and_pooled_as_by_hand(
    dataset: Dataset, shared_store: ArtefactStore, saved_resnet: Path, trainable: int | str
) -> None:
    spec = spec_of(
        str(saved_resnet), pretrained=True, trainable_layers=trainable, normalization="half"
    )
    encoder = build_encoder(spec, dataset, shared_store).eval()
    expected = straightforward(saved_resnet, dataset, mean=0.5, std=0.5)
    assert torch.allclose(encoder(rows(dataset)), expected, rtol=0, atol=1e-5)
    assert torch.pdist(expected).min() > 1e-3


def test_normalization_model_takes_the_models_own_mean_and_deviation(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = spec_of(trainable_layers="all")
    encoder = build_encoder(spec, dataset, shared_store)
    assert encoder.get_buffer("images.mean_C11").flatten().tolist() == pytest.approx(
        [0.485, 0.456, 0.406]
    )
    assert encoder.get_buffer("images.std_C11").flatten().tolist() == pytest.approx(
        [0.229, 0.224, 0.225]
    )


def test_features_and_pixels_are_in_no_checkpoint(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    frozen = build_encoder(spec_of(), dataset, shared_store)
    assert isinstance(frozen, FeatureTable)
    assert not frozen.state_dict()
    trained = build_encoder(spec_of(trainable_layers="all"), dataset, shared_store)
    assert isinstance(trained, ImageEncoder)
    assert all(name.startswith("backbone.") for name in trained.state_dict())


def test_frozen_features_are_the_same_in_training_mode(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    frozen = build_encoder(spec_of(), dataset, shared_store)
    few, many = torch.arange(2), rows(dataset)
    assert torch.equal(frozen.train()(few), frozen.eval()(many)[:2])


def test_end_to_end_training_moves_batchnorm_and_gives_every_parameter_a_gradient(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    encoder = build_encoder(spec_of(trainable_layers="all"), dataset, shared_store).train()
    norms = [module for module in encoder.modules() if isinstance(module, nn.BatchNorm2d)]
    before = norms[0].running_mean.clone() if norms[0].running_mean is not None else None
    encoder(rows(dataset)).square().sum().backward()
    assert before is not None
    assert norms[0].running_mean is not None
    assert not torch.equal(norms[0].running_mean, before)
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize("name", ["test_vit", "mobilenetv3_small_050"])
def test_models_of_a_fixed_size_or_with_a_wide_head_fit(
    dataset: Dataset, shared_store: ArtefactStore, name: str
) -> None:
    encoder = build_encoder(spec_of(name, size=32), dataset, shared_store)
    assert encoder(torch.arange(3)).shape == (3, encoder.dim)
    trained = spec_of(name, size=32, trainable_layers="all")
    assert build_encoder(trained, dataset, shared_store).dim == encoder.dim


def test_trials_share_pixels_and_features_unless_they_differ(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    def path(**changes: Any) -> Path:
        return encoder_inputs(spec_of(**changes), dataset, shared_store).path

    assert path() == path(dnn_layers=3)
    assert path(trainable_layers="all") == path(trainable_layers="all", name="resnet34")
    different = [{}, {"name": "test_resnet"}, {"size": 17}, {"normalization": "half"}]
    assert len({path(**changes) for changes in different}) == len(different)


def test_other_images_of_the_same_source_are_another_artefact(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    assert dataset.image_array is not None
    flipped = replace(dataset, image_array=255 - dataset.image_array)
    spec = spec_of(trainable_layers="all")
    assert (
        encoder_inputs(spec, dataset, shared_store).path
        != encoder_inputs(spec, flipped, shared_store).path
    )


def test_image_files_are_read_in_the_order_of_the_items(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    paths = tuple(tmp_path / f"{index}.png" for index in (2, 1))
    for shade, path in zip((50, 200), paths, strict=True):
        Image.new("RGB", (20, 30), (shade, shade, shade)).save(path)
    source = ImageSource("files", tmp_path, tuple(path.name for path in paths))
    few = replace(dataset, num_items=2, image_array=None, images=source)
    swapped = replace(few, images=source.select([1, 0]))
    spec = spec_of(trainable_layers="all")
    shades = [
        encoder_inputs(spec, data, store).array("pixels")[:, 0, 0, 0].tolist()
        for data in (few, swapped)
    ]
    assert shades == [[50, 200], [200, 50]]


def test_the_trials_random_state_does_not_depend_on_the_cache(
    dataset: Dataset, store: ArtefactStore
) -> None:
    def draw() -> Tensor:
        torch.manual_seed(5)
        build_encoder(spec_of("test_resnet"), dataset, store)
        return torch.rand(3)

    assert torch.equal(draw(), draw())


def test_one_image_costs_what_the_paper_says(dataset: Dataset, store: ArtefactStore) -> None:
    # 40.2 G multiply-accumulates for 22 images of 224 x 224 pixels (the paper's table 6: 40 G).
    one = replace(dataset, num_items=1, image_array=np.zeros((1, 16, 16, 3), np.uint8))
    spec = spec_of(trainable_layers="all", size=224)
    encoder = build_encoder(spec, one, store).eval()
    macs, uncounted = count_macs(encoder.encode_padded_item)
    assert round(22 * macs / 1e9) == 40
    assert uncounted == set()


def test_a_dataset_without_images_is_refused_by_name(
    dataset: Dataset, store: ArtefactStore
) -> None:
    with pytest.raises(DataError, match=r"item.image: dataset 'synthetic' has no images"):
        encoder_inputs(spec_of(), replace(dataset, image_array=None), store)


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("densenet121", 16, "Output size is too small"),
        ("test_vit", 20, "should be divisible by patch size"),
        ("test_maxvit", 16, "modulo by zero"),
        ("resnet18.a9_in1k", 16, "Invalid pretrained tag"),
    ],
)
def test_what_timm_cannot_run_is_refused_with_its_reason(
    dataset: Dataset, shared_store: ArtefactStore, name: str, size: int, reason: str
) -> None:
    spec = spec_of(name, size=size, trainable_layers="all")
    match = rf"cannot run '{name}' on {size} x {size} pixels: .*({reason})"
    with pytest.raises(SpecError, match=match):
        build_encoder(spec, dataset, shared_store)


def test_from_scratch_only_the_top_differs_between_seeds(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    def build(seed: int, **changes: Any) -> ImageEncoder:
        torch.manual_seed(seed)
        encoder = build_encoder(spec_of("test_vit", size=32, **changes), dataset, shared_store)
        assert isinstance(encoder, ImageEncoder)
        return encoder

    def differing(**changes: Any) -> set[str]:
        first, second = (dict(build(seed, **changes).named_parameters()) for seed in (1, 2))
        # Biases start at 0 and norms at 1.
        return {name for name, p in first.items() if not torch.equal(p, second[name])}

    top = {f"backbone.blocks.5.{name}.weight" for name in ("attn.qkv", "attn.proj", "mlp.fc1")}
    assert differing(trainable_layers=1) == top | {"backbone.blocks.5.mlp.fc2.weight"}
    lora = differing(trainable_layers="all", lora={"rank": 2})
    assert lora == {f"backbone.blocks.{block}.attn.qkv.a_RI" for block in range(6)}
    plain = build(3, trainable_layers="all")
    frozen = {name for name, p in build(1, trainable_layers=1).named_parameters()}
    assert frozen == {name for name, _ in plain.named_parameters()}
    features = build_encoder(spec_of("test_vit", size=32), dataset, shared_store)
    adapted = build(2, trainable_layers="all", lora={"rank": 2}).eval()
    few = torch.arange(3)
    torch.testing.assert_close(adapted(few), features(few), rtol=0, atol=1e-5)


def test_an_encoder_starts_in_training_mode_with_what_is_frozen_still(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = spec_of("test_resnet", size=32, trainable_layers=1)
    encoder = build_encoder(spec, dataset, shared_store)
    norms = {n: m for n, m in encoder.named_modules() if isinstance(m, nn.BatchNorm2d)}
    moving = {name for name, norm in norms.items() if norm.training}
    assert moving == {name for name in norms if name.startswith("backbone.layer4.")}
    assert encoder.training


def test_weights_lie_in_memory_as_pixels_do(dataset: Dataset, shared_store: ArtefactStore) -> None:
    encoder = build_encoder(spec_of("test_resnet", trainable_layers="all"), dataset, shared_store)
    weights = [p for p in encoder.parameters() if p.dim() == 4 and p.shape[2] > 1]
    assert weights
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in weights)


@pytest.mark.parametrize("options", [{}, {"trainable_layers": 1}, {"trainable_layers": "all"}])
def test_a_saved_encoder_is_timms_model_with_its_weights(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path, options: dict[str, Any]
) -> None:
    spec = spec_of("test_resnet", size=32, **options)
    torch.manual_seed(9)
    encoder = build_encoder(spec, dataset, store).eval()
    TIMM.save(spec, encoder, dataset=dataset, store=store, folder=tmp_path / "new" / "saved")
    model = timm.create_model(f"local-dir:{tmp_path / 'new' / 'saved'}", pretrained=True)
    again = spec_of(str(tmp_path / "new" / "saved"), size=32, pretrained=True)
    found = build_encoder(again, dataset, store)(rows(dataset))
    torch.testing.assert_close(found, encoder(rows(dataset)), rtol=0, atol=1e-5)
    assert model.pretrained_cfg["architecture"] == "test_resnet"
    if options:
        # What trains stays as it was, memory included.
        assert [p.requires_grad for p in encoder.parameters()].count(False) == (
            0 if options["trainable_layers"] == "all" else len(list(encoder.parameters())) - 9
        )


def test_a_blank_encoder_has_the_trained_parts_and_the_bytes_of_its_pixels(
    dataset: Dataset, shared_store: ArtefactStore
) -> None:
    spec = spec_of("test_resnet", size=32, trainable_layers=1)
    with torch.device("meta"):
        blank = TIMM.blank(spec)
    built = build_encoder(spec, dataset, shared_store)
    assert blank is not None
    shapes = [
        {name: (p.shape, p.requires_grad) for name, p in each.named_parameters()}
        for each in (blank, built)
    ]
    assert shapes[0] == shapes[1]
    assert blank.eval().encode_padded_item().shape == (1, built.dim)
    pixels = encoder_inputs(spec, dataset, shared_store).array("pixels")
    assert TIMM.input_bytes(spec) == pixels[0].nbytes
