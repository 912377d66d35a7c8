"""The colours of the page's light theme, for figures that are drawn outside of the page."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_THEMED = re.compile(r"@(\w+)(?:/([\d.]+))?")
"""A colour as figures name it: ``@accent``, or with its opacity ``@accent/0.3``."""


@cache
def light_theme() -> Mapping[str, str]:
    """Name -> ``#rrggbb``, as the page's style sheet has it."""
    style = files("reports.page").joinpath("templates/style.css.j2").read_text("utf-8")
    light = style.partition(":root {")[2].partition("}")[0]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", light))


def coloured(node: Any) -> Any:
    """A figure as plotly's JSON, with colours in place of their names."""
    if isinstance(node, Mapping):
        return {key: coloured(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [coloured(value) for value in node]
    found = _THEMED.fullmatch(node) if isinstance(node, str) else None
    return _colour(*found.groups()) if found and found[1] in light_theme() else node


def _colour(name: str, alpha: str | None) -> str:
    plain = light_theme()[name]
    if alpha is None:
        return plain
    red, green, blue = (int(plain[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
