"""Changes of JSON schemas, node by node: what pydantic writes -> what editors of study files need.

Draft 7 is written, which all editors read. A node is a mapping, as JSON has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tune_space.study.questions import OPEN

Node = dict[str, Any]
DEFS = "$defs"
REF = f"#/{DEFS}/"
PART = "part-of-"
"""Begins the name of a definition of which nothing is required."""
ANY_KIND = "any-of-"
"""Begins the name of a definition with the keys of all kinds of one part."""
_ANSWERED = {
    "pattern": rf"^(?!{OPEN.replace('?', chr(92) + '?')}$)",
    "patternErrorMessage": f"An open question: replace {OPEN} by one of the answers above it.",
}
"""Of texts: ``???`` is none. The message is read by VS Code's and the YAML language server."""


def reference(name: str) -> Node:
    """What stands for the definition of this name."""
    return {"$ref": REF + name}


def cleaned(node: Any) -> Any:
    """A schema of pydantic's as draft 7, without titles, and without ``???`` among texts."""
    if isinstance(node, list):
        return [cleaned(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _cleaned_entry(key, value) for key, value in node.items() if _stays(key, value)}
    if "prefixItems" in found:
        found["items"] = found.pop("prefixItems")
    if "description" in found:
        found["description"] = words(found["description"])
    if found.get("type") == "string" and not found.keys() & {"enum", "const", "pattern"}:
        found |= _ANSWERED
    return found


def _stays(key: str, value: Any) -> bool:
    """Titles only say the key again, and defaults that are mappings say what their parts say."""
    return not (key == "title" and isinstance(value, str)) and not (
        key == "default" and isinstance(value, dict)
    )


def _cleaned_entry(key: str, value: Any) -> Any:
    """What a key of a node holds: below ``properties`` the keys are names, not words of schemas."""
    if key in ("properties", DEFS):
        return {name: cleaned(one) for name, one in value.items()}
    return value if key in ("default", "discriminator", "enum", "const") else cleaned(value)


def words(text: str) -> str:
    """A docstring as one line of Markdown."""
    return " ".join(text.split()).replace("``", "`")


def partial_definitions(definitions: Mapping[str, Node]) -> dict[str, Node]:
    """Every definition of a mapping once more, without required keys and with kinds joined."""
    made: dict[str, Node] = {}
    for name, node in definitions.items():
        if "properties" in node:
            made[PART + name] = partial(node, definitions, made)
    return made


def partial(node: Any, definitions: Mapping[str, Node], made: dict[str, Node]) -> Any:
    """A node as it may stand where a mapping is only merged over another, or merged over itself.

    Lists stay as they are: they replace what was there. ``made`` gets the definitions of joined
    kinds.
    """
    if not isinstance(node, dict):
        return [partial(one, definitions, made) for one in node] if type(node) is list else node
    if "discriminator" in node:
        names = [one["$ref"].removeprefix(REF) for one in node["oneOf"]]
        name = ANY_KIND + "-".join(names)
        if name not in made:
            made[name] = {}
            made[name] = _joined({one: definitions[one] for one in names}, definitions, made)
        kept = {key: node[key] for key in ("description",) if key in node}
        return {**reference(name), **kept}
    if "$ref" in node:
        name = node["$ref"].removeprefix(REF)
        is_mapping = "properties" in definitions.get(name, {})
        return {**node, "$ref": REF + PART + name} if is_mapping else node
    kept = {key: value for key, value in node.items() if key != "required"}
    return {
        key: value if key in ("items", "enum", "default") else partial(value, definitions, made)
        for key, value in kept.items()
    }


def _joined(
    members: Mapping[str, Node], definitions: Mapping[str, Node], made: dict[str, Node]
) -> Node:
    """One mapping with every key that some kind has; each says which kinds have it."""
    kinds = {name: kind_of(node) for name, node in members.items()}
    properties: Node = {"kind": kinds_node([*kinds.values()], [*members.values()])}
    names = dict.fromkeys(key for node in members.values() for key in node["properties"])
    for key in names:
        if key == "kind":
            continue
        having = {kinds[n]: node["properties"][key] for n, node in members.items()
                  if key in node["properties"]}  # fmt: skip
        which = "" if len(having) == len(members) else f"Of kind {', '.join(having)}. "
        properties[key] = partial(any_of([*having.values()], which), definitions, made)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def any_of(nodes: Sequence[Node], before: str = "") -> Node:
    """One node that allows what any of these allows, with their descriptions behind ``before``."""
    texts = dict.fromkeys(node["description"] for node in nodes if "description" in node)
    bare = [{key: v for key, v in node.items() if key not in ("description", "default")}
            for node in nodes]  # fmt: skip
    distinct = [node for place, node in enumerate(bare) if node not in bare[:place]]
    found = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
    text = (before + " ".join(texts)).strip()
    return {**found, "description": text} if text else dict(found)


def kind_of(node: Node) -> str:
    """The one kind that a definition is of."""
    return str(node["properties"]["kind"]["const"])


def kinds_node(kinds: Sequence[str], members: Sequence[Node]) -> Node:
    """A choice of kinds that says what each of them is."""
    meanings = (str(node.get("description", "")).split(". ")[0] for node in members)
    said = "; ".join(f"`{kind}`: {text}" for kind, text in zip(kinds, meanings, strict=True))
    return {"enum": [*kinds], "description": said}


def references(node: Any) -> Iterator[str]:
    """Names of the definitions that a node leads to directly."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(REF)
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def without(node: Any, *keys: str) -> Any:
    """A node and all below it without these keys of schemas; names of properties stay."""
    if isinstance(node, list):
        return [without(one, *keys) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {name: without(one, *keys) for name, one in value.items()}
        if key in ("properties", "patternProperties", DEFS)
        else without(value, *keys)
        for key, value in node.items()
        if key not in keys
    }
