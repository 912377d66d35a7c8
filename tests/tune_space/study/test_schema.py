"""The schema takes every study that loads, and refuses what a writer of studies gets wrong.

It is judged by the package ``jsonschema``.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft7Validator

from morec.errors import SpecError
from tests.fuzz.mutations import damaged, fuzzed
from tests.fuzz.test_study_files import SNIPPETS
from tests.fuzz.test_study_files import STUDIES as WHOLE
from tune_space.study.config_paths import all_paths
from tune_space.study.load import parse_study
from tune_space.study.quick import quick_form
from tune_space.study.schema import FILE, MODELINE, format_schema, study_schema
from tune_space.study.yaml_document import read_yaml

FOLDER = Path(__file__).parents[3] / "studies"
STUDIES = sorted(FOLDER.glob("*.yaml"))
SCHEMA = study_schema()
CHECK = Draft7Validator(SCHEMA)
STUDY = """\
question: Which?
baseline: ID
base:
  dataset: {kind: files, interactions: a.csv}
  item: {text: {name: minilm}, vectors: {mine: {file: v.csv, ids: item}, other: null}}
  model: {num_heads: 2, kernel_size: 3}
datasets: {shop: {dataset.warm: 5, num_items: 7}}
conditions: {published: {}, by time: {evaluation.split: {by_time: {test: 0.1}}}, same:}
arms:
  ID: {item.id: true, item.text: null, item.vectors.mine: null}
  TS:
  conv: {model.kind: nextitnet, search: {model.dim: {choice: [8, 16]}}, start: {model.dim: 8}}
search:
  optim.lr: {loguniform: [1e-4, 1e-2], when: {item.text.trainable_layers: [1, all]}}
  item.vectors.mine.pca: {int: [2, 4]}
seeds: [1, 2]
quick:
  base: {dataset: {warm: 2}, model: {dim: 8}}
  arms: {TS: {item.text: {pooling: mean}}}
  budget: {trials: 1}
"""


def value_of(text: str) -> Any:
    return read_yaml(text, "s.yaml").value


def mistakes(text: str) -> list[str]:
    """Where the schema finds something, as a path with dots."""
    return sorted(
        ".".join(map(str, one.absolute_path)) for one in CHECK.iter_errors(value_of(text))
    )


def test_it_is_a_schema_of_draft_7() -> None:
    Draft7Validator.check_schema(SCHEMA)


def test_every_reference_leads_to_a_definition_without_escapes() -> None:
    found = set(re.findall(r'"\$ref": "([^"]*)"', format_schema()))
    assert found == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}
    assert all(re.fullmatch(r"#/\$defs/[\w.-]+", one) for one in found)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_shipped_study_is_valid_in_both_forms_and_names_its_schema(path: Path) -> None:
    text = path.read_text()
    assert text.splitlines()[0] == MODELINE
    assert mistakes(text) == []
    document = read_yaml(text, path.name)
    if "quick" in document.value:
        assert list(CHECK.iter_errors(quick_form(document).value)) == []


def test_the_shipped_file_is_what_the_code_says() -> None:
    """Write it again with ``python studies/run.py --schema > studies/study.schema.json``."""
    shipped = (FOLDER / FILE).read_text()
    assert json.loads(shipped) == SCHEMA
    assert shipped == format_schema()


def test_parts_of_mappings_dotted_paths_and_empty_arms_are_valid() -> None:
    assert mistakes(STUDY) == []


@pytest.mark.parametrize(
    ("right", "wrong", "where"),
    [
        ("question: Which?", "qestion: Which?", ["", ""]),  # unknown, and missing
        ("question: Which?", "question: ???", ["question"]),
        ("warm: 5", 'warm: "???"', ["datasets.shop.dataset.warm"]),
        ("kind: files", "kind: file", ["base.dataset.kind"]),
        ("interactions: a.csv", "interaction: a.csv", ["base.dataset"]),
        ("num_heads: 2", "num_heads: two", ["base.model.num_heads"]),
        ("num_heads: 2", "num_head: 2", ["base.model"]),
        ("item.id: true", "item.id: yes", ["arms.ID.item.id"]),
        ("item.id: true", "item.idd: true", ["arms.ID"]),
        ("vectors.mine: null", "vectors.mine.pcaa: 1", ["arms.ID"]),
        ("kind: nextitnet", "kind: nextnet", ["arms.conv.model.kind"]),
        ("choice: [8, 16]", "choice: [8, wide]", ["arms.conv.search.model.dim.choice.1"]),
        ("start: {model.dim: 8}", "start: {model.dim: x}", ["arms.conv.start.model.dim"]),
        ("loguniform: [1e-4, 1e-2]", "loguniform: [1e-4]", ["search.optim.lr.loguniform"]),
        ("loguniform", "logunifrom", ["search.optim.lr"]),
        ("[1, all]", "[1, al]", ["search.optim.lr.when.item.text.trainable_layers"]),
        ("{test: 0.1}", "{test: 1.5}", ["conditions.by time.evaluation.split"]),
        ("seeds: [1, 2]", "seeds: 1", ["seeds"]),
        ("{warm: 2}", "{warmth: 2}", ["quick.base.dataset"]),
        ("pooling: mean", "pooling: meen", ["quick.arms.TS.item.text"]),
        ("trials: 1", "trials: many", ["quick.budget.trials"]),
        ("seeds: [1, 2]", "seeds: [1, 2]\nquik: {}", [""]),
        ("quick:\n", "quick:\n  expected: {}\n", ["quick"]),
    ],
)  # fmt: skip
def test_what_writers_get_wrong_is_found_at_its_place(
    right: str, wrong: str, where: list[str]
) -> None:
    assert STUDY.count(right) == 1
    assert mistakes(STUDY.replace(right, wrong)) == where


def test_a_study_needs_arms_of_one_of_three_forms() -> None:
    assert mistakes("question: q\nbaseline: A\nbase: {item: {id: true}}") == [""]


@fuzzed(150)
@given(damaged([STUDY.encode(), *WHOLE], SNIPPETS))
def test_the_schema_refuses_nothing_that_loads(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        parse_study(text)
    except SpecError:
        return
    assert mistakes(text) == []


def explained(node: Any) -> str:
    below = node.get("$ref", "").removeprefix("#/$defs/")
    return str(node.get("description", "") or (below and explained(SCHEMA["$defs"][below])))


def test_every_key_is_explained() -> None:
    assert [path for path in all_paths() if not explained(SCHEMA["$defs"][path])] == []
    assert [key for key, node in SCHEMA["properties"].items() if not explained(node)] == []


def test_explanations_are_those_of_the_fields() -> None:
    said = explained(SCHEMA["$defs"]["optim.encoder_lr"])
    assert said == "Learning rate of trained encoder layers; not given: `lr`."
    assert "`dssm`: Two towers without a history" in explained(SCHEMA["$defs"]["model.kind"])
    joined = SCHEMA["$defs"]["part-of-TrialConfig"]["properties"]["dataset"]["$ref"]
    assert explained(SCHEMA["$defs"][joined.removeprefix("#/$defs/")]["properties"]["meta"]) == (
        "Of kind amazon. Titles by `asin` or `parent_asin`."
    )
