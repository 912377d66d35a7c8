"""Keeps timm and transformers importable with a torchvision that was built for another torch.

The package index serves CPU wheels of torch next to CUDA wheels of torchvision. Such a torchvision
fails at import with "operator torchvision::nms does not exist", and so do timm and the vision code
of transformers. Neither of its two compiled operators is used here, so declaring them is enough.
Modules that import timm or a model of transformers import this module first, or lie in a
room that does. A torchvision that works is not changed.
"""

import importlib

import torch

_NMS_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def _declare_missing_operators() -> torch.library.Library | None:
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError:
        return None
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    else:
        return None
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(name + _NMS_SCHEMA)  # type: ignore[no-untyped-call]
    importlib.import_module("torchvision")
    return library


DECLARED = _declare_missing_operators()
"""The declared operators, kept alive with the process; None: torchvision needed no help."""
