"""Encoders of images."""

from morec import torchvision_guard as torchvision_guard  # before timm and transformers
