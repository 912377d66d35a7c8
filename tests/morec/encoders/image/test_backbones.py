"""timm's models: packaged weights, weights from scratch, weight files that are refused."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from morec.config import ImageSpec
from morec.encoders.image.backbones import load_timm, output_dim, save_timm
from morec.encoders.weights.image import PACKAGED, timm_weights
from morec.errors import DataError, SpecError
from tests.morec.encoders.runs_code import RunsCode

LITES = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
TEMPLE = {442, 449, 663, 698}
"""ImageNet's bell cote, boathouse, monastery and palace."""


@pytest.fixture(params=LITES)
def lite(request: pytest.FixtureRequest) -> str:
    try:
        distribution(PACKAGED[request.param].distribution)
    except PackageNotFoundError:
        pytest.skip("the extras demo and vision are not installed")
    return str(request.param)


@torch.no_grad()
def test_packaged_weights_recognise_a_photo(lite: str) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    photo = Image.fromarray(datasets.load_sample_image("china.jpg")).resize((224, 224))
    backbone = load_timm(ImageSpec(name=lite)).eval()
    config = backbone.pretrained_cfg
    assert (config["mean"], config["std"]) == ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    pixels = torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None] / 255
    pooled = backbone((pixels - 0.5) / 0.5)
    assert pooled.shape == (1, 1280)
    weights = timm_weights(ImageSpec(name=lite))
    *_, weight, bias = torch.load(str(weights), weights_only=True).values()
    assert int((pooled @ weight.T + bias).argmax()) in TEMPLE


def test_packaged_tensors_go_to_tensors_of_their_kind(lite: str) -> None:
    stored = torch.load(str(timm_weights(ImageSpec(name=lite))), weights_only=True)
    with torch.device("meta"):
        names = timm.create_model(f"tf_{lite.replace('-', '_')}").state_dict()
    kinds = [[name.rpartition(".")[2] for name in ordered] for ordered in (stored, names)]
    assert kinds[0] == kinds[1]


def test_packaged_from_scratch_needs_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("morec.encoders.weights.files.distribution", lambda _: 1 / 0)
    spec = ImageSpec(name="efficientnet-lite0", pretrained=False, size=32)
    assert output_dim(load_timm(spec), 32) == 1280


def test_weights_of_another_arrangement_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.pth")
    monkeypatch.setattr(
        "morec.encoders.image.backbones.timm_weights", lambda _: tmp_path / "weights.pth"
    )
    with pytest.raises(DataError) as caught:
        load_timm(ImageSpec(name="efficientnet-lite0"))
    assert str(caught.value) == (
        f"{tmp_path / 'weights.pth'}: 1 tensors, but 'tf_efficientnet_lite0' of timm "
        f"{timm.__version__} has 296"
    )


def test_from_scratch_is_timms_own_initialisation() -> None:
    torch.manual_seed(8)
    ours = load_timm(ImageSpec(name="test_resnet", pretrained=False, size=32))
    torch.manual_seed(8)
    theirs = timm.create_model("test_resnet", num_classes=0)
    for name, tensor in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], tensor), name


def test_an_unknown_name_is_told_the_nearest_of_all_kinds() -> None:
    with pytest.raises(SpecError, match=r"Did you mean 'efficientnet-lite1'\?"):
        load_timm(ImageSpec(name="eficientnet-lite1", pretrained=False))


def test_a_local_folder_in_torchs_older_format_runs_none_of_what_it_may_hold(
    tmp_path: Path,
) -> None:
    spec = ImageSpec(name=str(tmp_path), size=32)
    model = timm.create_model("test_resnet", num_classes=3)
    timm.models.save_for_hf(model, tmp_path, safe_serialization=False)
    backbone = load_timm(spec)
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    torch.save(RunsCode(tmp_path / "ran"), tmp_path / "pytorch_model.bin")
    with pytest.raises(SpecError, match=r"timm cannot run .* weights_only=True blocked"):
        load_timm(spec)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("is_training", [True, False])
def test_asking_for_the_width_leaves_the_mode_as_it_was(*, is_training: bool) -> None:
    backbone = timm.create_model("test_resnet", num_classes=0).train(is_training)
    assert output_dim(backbone, 32) == backbone(torch.zeros(2, 3, 32, 32)).shape[1]
    assert backbone.training == is_training


def test_images_that_a_model_cannot_read_are_refused_when_it_is_loaded() -> None:
    with pytest.raises(SpecError) as caught:
        load_timm(ImageSpec(name="densenet121", pretrained=False, size=16))
    start = "item.image: timm cannot run 'densenet121' on 16 x 16 pixels: "
    assert str(caught.value).startswith(start)


@torch.no_grad()
@pytest.mark.parametrize(("name", "options"), [("test_resnet", {}), ("test_vit", {"img_size": 32})])
def test_a_saved_model_is_two_files_and_computes_what_it_computed(
    tmp_path: Path, name: str, options: dict[str, int]
) -> None:
    model = timm.create_model(name, num_classes=0, **options)
    folder = tmp_path / "new" / "folder"
    save_timm(model, folder)
    assert {path.name for path in folder.iterdir()} == {"config.json", "model.safetensors"}
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    again = load_timm(ImageSpec(name=str(folder), size=32))
    torch.testing.assert_close(again.eval()(images), model.eval()(images), rtol=0, atol=1e-6)
    scratch = load_timm(ImageSpec(name=str(folder), size=32, pretrained=False))
    assert not torch.allclose(scratch.eval()(images), model(images))


DAMAGES = {
    "no object": ("config.json", b"[]"),
    "no JSON": ("config.json", b'{"architecture": "test_resnet"'),
    "no architecture": ("config.json", b"{}"),
    "another architecture": ("config.json", b'{"architecture": "no_such_model"}'),
    "no tensors": ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}{}{}{}"),
    "cut off": ("model.safetensors", b""),
}


@pytest.mark.parametrize(("name", "content"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_folder_is_one_sentence(name: str, content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    save_timm(timm.create_model("test_resnet", num_classes=0), folder)
    (folder / name).write_bytes(content)
    spec = ImageSpec(name=str(folder), size=32)
    with pytest.raises((DataError, SpecError), match=str(folder)) as caught:
        load_timm(spec)
    assert "\n" not in str(caught.value)


def test_a_configuration_as_timm_once_wrote_it_is_read(tmp_path: Path) -> None:
    model = timm.create_model("test_resnet", num_classes=0)
    save_timm(model, tmp_path / "saved")
    path = tmp_path / "saved" / "config.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({"architecture": about["architecture"], **about["pretrained_cfg"]}))
    again = load_timm(ImageSpec(name=str(tmp_path / "saved"), size=32))
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name


def test_weights_of_the_hub_are_read_from_the_file_that_was_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = timm.create_model("test_resnet")
    save_timm(model, tmp_path / "saved")
    file = tmp_path / "saved" / "model.safetensors"
    monkeypatch.setattr("morec.encoders.image.backbones.timm_weights", lambda _: file)
    found = load_timm(ImageSpec(name="test_resnet", size=32)).state_dict()
    for name, tensor in model.state_dict().items():
        assert name.startswith("fc.") or torch.equal(found[name], tensor), name


def test_packaged_weights_run_no_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch.save(RunsCode(tmp_path / "ran"), tmp_path / "weights.pth")
    monkeypatch.setattr(
        "morec.encoders.image.backbones.timm_weights", lambda _: tmp_path / "weights.pth"
    )
    with pytest.raises(DataError, match="timm cannot read 'efficientnet-lite0': Weights only load"):
        load_timm(ImageSpec(name="efficientnet-lite0"))
    assert not (tmp_path / "ran").exists()
