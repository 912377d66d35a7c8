"""The stages of an image encoder that train, and what stays frozen below them."""

from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.encoders.image.stages import freeze_below_top, stage_parameters
from morec.encoders.image.vit_mae import load_vit_mae
from morec.errors import SpecError

NUM_STAGES = {
    "resnet18": 4,
    "test_resnet": 4,
    "tf_efficientnet_lite0": 7,
    "test_convnext": 4,
    "test_vit": 6,
    "vit_base_patch16_224": 12,
    "swin_tiny_patch4_window7_224": 4,
    "beit_base_patch16_224": 12,
    "mobilenetv3_small_050": 6,
}


def spec_of(name: str, trainable: int | str, **changes: Any) -> ImageSpec:
    fields = {"name": name, "pretrained": False, "trainable_layers": trainable, **changes}
    return ImageSpec.model_validate(fields)


def shapes_only(name: str) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, num_classes=0)


def trained(module: nn.Module) -> list[str]:
    return [name for name, tensor in module.named_parameters() if tensor.requires_grad]


@pytest.mark.parametrize("name", NUM_STAGES)
def test_stages_are_what_timm_names_and_everything_but_the_stem(name: str) -> None:
    model = shapes_only(name)
    stages = stage_parameters(model, name)
    assert len(stages) == NUM_STAGES[name]
    named = [parameter for stage in stages for parameter in stage]
    assert len(named) == len(set(named))
    rest = {parameter for parameter, _ in model.named_parameters()} - set(named)
    below = ("conv", "bn1", "stem", "patch_embed", "pos_embed", "cls_token", "reg_token")
    assert all(parameter.startswith(below) for parameter in rest), rest


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("test_vit", {"blocks", "norm"}),
        ("swin_tiny_patch4_window7_224", {"layers", "norm"}),
        ("tf_efficientnet_lite0", {"blocks", "conv_head", "bn2"}),
        ("test_convnext", {"stages", "head"}),
    ],
)
def test_what_is_above_the_last_stage_trains_with_it(name: str, last: set[str]) -> None:
    model = shapes_only(name)
    freeze_below_top(model, spec_of(name, 1))
    assert {parameter.partition(".")[0] for parameter in trained(model)} == last


def test_the_stages_of_a_vit_mae_are_its_layers() -> None:
    model = load_vit_mae(spec_of("tiny-random-mae", 1, size=32))
    first, second = stage_parameters(model, "tiny-random-mae")
    assert all(name.startswith("vit.layers.0.") for name in first)
    assert {name for name in second if "layers.1." not in name} == {
        "vit.layernorm.weight",
        "vit.layernorm.bias",
    }


def test_more_stages_than_there_are_is_an_error_that_says_how_many() -> None:
    with pytest.raises(SpecError) as caught:
        freeze_below_top(shapes_only("resnet18"), spec_of("resnet18", 5))
    assert str(caught.value) == (
        "item.image.trainable_layers: 5, but 'resnet18' has 4 stages; allowed: 0 to 4, or all"
    )
    freeze_below_top(shapes_only("resnet18"), spec_of("resnet18", 4))


def test_a_model_without_named_stages_is_an_error() -> None:
    with pytest.raises(SpecError) as caught:
        freeze_below_top(nn.Linear(2, 2), spec_of("odd", 1))
    assert str(caught.value) == (
        "item.image.trainable_layers: timm names no stages of 'odd'; allowed: 0, or all"
    )


@pytest.mark.parametrize("trainable", [1, "all"])
def test_lora_without_attention_is_an_error_that_says_so(trainable: int | str) -> None:
    spec = spec_of("resnet18", trainable, lora={})
    match = (
        r"^item.image.lora: 'resnet18' has no attention to change there: no linear layer is called "
        r"qkv or query or .*; linear layers: none$"
    )
    with pytest.raises(SpecError, match=match):
        freeze_below_top(shapes_only("resnet18"), spec)


def test_lora_changes_the_attention_of_the_top_stages_only() -> None:
    model = shapes_only("test_vit")
    freeze_below_top(model, spec_of("test_vit", 2, lora={"rank": 3}))
    layers = [f"blocks.{block}.attn.qkv" for block in (4, 5)]
    assert trained(model) == [f"{layer}.{name}" for layer in layers for name in ("a_RI", "b_OR")]


def test_nothing_below_the_top_is_kept_for_the_gradient() -> None:
    model = timm.create_model("test_resnet", num_classes=0)
    freeze_below_top(model, spec_of("test_resnet", 2))
    graphs: dict[str, bool] = {}

    def remember(name: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> None:
            graphs[name] = output.requires_grad

        return hook

    for name in ("conv1", "layer1", "layer2", "layer3", "layer4"):
        model.get_submodule(name).register_forward_hook(remember(name))
    model(torch.zeros(2, 3, 32, 32))
    assert [name for name, has_graph in graphs.items() if has_graph] == ["layer3", "layer4"]


def test_dropout_below_the_top_stays_off_and_in_the_top_goes_on() -> None:
    model = timm.create_model("test_vit", num_classes=0, proj_drop_rate=0.5, pos_drop_rate=0.5)
    still = freeze_below_top(model, spec_of("test_vit", 1))
    model.train()
    for name in still:
        model.get_submodule(name).eval()
    dropouts = {n: m.training for n, m in model.named_modules() if isinstance(m, nn.Dropout)}
    assert {name for name, is_on in dropouts.items() if name and is_on} == {
        name for name in dropouts if name.startswith(("blocks.5.", "fc_norm", "head_drop"))
    }
    assert dropouts["pos_drop"] is False


def test_with_lora_batchnorm_keeps_its_statistics_everywhere() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.group_matcher = lambda coarse: {"stem": "none", "blocks": r"^(\d)"}  # type: ignore
    model[0] = nn.Sequential()
    model[0].add_module("qkv", nn.Linear(2, 2))
    assert freeze_below_top(model, spec_of("odd", "all", lora={})) == ("1",)


def test_lora_reaches_attention_that_multiplies_by_itself() -> None:
    model = timm.create_model("beit_base_patch16_224", img_size=32, num_classes=0, depth=1)
    freeze_below_top(model, spec_of("beit_base_patch16_224", 1, lora={"rank": 2}))
    model(torch.zeros(1, 3, 32, 32)).sum().backward()
    assert model.get_parameter("blocks.0.attn.qkv.b_OR").grad is not None


class Shuffled(nn.Module):
    """The stem is declared last, and two modules have no parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(2, 2)) for _ in range(2))
        self.top_drop = nn.Dropout()
        self.stem = nn.Linear(2, 2)

    def group_matcher(self, coarse: bool) -> dict[str, Any]:
        return {"stem": "^stem", "blocks": r"^blocks\.(\d+)"}


def test_stages_come_from_the_bottom_to_the_top_however_they_are_declared() -> None:
    assert stage_parameters(Shuffled(), "odd") == [
        [f"blocks.{stage}.0.weight", f"blocks.{stage}.0.bias"] for stage in (0, 1)
    ]


def test_stages_without_a_stem_are_no_stages() -> None:
    model = nn.Linear(2, 2)
    model.group_matcher = lambda coarse: {"blocks": r"^(\d)"}  # type: ignore[assignment]
    with pytest.raises(SpecError, match="timm names no stages of 'odd'"):
        stage_parameters(model, "odd")


def test_modules_below_the_top_stay_still_and_only_the_top_is_in_the_state() -> None:
    model = Shuffled()
    still = freeze_below_top(model, spec_of("odd", 1))
    assert still == ("blocks.0", "blocks.0.0", "drop", "stem")
    assert sorted(model.state_dict()) == ["blocks.1.0.bias", "blocks.1.0.weight"]
    assert trained(model) == ["blocks.1.0.weight", "blocks.1.0.bias"]


def test_the_names_of_still_modules_are_in_order() -> None:
    still = freeze_below_top(shapes_only("test_vit"), spec_of("test_vit", 1))
    assert list(still) == sorted(still)


def test_positions_that_never_train_do_not_train_with_all() -> None:
    model = load_vit_mae(spec_of("tiny-random-mae", "all", size=32))
    freeze_below_top(model, spec_of("tiny-random-mae", "all", size=32))
    everything = {name for name, _ in model.named_parameters()}
    assert everything - set(trained(model)) == {"vit.embeddings.position_embeddings"}
