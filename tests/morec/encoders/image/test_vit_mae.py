"""ViT-MAE is timm's vision transformer without masks, from a folder, hub, or scratch."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import transformers as hf
from torch import Tensor, nn

from morec.config import ImageSpec
from morec.encoders.image.vit_mae import load_vit_mae, load_vit_mae_for_pretraining
from morec.encoders.weights.image import is_of_transformers
from morec.errors import DataError, SpecError
from tests.morec.encoders.runs_code import RunsCode

SIZE = 32


def spec_of(name: str = "tiny-random-mae", **changes: Any) -> ImageSpec:
    fields = {"name": name, "pretrained": False, "size": SIZE, **changes}
    return ImageSpec.model_validate(fields)


def images(number: int = 3) -> Tensor:
    return torch.randn(number, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoder and decoder as a hub would have them, with weights that matter."""
    folder = tmp_path_factory.mktemp("mae")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = load_vit_mae_for_pretraining(spec_of())
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    return folder


def as_timm(vit: Any) -> nn.Module:
    """The same weights in timm's vision transformer, which has never heard of masks."""
    config = vit.config
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=config.image_size,
        patch_size=config.patch_size,
        embed_dim=config.hidden_size,
        depth=config.num_hidden_layers,
        num_heads=config.num_attention_heads,
        global_pool="token",
        num_classes=0,
    )
    names = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
        "norm": "layernorm",
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
        "attn.proj": "attention.o_proj",
    }
    theirs, ours = vit.state_dict(), {}
    for name in model.state_dict():
        block = re.match(r"blocks\.(\d+)\.(.*)", name)
        prefix, rest = (f"layers.{block[1]}.", block[2]) if block else ("", name)
        stem, _, kind = rest.rpartition(".")
        if stem == "attn.qkv":
            parts = [theirs[f"{prefix}attention.{part}_proj.{kind}"] for part in "qkv"]
            ours[name] = torch.cat(parts)
        else:
            ours[name] = theirs[prefix + (f"{names[stem]}.{kind}" if stem else names[rest])]
    model.load_state_dict(ours, strict=True)
    return model.eval()


@torch.no_grad()
def test_the_class_token_of_all_patches_in_order_is_timms(saved: Path) -> None:
    encoder = load_vit_mae(spec_of(str(saved), pretrained=True)).eval()
    reference = as_timm(encoder.vit)
    for module in reference.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-12
    expected = reference(images())
    assert torch.allclose(encoder(images()), expected, rtol=0, atol=1e-4)
    assert torch.pdist(expected).min() > 0.1


@torch.no_grad()
def test_encoding_an_image_twice_gives_the_same_vector() -> None:
    encoder = load_vit_mae(spec_of())
    for is_training in (True, False):
        encoder.train(is_training)
        assert torch.equal(encoder(images()), encoder(images()))


@torch.no_grad()
def test_the_librarys_own_forward_masks_and_shuffles(saved: Path) -> None:
    # What the authors' code does (and why the two settings of ``ViTMAEEncoder`` are there).
    model = hf.ViTMAEModel.from_pretrained(saved).eval()
    first, second = (model(images()).last_hidden_state for _ in range(2))
    assert first.shape[1] == 1 + 64 // 4
    assert not torch.allclose(first, second)


@torch.no_grad()
def test_the_encoder_reads_what_pretraining_saved(saved: Path) -> None:
    whole = load_vit_mae_for_pretraining(spec_of(str(saved), pretrained=True))
    encoder = load_vit_mae(spec_of(str(saved), pretrained=True))
    for name, tensor in whole.vit.state_dict().items():
        assert torch.equal(tensor, encoder.vit.state_dict()[name]), name


def test_an_encoder_without_decoder_gets_a_fresh_one(saved: Path, tmp_path: Path) -> None:
    encoder = load_vit_mae(spec_of(str(saved), pretrained=True)).vit
    encoder.save_pretrained(tmp_path)
    torch.manual_seed(1)
    whole = load_vit_mae_for_pretraining(spec_of(str(tmp_path), pretrained=True))
    assert torch.equal(whole.vit.layernorm.weight, encoder.layernorm.weight)
    assert whole.decoder.decoder_embed.weight.std() < 0.03


def test_pretraining_masks_the_second_rounds_share(saved: Path) -> None:
    spec = spec_of(second_round={"mask_share": 0.5})
    assert load_vit_mae_for_pretraining(spec)(images()).mask.mean() == 0.5
    assert load_vit_mae_for_pretraining(spec_of())(images()).mask.mean() == 0.75


def test_from_scratch_starts_as_the_library_does() -> None:
    torch.manual_seed(2)
    vit = load_vit_mae(spec_of()).vit
    weight = vit.layers[0].mlp.fc1.weight
    assert weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not vit.layers[0].mlp.fc1.bias.any()
    assert not vit.embeddings.position_embeddings.requires_grad


def test_normalisation_is_imagenets_unless_the_folder_says(saved: Path, tmp_path: Path) -> None:
    config = load_vit_mae(spec_of(str(saved), pretrained=True)).pretrained_cfg
    assert config["mean"] == (0.485, 0.456, 0.406)
    load_vit_mae(spec_of()).vit.save_pretrained(tmp_path)
    about = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(about))
    config = load_vit_mae(spec_of(str(tmp_path), pretrained=True)).pretrained_cfg
    assert config == {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tiny-random-mae", True), ("facebook/vit-mae-base", True), ("resnet18", False)],
)
def test_a_hub_name_is_a_vit_mae_and_a_plain_name_a_timm_model(name: str, expected: bool) -> None:
    assert is_of_transformers(name) == expected


def test_the_configuration_of_a_folder_says_whether_it_is_a_vit_mae(
    saved: Path, tmp_path: Path
) -> None:
    assert is_of_transformers(str(saved))
    assert not is_of_transformers(str(tmp_path))
    (tmp_path / "config.json").write_text('{"architecture": "resnet18"}')
    assert not is_of_transformers(str(tmp_path))


def test_tiny_random_mae_lists_everything_it_cannot_do() -> None:
    with pytest.raises(SpecError) as caught:
        load_vit_mae(spec_of(pretrained=True, size=30))
    assert caught.value.problems == (
        "item.image.pretrained: true, but 'tiny-random-mae' always starts from scratch; "
        "set pretrained: false",
        "item.image.size: 30, but 'tiny-random-mae' cuts images into 8 x 8 patches; "
        "allowed: multiples of 8",
    )


def test_pretrained_weights_refuse_another_image_size(saved: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_vit_mae(spec_of(str(saved), pretrained=True, size=64))
    assert str(caught.value) == (
        f"item.image.size: 64, but the weights of '{saved}' know the positions of 32 x 32 pixels; "
        "set size: 32"
    )
    assert load_vit_mae(spec_of(str(saved), size=64)).vit.config.image_size == 64
    with pytest.raises(SpecError, match=r"patches of 4 x 4 pixels; allowed: multiples of 4"):
        load_vit_mae(spec_of(str(saved), size=34))


def test_another_kind_of_model_is_refused_by_its_type(tmp_path: Path) -> None:
    hf.ViTConfig().save_pretrained(tmp_path)
    with pytest.raises(SpecError, match=r"is of type 'vit'; allowed: a ViT-MAE, or a timm name"):
        load_vit_mae(spec_of(str(tmp_path)))


def test_what_cannot_be_fetched_is_answered_with_other_ways_and_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError) as caught:
        load_vit_mae(spec_of("facebook/vit-mae-bas", pretrained=True))
    message = str(caught.value)
    assert "'facebook/vit-mae-bas' did not come from the model hub" in message
    assert "Did you mean 'facebook/vit-mae-base'?" in message
    assert "a timm name, or 'tiny-random-mae'" in message


def test_weights_that_lack_a_tensor_are_refused(saved: Path, tmp_path: Path) -> None:
    vit = load_vit_mae(spec_of(str(saved), pretrained=True)).vit
    state = vit.state_dict()
    del state["layernorm.weight"]
    vit.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(DataError, match=r"the weights lack 1 tensors: \['layernorm.weight'\]"):
        load_vit_mae(spec_of(str(tmp_path), pretrained=True))


def test_torchs_older_format_is_read_without_running_what_it_may_hold(
    saved: Path, tmp_path: Path
) -> None:
    vit = load_vit_mae(spec_of(str(saved), pretrained=True)).vit
    vit.config.save_pretrained(tmp_path)
    older = tmp_path / "pytorch_model.bin"
    torch.save(vit.state_dict(), older)
    again = load_vit_mae(spec_of(str(tmp_path), pretrained=True)).vit
    assert torch.equal(again.layernorm.weight, vit.layernorm.weight)
    torch.save(RunsCode(tmp_path / "ran"), older)
    with pytest.raises(DataError, match="the weights cannot be read"):
        load_vit_mae(spec_of(str(tmp_path), pretrained=True))
    assert not (tmp_path / "ran").exists()


def test_the_tiny_vit_mae_keeps_its_shape() -> None:
    """The hash of its artefacts names it and not its shape, so that this must not change."""
    model = load_vit_mae_for_pretraining(spec_of())
    layer, decoder_layer = 12 * 64**2 + 13 * 64, 12 * 32**2 + 13 * 32
    assert sum(p.numel() for p in model.vit.layers.parameters()) == 2 * layer
    decoder = model.decoder
    assert sum(p.numel() for p in decoder.decoder_layers.parameters()) == decoder_layer
    assert decoder.decoder_embed.weight.shape == (32, 64)
    assert model.vit.embeddings.position_embeddings.shape == (1, 8 * 8 + 1, 64)
    config = model.config
    assert (config.num_attention_heads, config.decoder_num_attention_heads) == (2, 2)
    assert (config.image_size, config.patch_size) == (SIZE, SIZE // 8)


def test_the_order_of_patches_is_in_no_state_and_moves_with_the_module() -> None:
    encoder = load_vit_mae(spec_of())
    assert all(name.startswith("vit.") for name in encoder.state_dict())
    assert encoder.to("meta")(images().to("meta")).shape == (3, 64)
