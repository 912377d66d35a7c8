"""What a sentence-transformers folder says of its encoder: prompts, pooling, lower-casing.

``modules.json`` lists the steps: the transformer, a pooling, and often a scaling to length 1. The
files are read as data; the package sentence-transformers is not needed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from morec.errors import DataError, SpecError, did_you_mean

WHERE = "item.text.pooling"
MODULES, PROMPTS = "modules.json", "config_sentence_transformers.json"
TRANSFORMER = "sentence_*_config.json"
"""The transformer's file: ``sentence_bert_config.json``, in older folders of other models too."""
MODES = {"cls": "cls", "mean": "mean", "lasttoken": "last"}
"""Our name of each pooling that is supported."""
OLDER_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
"""Today's name of each pooling, by the key that older folders have."""
STEPS = (("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize"))
"""Steps that are supported, by the last part of their type."""
KINDS: Mapping[type, str] = {
    bool: "true or false",
    dict: "a mapping",
    int: "a whole number",
    str: "text",
}
"""What values of a kind are called."""


@dataclass(frozen=True)
class SentenceFolder:
    """How the authors of a folder meant it to be read."""

    pooling: Literal["cls", "mean", "last"]
    normalizes: bool
    """Whether vectors are scaled to length 1."""
    includes_prompt: bool
    """Whether the prompt's tokens are pooled with the text's."""
    lowercases: bool
    max_tokens: int | None
    """The most tokens of a text; None: as many as the transformer reads."""
    prompts: Mapping[str, str]
    default_prompt: str
    """The prompt that is used if none is named; empty: none."""


def is_sentence_folder(folder: Path) -> bool:
    """Whether a folder says how its states are pooled."""
    return (folder / MODULES).is_file()


def read_sentence_folder(folder: Path, name: str) -> SentenceFolder:
    """Read what the folder of the encoder ``name`` says.

    Raises:
        SpecError: it is no such folder, or it asks for something that is not supported.
        DataError: a file is broken.
    """
    if not is_sentence_folder(folder):
        raise SpecError(
            f"{WHERE}: own, but {name!r} is no sentence-transformers folder: it has no {MODULES}; "
            "allowed: cls, mean, last"
        )
    steps = _steps(folder, name)
    pooling = _Said(folder / steps["Pooling"] / "config.json")
    (file, *_) = [*sorted(folder.glob(TRANSFORMER)), folder / TRANSFORMER]
    transformer, of_prompts = _Said(file), _Said(folder / PROMPTS)
    prompts = _texts(of_prompts)
    default = of_prompts.value("default_prompt_name", str, "")
    return SentenceFolder(
        pooling=_mode(pooling.values, name),
        normalizes="Normalize" in steps,
        includes_prompt=pooling.value("include_prompt", bool, True),
        lowercases=transformer.value("do_lower_case", bool, False),
        max_tokens=transformer.value("max_seq_length", int, None),
        prompts=prompts,
        default_prompt=prompts.get(default, ""),
    )


def prompts_of(folder: Path) -> dict[str, str]:
    """The prompts of a folder by name; empty where it has none."""
    return _texts(_Said(folder / PROMPTS))


def _texts(said: "_Said") -> dict[str, str]:
    prompts = said.value("prompts", dict, {})
    return {name: text for name, text in prompts.items() if isinstance(text, str)}


def named_prompt(folder: Path, prompt_name: str, name: str) -> str:
    """The prompt of this name in the folder of the encoder ``name``.

    Raises:
        SpecError: there is none.
    """
    prompts = prompts_of(folder)
    if prompt_name not in prompts:
        known = f"it has {', '.join(sorted(prompts))}" if prompts else "it has no prompts"
        raise SpecError(
            f"item.text.prompt_name: {prompt_name!r} is no prompt of {name!r}; {known}."
            f"{did_you_mean(prompt_name, prompts)} A prompt of your own: item.text.prompt"
        )
    return prompts[prompt_name]


def sentence_files(folder: Path) -> dict[str, Path]:
    """The files that ``read_sentence_folder`` reads, by their path in the folder."""
    steps = folder.glob("[0-9]*_*/config.json")
    files = [folder / MODULES, folder / PROMPTS, *folder.glob(TRANSFORMER), *steps]
    return {path.relative_to(folder).as_posix(): path for path in files if path.is_file()}


def _steps(folder: Path, name: str) -> dict[str, str]:
    """Path of every step by its kind."""
    listed = _read(folder / MODULES)
    try:
        steps = {str(one["type"]).rpartition(".")[2]: str(one["path"]) for one in listed}
    except (TypeError, KeyError) as error:
        raise DataError(f"{folder / MODULES}: no list of steps with type and path") from error
    if tuple(steps) not in STEPS or len(listed) != len(steps):
        raise SpecError(
            f"{WHERE}: own, but {name!r} has the steps {', '.join(steps)}; supported: "
            f"{' or '.join(', '.join(kinds) for kinds in STEPS)}. Allowed: cls, mean, last, which "
            "read the transformer alone"
        )
    return steps


def _mode(pooling: Mapping[str, Any], name: str) -> Literal["cls", "mean", "last"]:
    """Our name of the pooling that a step's configuration names."""
    older = [mode for key, mode in OLDER_MODES.items() if pooling.get(key)]
    found = pooling.get("pooling_mode", older or ["mean"])
    modes = list(map(str, found)) if isinstance(found, list) else [str(found)]
    if len(modes) != 1 or modes[0] not in MODES:
        raise SpecError(
            f"{WHERE}: own, but {name!r} pools by {' and '.join(map(str, modes))}; supported: "
            f"{', '.join(MODES)}"
        )
    return MODES[modes[0]]  # type: ignore[return-value]


class _Said:
    """The object in a JSON file, read once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.values = _object(path)

    def value(self, key: str, kind: type, default: Any) -> Any:
        """The value of a key; ``default`` where there is none, or null.

        Raises:
            DataError: it is of another kind.
        """
        value = self.values.get(key)
        if value is None:
            return default
        if type(value) is not kind:
            raise DataError(f"{self._path}: {key} is {value!r}; allowed: {KINDS[kind]}")
        return value


def _object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no file.

    Raises:
        DataError: the file holds something else.
    """
    found = _read(path) if path.is_file() else {}
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a JSON object")
    return found


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
