"""The JSON schema of a study file, for editors: pydantic's own, with our dotted paths as keys.

It refuses nothing that a study may have. What only the whole study tells (which arms there are,
which keys go together) it does not know; ``load`` does.
"""

import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from morec.config import TrialConfig
from tune_space.study import json_nodes as nodes
from tune_space.study.check_values import FLAT
from tune_space.study.config_paths import (
    NAME,
    RESERVED,
    adapter_at,
    all_paths,
    fields_at,
    models_at,
)
from tune_space.study.json_nodes import DEFS, PART, Node, reference
from tune_space.study.kinds import unions
from tune_space.study.quick import NOT_IN_BLOCK, QUICK
from tune_space.study.spec import StudySpec

FILE = "study.schema.json"
"""Its file beside the shipped studies, and beside a study that ``--new`` writes."""
MODELINE = f"# yaml-language-server: $schema={FILE}"
"""First line of a study file: where editors find the schema."""
_ANY_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
_DRAFT = "http://json-schema.org/draft-07/schema#"


def format_schema() -> str:
    """The schema as the text of a file: a line for every key of a study and every definition."""
    schema = study_schema()
    parts = {key: schema.pop(key) for key in ("properties", DEFS)}
    lines = [f"{_json(key)}: {_json(value)}," for key, value in schema.items()]
    for key, entries in parts.items():
        inside = [f"{_json(name)}: {_json(node)}" for name, node in entries.items()]
        lines += [f"{_json(key)}: {{", ",\n".join(inside), "}" if key == DEFS else "},"]
    return "\n".join(["{", *lines, "}", ""])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def study_schema() -> Node:
    """The schema of study files with everything that is installed, readers and models included."""
    study, definitions = _definitions()
    _add_shared(definitions)
    definitions |= nodes.partial_definitions(definitions)
    full = _study_node(study, definitions, part="")
    block = _study_node(study, definitions, part=PART)
    for key in NOT_IN_BLOCK:
        del block["properties"][key]
    full["properties"][QUICK] = block | {
        "description": "The study's small form (`--quick`): merged over the rest of the file."
    }
    full["required"] = ["question", "base", "baseline"]
    full["anyOf"] = [{"required": [key]} for key in ("arms", "factors", "one_factor_out")]
    full[DEFS] = definitions
    return {"$schema": _DRAFT, **_used(nodes.without(full, "discriminator"))}


def _definitions() -> tuple[Node, dict[str, Node]]:
    """The study's own fields, and what all of pydantic's models and our dotted paths mean."""
    asked: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("study", "validation", TypeAdapter(StudySpec)),
        ("base", "validation", TypeAdapter(TrialConfig)),
        *((path, "validation", adapter_at(path)) for path in all_paths()),
    ]
    found, shared = TypeAdapter.json_schemas(asked, ref_template=f"{nodes.REF}{{model}}")
    definitions = {name: nodes.cleaned(node) for name, node in shared[DEFS].items()}
    for path in all_paths():
        text = nodes.words(_explanation(path))
        said = {"description": text} if text else {}
        definitions[path] = nodes.cleaned(found[path, "validation"]) | said
    for part, members in unions().items():
        specs = [{"description": nodes.words(one.__doc__ or "")} for one in members.values()]
        definitions[f"{part}.kind"] = nodes.kinds_node([*members], specs)
    _without_reserved(definitions)
    return definitions["StudySpec"], definitions


def _explanation(path: str) -> str:
    """What stands below the fields that a path may mean, or else in the models it leads to."""
    below = [field.description for field in fields_at(path) if field.description]
    return " ".join(dict.fromkeys(below or (inspect.getdoc(one) or "" for one in models_at(path))))


def _without_reserved(definitions: dict[str, Node]) -> None:
    """Take out the fields that the study sets itself."""
    owners = {"": "TrialConfig", "evaluation": "EvaluationSpec"}
    for path in RESERVED:
        part, _, name = path.rpartition(".")
        del definitions[owners[part]]["properties"][name]


def _study_node(study: Node, definitions: dict[str, Node], *, part: str) -> Node:
    """The top of a study file; with ``part``, of a block that is merged over it."""
    made = dict(study["properties"])
    said = {key: {"description": node.get("description", "")} for key, node in made.items()}
    made["base"] = reference(f"{PART}TrialConfig") | said["base"]
    made["search"] = reference("searched") | said["search"]
    for key in FLAT:
        own = _own_keys(key, definitions)
        entry = _dotted(lambda path: _value(path, definitions, part), own)
        entry["type"] = ["object", "null"]
        made[key] = made[key] | {"additionalProperties": entry}
    for key in ("factors", "one_factor_out"):
        made[key] = reference("levels") | said[key]
    return {"type": "object", "properties": made, "additionalProperties": False}


def _add_shared(definitions: dict[str, Node]) -> None:
    """Definitions of mappings from dotted paths that stand in several places of a study."""
    when = _dotted(lambda path: {"anyOf": [reference(path), _list_of(reference(path))]})
    param = definitions["ParamSpec"]
    param["properties"]["when"] |= when
    chosen = _dotted(
        lambda path: {
            "allOf": [reference("ParamSpec")],
            "properties": {"choice": _list_of(reference(path))},
        }
    )
    definitions["searched"] = {**chosen, "description": "Dotted path -> what it may be."}
    definitions["started"] = _dotted(reference)
    definitions["levels"] = _dotted(lambda path: _list_of(reference(path)))


def _own_keys(key: str, definitions: Mapping[str, Node]) -> Node:
    """The keys of an arm, data set or condition that are no dotted paths."""
    spec = {"arms": "ArmSpec", "datasets": "DatasetChoice", "conditions": "ConditionSpec"}[key]
    own = {name: definitions[spec]["properties"][name] for name in FLAT[key]}
    replaced = {"search": reference("searched"), "start": reference("started")}
    return own | {name: node for name, node in replaced.items() if name in own}


def _value(path: str, definitions: dict[str, Node], part: str) -> Node:
    """What a dotted path may be set to; in a block that is merged, a part of it."""
    if not part:
        return reference(path)
    name = PART + path
    if name not in definitions:
        definitions[name] = nodes.partial(definitions[path], definitions, definitions)
    return reference(path if definitions[name] == definitions[path] else name)


def _dotted(value: Any, own: Mapping[str, Node] | None = None) -> Node:
    """A mapping whose keys are dotted paths, besides ``own``; ``value`` gives a path's schema."""
    plain = {path: value(path) for path in all_paths() if NAME not in path.split(".")}
    named = {_pattern(path): value(path) for path in all_paths() if NAME in path.split(".")}
    return {
        "type": "object",
        "properties": {**(own or {}), **plain},
        "patternProperties": named,
        "additionalProperties": False,
    }


def _pattern(path: str) -> str:
    """A path with a name of the writer's in it, as a regular expression."""
    return "^" + re.escape(path).replace(NAME, _ANY_NAME) + "$"


def _list_of(node: Node) -> Node:
    return {"type": "array", "items": node}


def _used(schema: Node) -> Node:
    """The schema without definitions that nothing leads to, the others by name."""
    definitions = schema.pop(DEFS)
    used: set[str] = set()
    new = set(nodes.references(schema))
    while new:
        used |= new
        new = set(_below(new, definitions)) - used
    return {**schema, DEFS: {name: definitions[name] for name in sorted(used)}}


def _below(names: Iterable[str], definitions: Mapping[str, Node]) -> Iterator[str]:
    for name in names:
        yield from nodes.references(definitions[name])
