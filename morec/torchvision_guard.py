"""Keeps timm and transformers importable with a torchvision that was built for another torch.

The package index serves CPU wheels of torch next to CUDA wheels of torchvision. Such a torchvision
stops at import with "operator torchvision::nms does not exist", and takes timm and transformers'
vision code with it. Neither of its two compiled operators is used here, so naming them is enough.
``morec.encoders`` imports this module before anything else; a healthy torchvision is not changed.
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
