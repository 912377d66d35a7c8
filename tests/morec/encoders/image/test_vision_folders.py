"""Folders of transformers' image encoders: what is read, written, and never run."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers as hf
from torch import nn

from morec.config import ImageSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.image.encoder import OF_TRANSFORMERS, ImageEncoder
from morec.encoders.image.vision_models import load_vision_config, load_vision_model
from morec.encoders.image.vit_mae import load_vit_mae, load_vit_mae_config, mean_and_std
from morec.errors import DataError, SpecError
from tests.morec.encoders.image.test_vision_models import CONFIGS, MEAN, SIZE, STD, VISION

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5,) * 3, (0.5,) * 3)
OPENAI = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
PIXELS = {
    "vit": HALF,
    "clip": OPENAI,
    "clip_vision_model": OPENAI,
    "siglip": HALF,
    "siglip_vision_model": HALF,
}
"""As each one's image processor in the library has them; the others have ImageNet's."""
OWN_CODE = """
from pathlib import Path
from transformers import PretrainedConfig
(Path(__file__).parent / "ran").mkdir()
class Mine(PretrainedConfig):
    model_type = "mine"
"""


def spec_of(folder: Path, **changes: Any) -> ImageSpec:
    return ImageSpec.model_validate({"name": str(folder), "size": SIZE, **changes})


def write_processor(folder: Path, about: object) -> None:
    (folder / "preprocessor_config.json").write_text(json.dumps(about))


@pytest.mark.parametrize("kind", CONFIGS)
def test_from_scratch_pixels_are_normalised_as_by_the_familys_own_processor(
    kind: str, tmp_path: Path
) -> None:
    CONFIGS[kind]().save_pretrained(tmp_path)
    model = load_vision_model(spec_of(tmp_path, pretrained=False))
    mean, std = PIXELS.get(kind, IMAGENET)
    assert model.pretrained_cfg == {"mean": mean, "std": std}


def test_what_a_processor_leaves_out_is_the_familys(tmp_path: Path) -> None:
    hf.CLIPVisionConfig(**VISION).save_pretrained(tmp_path)
    spec = spec_of(tmp_path, pretrained=False)
    write_processor(tmp_path, {"do_normalize": True, "image_std": STD})
    assert load_vision_model(spec).pretrained_cfg == {"mean": OPENAI[0], "std": tuple(STD)}
    write_processor(tmp_path, {"image_mean": MEAN})
    assert load_vision_model(spec).pretrained_cfg == {"mean": tuple(MEAN), "std": OPENAI[1]}


def test_a_vit_mae_takes_imagenets_numbers_for_what_a_processor_leaves_out(tmp_path: Path) -> None:
    hf.ViTMAEConfig(**VISION).save_pretrained(tmp_path)
    spec = spec_of(tmp_path, pretrained=False)
    write_processor(tmp_path, {"image_std": STD})
    assert mean_and_std(spec) == (IMAGENET[0], tuple(STD))
    write_processor(tmp_path, {"image_mean": MEAN})
    assert mean_and_std(spec) == (tuple(MEAN), IMAGENET[1])


def test_convolutions_read_images_of_an_odd_size(tmp_path: Path) -> None:
    CONFIGS["resnet"]().save_pretrained(tmp_path)
    model = load_vision_model(spec_of(tmp_path, pretrained=False, size=33))
    assert model(torch.zeros(2, 3, 33, 33)).shape == (2, 16)


def test_a_siglip_without_its_pooling_is_refused(tmp_path: Path) -> None:
    hf.SiglipVisionConfig(**VISION, vision_use_head=False).save_pretrained(tmp_path)
    with pytest.raises(SpecError) as caught:
        load_vision_model(spec_of(tmp_path, pretrained=False))
    assert str(caught.value) == (
        f"item.image.name: {str(tmp_path)!r} was saved without its attention pooling"
    )


@pytest.mark.parametrize("load", [load_vision_config, load_vit_mae_config])
def test_code_of_a_folder_is_not_run_even_where_someone_would_say_yes(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "m"))
    (tmp_path / "mine.py").write_text(OWN_CODE)
    about = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(about))
    with pytest.raises((DataError, ValueError)):
        load(spec_of(tmp_path, pretrained=False))
    assert not list(tmp_path.rglob("ran"))


# ---- what is saved


def built(spec: ImageSpec, dataset: Dataset, store: ArtefactStore) -> Any:
    torch.manual_seed(2)
    encoder = OF_TRANSFORMERS.build(spec, dataset, store)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return encoder.eval()


@pytest.mark.parametrize(
    "options",
    [{}, {"trainable_layers": 1}, {"trainable_layers": "all", "lora": {"rank": 2, "alpha": 9.0}}],
)
@pytest.mark.parametrize("config", [hf.ViTConfig, hf.ViTMAEConfig])
def test_a_saved_encoder_computes_what_it_computed_and_says_how_it_reads_pixels(
    config: Any, options: dict[str, Any], dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    config(**VISION).save_pretrained(tmp_path)
    write_processor(tmp_path, {"image_mean": MEAN, "image_std": STD})
    spec, folder = spec_of(tmp_path, pretrained=False, **options), tmp_path / "saved"
    encoder = built(spec, dataset, store)
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    OF_TRANSFORMERS.save(spec, encoder, dataset=dataset, store=store, folder=folder)
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())
    assert json.loads((folder / "preprocessor_config.json").read_text()) == {
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
    assert not (folder / "processor_config.json").exists()
    load = load_vit_mae if config is hf.ViTMAEConfig else load_vision_model
    again = load(spec_of(folder)).eval()
    rows = torch.arange(4)
    assert dataset.image_array is not None
    pixels = torch.from_numpy(dataset.image_array[:4]).permute(0, 3, 1, 2) / 255
    images = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(again(images), encoder(rows), rtol=0, atol=1e-5)


def test_a_shape_without_weights_is_known_of_folders_and_well_known_names(tmp_path: Path) -> None:
    CONFIGS["vit"]().save_pretrained(tmp_path)
    with torch.device("meta"):
        small = OF_TRANSFORMERS.blank(spec_of(tmp_path, pretrained=False))
        tiny = OF_TRANSFORMERS.blank(spec_of(Path("tiny-random-mae"), pretrained=False))
        fields = {"name": "facebook/vit-mae-base", "trainable_layers": "all"}
        known = OF_TRANSFORMERS.blank(ImageSpec.model_validate(fields))
        unknown = OF_TRANSFORMERS.blank(ImageSpec(name="some/encoder"))
    assert isinstance(small, ImageEncoder) and isinstance(tiny, ImageEncoder)
    assert isinstance(known, ImageEncoder)
    assert (small.dim, tiny.dim, known.dim, unknown) == (8, 64, 768, None)
    assert small.encode_padded_item().shape == (1, 8)
    # A ViT-B with a class token, 16 x 16 patches of 224 pixels, and no head.
    layer = 12 * 768**2 + 13 * 768
    stem = 3 * 16**2 * 768 + 768 + 768 + (14**2 + 1) * 768
    assert sum(p.numel() for p in known.parameters()) == 12 * layer + stem + 2 * 768
    assert isinstance(known.backbone, nn.Module)
    assert known.backbone.pretrained_cfg == {"mean": IMAGENET[0], "std": IMAGENET[1]}
