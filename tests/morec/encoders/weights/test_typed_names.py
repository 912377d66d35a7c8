"""What people type for well-known encoders is answered with a name that can be loaded."""

import re

import pytest
import timm

from morec.config import ImageSpec, TextSpec
from morec.encoders.families import weights_hash
from morec.encoders.weights.text import KNOWN_HUB_NAMES, PACKAGED, text_folder
from morec.encoders.weights.timm_names import checked_name
from morec.encoders.weights.typed_names import IMAGES, TEXTS, nearest_name
from morec.errors import DataError, SpecError

TYPED_IMAGES = {
    "clip": "vit_base_patch16_clip_224.openai",
    "clip-vit-b16": "vit_base_patch16_clip_224.openai",
    "clip_vit_b_32": "vit_base_patch32_clip_224.openai",
    "CLIP-ViT-L-14": "vit_large_patch14_clip_224.openai",
    "clip-vit-base-patch16": "vit_base_patch16_clip_224.openai",
    "siglip": "vit_base_patch16_siglip_224.webli",
    "siglip-base-patch16-224": "vit_base_patch16_siglip_224.webli",
    "SigLIP2": "vit_base_patch16_siglip_224.v2_webli",
    "dinov2": "vit_base_patch14_dinov2.lvd142m",
    "dinov2-small": "vit_small_patch14_dinov2.lvd142m",
    "dinov2_vits14": "vit_small_patch14_dinov2.lvd142m",
    "dinov2-base": "vit_base_patch14_dinov2.lvd142m",
    "DINOv2-large": "vit_large_patch14_dinov2.lvd142m",
    "dinov3": "vit_base_patch16_dinov3.lvd1689m",
    "dinov3-small": "vit_small_patch16_dinov3.lvd1689m",
    "vit": "vit_base_patch16_224",
    "vit-base": "vit_base_patch16_224",
    "vit_b_16": "vit_base_patch16_224",
    "vit-base-patch16-224": "vit_base_patch16_224",
    "vit-small": "vit_small_patch16_224",
    "vit-tiny": "vit_tiny_patch16_224",
    "deit-small": "deit_small_patch16_224",
    "beit": "beit_base_patch16_224",
    "vit-mae": "facebook/vit-mae-base",
    "mae": "facebook/vit-mae-base",
    "swin": "swin_tiny_patch4_window7_224",
    "swin-t": "swin_tiny_patch4_window7_224",
    "swin-base": "swin_base_patch4_window7_224",
    "resnet": "resnet50",
    "resnet-50": "resnet50",
    "ResNet50": "resnet50",
    "convnext": "convnext_tiny",
    "convnext-tiny": "convnext_tiny",
    "efficientnet": "efficientnet_b0",
    "efficientnet-b0": "efficientnet_b0",
    "mobilenet": "mobilenetv3_large_100",
}
TYPED_TEXTS = {
    "minilm-l6": "minilm",
    "MiniLM-L6-v2": "minilm",
    "all-MiniLM-L6-v2": "sentence-transformers/all-MiniLM-L6-v2",
    "all-mpnet-base-v2": "sentence-transformers/all-mpnet-base-v2",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "bert": "bert-base-uncased",
    "bert-base": "bert-base-uncased",
    "BERT_base_uncased": "bert-base-uncased",
    "roberta": "roberta-base",
    "distilbert": "distilbert-base-uncased",
    "e5": "intfloat/e5-base-v2",
    "e5-base-v2": "intfloat/e5-base-v2",
    "bge": "BAAI/bge-base-en-v1.5",
    "bge-base-en-v1.5": "BAAI/bge-base-en-v1.5",
    "qwen3-embedding": "Qwen/Qwen3-Embedding-0.6B",
    "Qwen3-Embedding-0.6B": "Qwen/Qwen3-Embedding-0.6B",
    "modernbert": "answerdotai/ModernBERT-base",
    "ModernBERT-base": "answerdotai/ModernBERT-base",
    "deberta-v3-base": "microsoft/deberta-v3-base",
    "opt-125m": "facebook/opt-125m",
}


@pytest.mark.parametrize(("typed", "meant"), TYPED_IMAGES.items())
def test_a_typed_image_encoder_is_answered_with_the_name_that_is_meant(
    typed: str, meant: str
) -> None:
    with pytest.raises(SpecError, match=rf"Did you mean '{re.escape(meant)}'\?"):
        checked_name(typed)


@pytest.mark.usefixtures("without_a_hub")
@pytest.mark.parametrize(("typed", "meant"), TYPED_TEXTS.items())
def test_a_typed_text_encoder_is_answered_with_the_name_that_is_meant(
    typed: str, meant: str
) -> None:
    with pytest.raises(DataError, match=rf"Did you mean '{re.escape(meant)}'\?"):
        text_folder(TextSpec(name=typed))


@pytest.mark.usefixtures("without_a_hub")
def test_a_name_with_a_slash_is_answered_too() -> None:
    with pytest.raises(DataError, match=r"'ViT-B/16' .* Did you mean 'vit_base_patch16_224'\?"):
        weights_hash(ImageSpec(name="ViT-B/16"))


@pytest.mark.parametrize("name", sorted(set(IMAGES.values())))
def test_what_is_answered_for_images_has_weights(name: str) -> None:
    if "/" in name:
        return
    architecture, _, tag = name.partition(".")
    assert timm.list_pretrained(f"{architecture}.{tag or '*'}")


def test_what_is_answered_for_texts_is_packaged_or_of_the_hub() -> None:
    assert set(TEXTS.values()) <= {*PACKAGED, *KNOWN_HUB_NAMES}


def test_another_name_is_answered_by_its_spelling() -> None:
    assert nearest_name("rasnet18", IMAGES, ["resnet18"]) == " Did you mean 'resnet18'?"
    assert nearest_name("something", IMAGES, ["resnet18"]) == ""
