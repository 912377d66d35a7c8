"""Strict YAML: text -> plain values, with the line of every path and every mistake in it.

Scalars follow YAML 1.2 (``1e-4`` is a number, ``no`` and dates are text). Duplicate keys, keys that
are not text, tags, infinities and aliases that unfold beyond bounds are refused.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import yaml

from morec.errors import SpecError

MAX_CHARACTERS = 200_000
MAX_NODES = 20_000
MAX_DEPTH = 20
MAX_DIGITS = 30

Path: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top of a document to a value."""


class Problem(NamedTuple):
    """One mistake: where in the document, and what is wrong there."""

    path: Path
    message: str


def spell(path: Path) -> str:
    """A path as a reader writes it: ``("seeds", 1)`` is ``seeds[1]``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


@dataclass
class Document:
    """A YAML document as plain values, with the place where every path was written."""

    value: Any
    where: str
    text: str
    """The document as it was written."""
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    overrides: dict[Path, str] = field(default_factory=dict)
    """Path -> the ``--set KEY=VALUE`` that wrote it; it wins over the file's line."""

    def locate(self, problems: list[Problem]) -> list[str]:
        """One line per mistake, ``file:line: path: message``, in the order of the file."""
        placed = [(self._place(problem.path), problem) for problem in problems]
        placed.sort(key=lambda item: item[0])
        return list(dict.fromkeys(self._line(where, problem) for (_, where), problem in placed))

    def _place(self, path: Path) -> tuple[int, str]:
        for length in range(len(path), -1, -1):
            if path[:length] in self.overrides:
                return 1 + MAX_CHARACTERS, self.overrides[path[:length]]
            if path[:length] in self.lines:
                line = self.lines[path[:length]]
                return line, f"{self.where}:{line}"
        return 0, self.where

    def _line(self, where: str, problem: Problem) -> str:
        parts = [where, spell(problem.path), problem.message]
        return ": ".join(part for part in parts if part)


def read_yaml(text: str, where: str) -> Document:
    """Read one YAML document; ``where`` (a file name) begins every message.

    Raises:
        SpecError: the text is not YAML, or unfolds beyond the bounds above.
    """
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"{where}: {len(text)} characters; a study has at most {MAX_CHARACTERS}")
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise SpecError(_syntax_message(error, text, where)) from error
    except RecursionError as error:
        raise SpecError(f"{where}: nested deeper than {MAX_DEPTH} levels") from error
    except (ValueError, OverflowError) as error:  # PyYAML's own slip: "\UFFFFFFFF" in quotes
        raise SpecError(f"{where}: not YAML: {error}") from error
    document = Document(None, where, text)
    if node is not None:
        document.value = _Reader(document).read(node, ())
    return document


def _syntax_message(error: yaml.YAMLError, text: str, where: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"{where}:{line}: not YAML: the character {error.character!r} is not allowed"
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        return f"{where}:{mark.line + 1 if mark else 1}: not YAML: {reason}"
    return f"{where}: not YAML: {error}"


class _Loader(yaml.SafeLoader):
    """PyYAML's loader with the scalars of YAML 1.2's core schema instead of YAML 1.1's."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML reads it off the class)


_TAG = "tag:yaml.org,2002:"
_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
)
for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)  # type: ignore[no-untyped-call,unused-ignore]


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of more than {MAX_DIGITS} digits")
    return int(text, 0 if text[:2] in ("0x", "0o") else 10)


def _number(text: str) -> float:
    value = float(text.replace(".inf", "inf").replace(".nan", "nan").lower())
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def _text(text: str) -> str:
    text.encode("utf-8")  # a lone surrogate cannot be written anywhere later
    return text


_READ: dict[str, Callable[[str], Any]] = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": _whole,
    "float": _number,
    "str": _text,
}


class _Reader:
    """Turns PyYAML's nodes into values, noting lines and mistakes in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._num_nodes = 0

    def read(self, node: yaml.Node, path: Path) -> Any:
        self._bound(path)
        self._document.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        return self._scalar(node, path)

    def _bound(self, path: Path) -> None:
        self._num_nodes += 1
        where = self._document.where
        if len(path) > MAX_DEPTH:
            raise SpecError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        if self._num_nodes > MAX_NODES:
            raise SpecError(f"{where}: more than {MAX_NODES} values, aliases unfolded")

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path, line)
            if key is None:
                continue
            if key in values:
                first = self._document.lines[(*path, key)]
                self._note((*path, key), f"key {key!r} is given twice, on lines {first} and {line}")
                continue
            self._document.lines[(*path, key)] = line
            values[key] = self.read(value_node, (*path, key))
        return values

    def _key(self, node: yaml.Node, path: Path, line: int) -> str | None:
        text = node.value if isinstance(node, yaml.ScalarNode) else None
        if text is not None and node.tag == f"{_TAG}str" and text.isprintable() and text.strip():
            return str(text)
        found = repr(text) if text is not None else "a list or mapping"
        hint = f" (write {text!r} in quotes)" if text and text.isprintable() else ""
        self._note(path, f"line {line}: a key is printable text; found {found}{hint}")
        return None

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        read = _READ.get(node.tag.removeprefix(_TAG))
        if read is None:
            self._note(path, f"the tag {node.tag!r} is not allowed")
            return None
        try:
            return read(node.value)
        except ValueError as error:
            self._note(path, f"found {shorten(node.value)}: {error}")
            return None

    def _note(self, path: Path, message: str) -> None:
        self._document.problems.append(Problem(path, message))


def shorten(value: Any) -> str:
    """A value in a message: its ``repr``, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
