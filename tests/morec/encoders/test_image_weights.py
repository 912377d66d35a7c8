from pathlib import Path

import huggingface_hub
import pytest

from morec.config import ImageSpec
from morec.encoders.image_weights import timm_weights
from morec.errors import DataError


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


def test_an_unreachable_image_encoder_names_its_hub_name_and_the_ways() -> None:
    with pytest.raises(DataError) as caught:
        timm_weights(ImageSpec(name="resnet18"))
    message = str(caught.value)
    assert "item.image.name: 'resnet18' cannot be loaded" in message
    assert "'timm/resnet18.a1_in1k' did not come from the model hub" in message
    assert "pretrained: false" in message
