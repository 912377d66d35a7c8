"""Items to vectors: ID embedding, text and image encoders, their fusion, and what they share."""

from morec import torchvision_guard as torchvision_guard  # before timm and transformers
