"""Values that a file may leave to its base, and those that it may not; more in ``test_load.py``."""

from tune_space.study.check_values import check


def test_a_mapping_that_merges_with_the_base_s_may_be_incomplete() -> None:
    text = {"name": "minilm", "pooling": "cls"}
    base = {"item": {"text": text}, "training": {"loss": "gbce", "negatives": 4}}
    arms = {
        "pooling": {"item.text": {"pooling": "mean"}},
        "fewer": {"training": {"negatives": 2}},
    }
    assert check({"base": base, "arms": arms}) == []


def test_a_mapping_that_merges_with_nothing_is_complete_and_wrong_keys_are_found_in_each() -> None:
    arms = {
        "pooling": {"item.text": {"pooling": "mean"}},
        "unknown": {"training": {"negative": 2}},
    }
    found = {
        problem.path for problem in check({"base": {"training": {"loss": "bce"}}, "arms": arms})
    }
    assert found == {
        ("arms", "pooling", "item.text", "name"),
        ("arms", "unknown", "training", "negative"),
    }
