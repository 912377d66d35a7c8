"""What people call well-known encoders, and the names that the model hub and timm know them by."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from morec.errors import did_you_mean

TEXTS = {
    "bert": "bert-base-uncased",
    "bert base": "bert-base-uncased",
    "roberta": "roberta-base",
    "distilbert": "distilbert-base-uncased",
    "opt": "facebook/opt-125m",
    "opt 125m": "facebook/opt-125m",
    "minilm l6": "minilm",
    "minilm l6 v2": "minilm",
    "sbert": "minilm",
    "all minilm l6 v2": "sentence-transformers/all-MiniLM-L6-v2",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "all mpnet base v2": "sentence-transformers/all-mpnet-base-v2",
    "e5": "intfloat/e5-base-v2",
    "e5 base": "intfloat/e5-base-v2",
    "e5 base v2": "intfloat/e5-base-v2",
    "bge": "BAAI/bge-base-en-v1.5",
    "bge base": "BAAI/bge-base-en-v1.5",
    "bge base en": "BAAI/bge-base-en-v1.5",
    "modernbert": "answerdotai/ModernBERT-base",
    "modernbert base": "answerdotai/ModernBERT-base",
    "deberta": "microsoft/deberta-v3-base",
    "deberta v3": "microsoft/deberta-v3-base",
    "deberta v3 base": "microsoft/deberta-v3-base",
    "qwen": "Qwen/Qwen3-Embedding-0.6B",
    "qwen3": "Qwen/Qwen3-Embedding-0.6B",
    "qwen3 embedding": "Qwen/Qwen3-Embedding-0.6B",
    "qwen3 embedding 0.6b": "Qwen/Qwen3-Embedding-0.6B",
}
"""For ``item.text.name``: names of the model hub, and our packaged ``minilm``."""
IMAGES = {
    "clip": "vit_base_patch16_clip_224.openai",
    "clip vit b 16": "vit_base_patch16_clip_224.openai",
    "clip vit base patch16": "vit_base_patch16_clip_224.openai",
    "clip vit b 32": "vit_base_patch32_clip_224.openai",
    "clip vit base patch32": "vit_base_patch32_clip_224.openai",
    "clip vit l 14": "vit_large_patch14_clip_224.openai",
    "clip vit large patch14": "vit_large_patch14_clip_224.openai",
    "siglip": "vit_base_patch16_siglip_224.webli",
    "siglip base patch16 224": "vit_base_patch16_siglip_224.webli",
    "siglip2": "vit_base_patch16_siglip_224.v2_webli",
    "dinov2": "vit_base_patch14_dinov2.lvd142m",
    "dinov2 small": "vit_small_patch14_dinov2.lvd142m",
    "dinov2 base": "vit_base_patch14_dinov2.lvd142m",
    "dinov2 large": "vit_large_patch14_dinov2.lvd142m",
    "dinov2 vit s 14": "vit_small_patch14_dinov2.lvd142m",
    "dinov2 vit b 14": "vit_base_patch14_dinov2.lvd142m",
    "dinov3": "vit_base_patch16_dinov3.lvd1689m",
    "dinov3 small": "vit_small_patch16_dinov3.lvd1689m",
    "dinov3 base": "vit_base_patch16_dinov3.lvd1689m",
    "vit": "vit_base_patch16_224",
    "vit base": "vit_base_patch16_224",
    "vit b 16": "vit_base_patch16_224",
    "vit base patch16 224": "vit_base_patch16_224",
    "vit small": "vit_small_patch16_224",
    "vit s 16": "vit_small_patch16_224",
    "vit tiny": "vit_tiny_patch16_224",
    "vit large": "vit_large_patch16_224",
    "vit l 16": "vit_large_patch16_224",
    "deit": "deit_base_patch16_224",
    "deit small": "deit_small_patch16_224",
    "beit": "beit_base_patch16_224",
    "mae": "facebook/vit-mae-base",
    "vit mae": "facebook/vit-mae-base",
    "vit mae base": "facebook/vit-mae-base",
    "swin": "swin_tiny_patch4_window7_224",
    "swin tiny": "swin_tiny_patch4_window7_224",
    "swin t": "swin_tiny_patch4_window7_224",
    "swin small": "swin_small_patch4_window7_224",
    "swin base": "swin_base_patch4_window7_224",
    "swin b": "swin_base_patch4_window7_224",
    "resnet": "resnet50",
    "convnext": "convnext_tiny",
    "convnext t": "convnext_tiny",
    "efficientnet": "efficientnet_b0",
    "mobilenet": "mobilenetv3_large_100",
    "vgg": "vgg16",
}
"""For ``item.image.name``: names of timm, and of the model hub where timm has no such weights."""
CLOSE = 0.9
"""How alike what is typed and a name above must be, from 0 to 1, spaces and signs left out."""


def nearest_name(name: str, typed: Mapping[str, str], known: Iterable[str]) -> str:
    """``" Did you mean 'x'?"`` by what people type, or else by spelling; or an empty string."""
    meant = {_plain(words): each for words, each in typed.items()}
    near = get_close_matches(_plain(name), meant, cutoff=CLOSE)
    if near:
        return f" Did you mean {meant[near[0]]!r}?"
    return did_you_mean(name, known)


def _plain(name: str) -> str:
    """Letters and digits alone, in lower case: ``ViT-B/16`` is ``vit_b_16``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
