"""Wrong values are named in our words, one problem per place."""

import pytest
from pydantic import ValidationError

from morec.config import TrialConfig
from tune_space.study.wrong_values import explain, value_problems
from tune_space.study.yaml_document import Problem


def test_entries_of_a_mapping_are_checked_whatever_their_names() -> None:
    assert value_problems("item.vectors.audio", None) == []
    assert value_problems("item.vectors.audio.pca", 0) == [
        Problem((), "found 0; allowed: greater than or equal to 1.")
    ]
    assert value_problems("item.vectors", {"a": None, "b": {"file": "x", "id": "y"}}) == [
        Problem(("b", "ids"), "is missing"),
        Problem(
            ("b", "id"),
            "unknown key 'id'. Did you mean 'ids'? Allowed: column, control, dnn_layers, file, "
            "ids, normalize, pca, whiten",
        ),
    ]


def test_a_model_without_a_kind_is_a_sasrec_wherever_it_is_written() -> None:
    assert value_problems("model", {"dim": 32}) == []
    assert value_problems("model", {"num_head": 2}) == [
        Problem(
            ("num_head",),
            "unknown key 'num_head'. Did you mean 'num_heads'? "
            "Allowed: dim, dropout, kind, num_blocks, num_heads",
        )
    ]
    assert value_problems("model", {"kind": "dsm"}) == [
        Problem((), "unknown kind 'dsm'. Did you mean 'dssm'? Allowed: bert4rec, dssm, gru4rec, "
                    "nextitnet, sasrec"),
    ]  # fmt: skip


def test_a_mistake_in_a_union_is_placed_at_the_union_and_a_missing_key_at_its_key() -> None:
    raw = {"model": {"dim": 33}, "item": {"id": True}, "dataset": {"kind": "mind"}}
    with pytest.raises(ValidationError) as caught:
        TrialConfig.model_validate(raw)
    assert explain(caught.value, raw, [TrialConfig]) == [
        Problem(("dataset", "folder"), "is missing"),
        Problem(("model",), "dim 33 is not divisible by num_heads 2"),
    ]
