"""Models of the transformers library: with the weights of a folder, or with fresh ones."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from morec.encoders.weights.read_errors import as_data_error
from morec.errors import DataError


def load_transformer(folder: Path | None, config: Any, model_class: Any, **options: Any) -> Any:
    """A model in fp32 with the weights of a folder that ``checked_folder`` lets pass.

    Torch's random state draws what has no weights: without a folder the whole model, with one at
    most the head that ``model_class`` adds. ``options`` go to the library.

    Raises:
        DataError: a file cannot be read or lacks tensors of the encoder.
    """
    options["dtype"] = torch.float32
    if "add_pooling_layer" in inspect.signature(model_class.__init__).parameters:
        options["add_pooling_layer"] = False
    with quiet():
        if folder is None:
            return model_class._from_config(config, **options)
        return _load_pretrained(folder, config, model_class, options)


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars, and no notes on the heads a checkpoint has and this encoder does not."""
    from transformers.utils import logging  # Slow to import, and not every trial needs it.

    verbosity, had_bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bar:
            logging.enable_progress_bar()


def _load_pretrained(folder: Path, config: Any, model_class: Any, options: dict[str, Any]) -> Any:
    with as_data_error(f"{folder}: the weights cannot be read"):
        model, report = model_class.from_pretrained(
            folder, config=config, weights_only=True, output_loading_info=True, **options
        )
    encoder = "" if model.base_model is model else f"{model.base_model_prefix}."
    missing = sorted(name for name in report["missing_keys"] if name.startswith(encoder))
    if missing:
        raise DataError(f"{folder}: the weights lack {len(missing)} tensors: {missing[:5]}")
    return model
