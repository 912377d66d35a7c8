"""Dotted paths: which exist, and how short their names may be."""

from hypothesis import given
from hypothesis import strategies as st

from tune_space.paths import all_paths, get_path, overlap, path_problem, set_path, short_name


def test_every_listed_path_may_be_written_and_reserved_ones_may_not() -> None:
    assert {"optim.lr", "item.text.name", "dataset.num_tastes", "dataset.kind"} <= set(all_paths())
    assert not any(map(path_problem, all_paths()))
    assert path_problem("seed") == "seed is set by the study; give seeds and search_seed instead"
    assert path_problem("nothing") is not None


def test_a_short_name_stands_for_one_path_only() -> None:
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
