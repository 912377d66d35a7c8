"""timm's names: what is known, and the nearest name for what is not."""

import pytest

from morec.encoders.weights.timm_names import checked_name, hub_name
from morec.errors import DataError, SpecError


@pytest.mark.parametrize("name", ["resnet18", "resnet18.a1_in1k", "vit_base_patch16_224.mae"])
def test_timm_names_pass_with_and_without_a_tag(name: str) -> None:
    assert checked_name(name) == name


def test_an_unknown_name_names_the_nearest_model() -> None:
    with pytest.raises(SpecError, match=r"'rasnet18' is neither .* Did you mean 'resnet18'\?"):
        checked_name("rasnet18")


def test_pretrained_weights_have_a_hub_name() -> None:
    assert hub_name("resnet18.a1_in1k") == "timm/resnet18.a1_in1k"
    assert hub_name("swin_tiny_patch4_window7_224").startswith("timm/swin_tiny_patch4_window7_224")


def test_an_unknown_weights_tag_names_the_known_ones() -> None:
    with pytest.raises(SpecError, match=r"'resnet18' has no weights tagged 'a9_in1k'.*a1_in1k"):
        hub_name("resnet18.a9_in1k")


def test_a_model_without_weights_says_so() -> None:
    with pytest.raises(DataError, match=r"'test_vit4' has no pretrained .*pretrained: false"):
        hub_name("test_vit4")
