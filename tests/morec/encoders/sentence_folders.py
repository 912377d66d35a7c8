"""Folders as sentence-transformers writes them, of a saved encoder."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OLD = "sentence_transformers.models."
TYPES = {
    "Transformer": "sentence_transformers.base.modules.transformer.Transformer",
    "Pooling": "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
    "Normalize": "sentence_transformers.base.modules.normalize.Normalize",
}
"""Types of the steps as version 6 writes them; older versions wrote ``OLD`` and the name."""


def write_steps(
    folder: Path,
    *,
    steps: tuple[str, ...] = ("Transformer", "Pooling", "Normalize"),
    pooling: Mapping[str, Any] | None = None,
    transformer: Mapping[str, Any] | None = None,
    prompts: Mapping[str, Any] | None = None,
    is_old: bool = False,
) -> Path:
    """Add what the library says of an encoder to its folder."""
    paths = ["" if name == "Transformer" else f"{at}_{name}" for at, name in enumerate(steps)]
    types = [f"{OLD}{name}" if is_old else TYPES.get(name, f"x.{name}") for name in steps]
    listed = [{"idx": at, "name": str(at), "path": paths[at], "type": types[at]} for at in
              range(len(steps))]  # fmt: skip
    _write(folder / "modules.json", listed)
    _write(folder / "1_Pooling/config.json", pooling or {"pooling_mode": "mean"})
    if transformer is not None:
        _write(folder / "sentence_bert_config.json", transformer)
    if prompts is not None:
        _write(folder / "config_sentence_transformers.json", prompts)
    return folder


def sentence_copy(saved: Path, folder: Path, **said: Any) -> Path:
    """A copy of a saved encoder's folder, with what ``write_steps`` adds."""
    shutil.copytree(saved, folder)
    return write_steps(folder, **said)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
