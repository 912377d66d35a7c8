"""Dotted paths: which exist, their short names, reading and setting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_space.study.config_paths import (
    all_paths,
    get_path,
    is_absent_unless_written,
    overlap,
    path_problem,
    set_path,
    short_name,
    write_path,
)


def test_every_listed_path_may_be_written_and_reserved_ones_may_not() -> None:
    assert {"optim.lr", "item.text.name", "dataset.num_tastes", "dataset.kind"} <= set(all_paths())
    assert not any(map(path_problem, all_paths()))
    assert path_problem("seed") == "seed is set by the study; give seeds and search_seed instead"
    assert path_problem("nothing") is not None


def test_entries_of_a_mapping_have_names_of_the_writers_choice() -> None:
    listed = [path for path in all_paths() if path.startswith("item.vectors")]
    assert listed[:3] == ["item.vectors", "item.vectors.NAME", "item.vectors.NAME.pca"]
    assert path_problem("item.vectors.audio") is path_problem("item.vectors.audio.file") is None
    assert path_problem("item.vectors.audio.fil") == (
        "unknown key 'fil'. Did you mean 'item.vectors.audio.file'? Allowed in "
        "item.vectors.audio: column, control, dnn_layers, file, ids, normalize, pca, whiten"
    )
    assert short_name("item.vectors.audio.pca") == "audio.pca"
    assert is_absent_unless_written("item.vectors.audio")


def test_a_short_name_belongs_to_one_path_only() -> None:
    short = {path: short_name(path) for path in all_paths()}
    assert len(set(short.values())) == len(short)
    assert short["training.loss"] == "loss"
    assert short["item.text.name"] == "text.name"
    assert short["evaluation.batch_size"] == "evaluation.batch_size"


def test_paths_overlap_at_whole_names_only() -> None:
    assert overlap("item.text", "item.text.name")
    assert overlap("item.text.name", "item.text")
    assert not overlap("item.fusion", "item.fusion_layers")


@given(st.sampled_from(all_paths()), st.integers() | st.text() | st.none())
def test_what_is_set_at_a_path_is_found_there(path: str, value: object) -> None:
    config: dict[str, object] = {"item": None}
    set_path(config, path, value)
    assert get_path(config, path) == value


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ({"loss": "bce", "batch_size": 9}, {"loss": "x"}, {"loss": "x", "batch_size": 9}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}, "d": 4}, {"a": {"b": 3, "c": 2}, "d": 4}),
        ({"kind": "x", "dim": 1}, {"dim": 2}, {"kind": "x", "dim": 2}),
        ({"kind": "x", "dim": 1}, {"kind": "x"}, {"kind": "x"}),
        ({"a": 1}, None, None),
        ({"a": 1}, "name", "name"),
        ("name", {"a": 1}, {"a": 1}),
        (None, {"a": 1}, {"a": 1}),
        ([1, 2], [3], [3]),
    ],
)
def test_mappings_merge_and_what_has_a_kind_or_is_none_replaces(before, value, after) -> None:
    config = {"x": {"y": before}}
    write_path(config, "x.y", value)
    assert config == {"x": {"y": after}}


def test_what_is_written_does_not_change_with_the_configuration() -> None:
    value = {"b": [1], "c": {"d": 2}}
    config = {"a": {"c": {"e": 3}}}
    write_path(config, "a", value)
    config["a"]["b"].append(4)
    config["a"]["c"]["d"] = 5
    assert value == {"b": [1], "c": {"d": 2}}
