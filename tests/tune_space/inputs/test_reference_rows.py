"""Rows of references are computed once per data, ranking and code, and kept."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from morec.config import EncoderSpec, EvaluationSpec, ImageSpec, TextSpec, VectorsSpec
from morec.encoders.artefacts import ArtefactStore
from morec.references.scored import ReferenceTask, Scored, left_out
from morec.references.table import ENCODER_REFERENCES, REFERENCES
from tests.morec.data.hand_made import dataset_of
from tune_space.inputs import reference_rows as module
from tune_space.inputs.reference_rows import (
    FrozenFeatures,
    ReferenceInputs,
    encoder_label,
    reference_rows,
)
from tune_space.ledger.manifest import Reference


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables hold one reference each, which write down that they were computed."""
    log: list[str] = []

    def by_items(task: ReferenceTask) -> Scored:
        log.append("items")
        return Scored({"HR@10": 0.5}, {"HR@10": 0.25})

    def by_features(task: ReferenceTask) -> Scored:
        assert task.features_NH is not None
        log.append(f"features {task.features_NH.sum():g}")
        return left_out("why not")

    for table, found in ((REFERENCES, by_items), (ENCODER_REFERENCES, by_features)):
        for name in list(table):
            monkeypatch.delitem(table, name)
        monkeypatch.setitem(table, found.__name__, found)
    return log


def inputs_of(identity: Mapping[str, object] | None = None) -> ReferenceInputs:
    dataset = dataset_of([[1, 2, 3]], num_items=3)
    return ReferenceInputs(dataset, identity or {"source": "a"}, EvaluationSpec())


def with_features(inputs: ReferenceInputs, store: ArtefactStore, value: float) -> ReferenceInputs:
    def make(folder: Path) -> None:
        np.save(folder / "features.npy", np.full((2, 2), value, dtype=np.float32))

    artefact = store.get_or_make("features", {"value": value}, make)
    return replace(inputs, features={"minilm": FrozenFeatures(artefact, ("TS",))})


def test_a_second_run_computes_nothing(tmp_path: Path, calls: list[str]) -> None:
    store = ArtefactStore(tmp_path)
    inputs = with_features(inputs_of(), store, 1.0)
    first = list(reference_rows(inputs, store))
    assert list(reference_rows(inputs, ArtefactStore(tmp_path))) == first
    assert calls == ["items", "features 4"]
    assert first == [
        Reference(name="by_items", valid={"HR@10": 0.5}, test={"HR@10": 0.25}),
        Reference(
            name="by_features (minilm)",
            valid={},
            test={},
            left_out="why not",
            used_by=("TS",),
        ),
    ]


def test_other_features_concern_only_what_reads_features(tmp_path: Path, calls: list[str]) -> None:
    store, inputs = ArtefactStore(tmp_path), inputs_of()
    for value in (1.0, 2.0):
        list(reference_rows(with_features(inputs, store, value), store))
    assert calls == ["items", "features 4", "features 8"]


def test_the_arms_that_read_the_features_are_no_part_of_what_is_kept(
    tmp_path: Path, calls: list[str]
) -> None:
    store = ArtefactStore(tmp_path)
    inputs = with_features(inputs_of(), store, 1.0)
    list(reference_rows(inputs, store))
    artefact = inputs.features["minilm"].artefact
    other = replace(inputs, features={"minilm": FrozenFeatures(artefact, ("E2E", "TS"))})
    assert list(reference_rows(other, store))[-1].used_by == ("E2E", "TS")
    assert calls == ["items", "features 4"]


@pytest.mark.parametrize(
    ("option", "value", "is_new"),
    [
        ("candidates", "trained", True),
        ("mask_history", False, True),
        ("ks", (5, 10), True),
        ("select", "NDCG@10", True),
        ("batch_size", 7, False),
        ("test", True, False),
    ],
)
def test_another_ranking_is_another_row(
    tmp_path: Path, calls: list[str], option: str, value, is_new: bool
) -> None:
    store, inputs = ArtefactStore(tmp_path), inputs_of()
    list(reference_rows(inputs, store))
    evaluation = EvaluationSpec.model_validate({option: value})
    list(reference_rows(replace(inputs, evaluation=evaluation), store))
    assert len(calls) == 1 + is_new


def test_other_data_and_other_code_are_other_rows(
    tmp_path: Path, calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ArtefactStore(tmp_path)
    list(reference_rows(inputs_of(), store))
    list(reference_rows(inputs_of({"source": "b"}), store))
    assert len(calls) == 2
    monkeypatch.setattr(module, "code_version", lambda: {"morec": "changed"})
    list(reference_rows(inputs_of(), store))
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        (TextSpec(name="minilm"), "minilm"),
        (TextSpec(name="minilm", dnn_layers=3), "minilm"),
        (TextSpec(name="minilm", pooling="mean", max_tokens=20),
         "minilm, pooling mean, max_tokens 20"),
        (TextSpec(name="tiny-random", pretrained=False), "tiny-random, pretrained false"),
        (ImageSpec(name="resnet18", normalization="half"), "resnet18, normalization half"),
        (TextSpec(name="minilm", whiten=True, pooling="mean"), "minilm, pooling mean, whiten true"),
        (VectorsSpec(file="a.parquet", ids="item", column="v", pca=8),
         "a.parquet, ids item, column v, pca 8"),
    ],
)  # fmt: skip
def test_an_encoder_is_called_by_its_name_and_the_options_of_its_features(
    spec: EncoderSpec, label: str
) -> None:
    assert encoder_label(spec) == label
