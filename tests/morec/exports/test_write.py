"""What an export's folder holds, and that it is made whole or not at all."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.numpy import load_file

import morec.exports.write
from morec.data.dataset import Dataset
from morec.data.files.vectors import VectorFile
from morec.errors import DataError
from morec.exports.trained import TrainedTrial
from morec.exports.write import write_export
from tests.morec.exports.exported import config_of, train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trained(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedTrial:
    trial, _ = train(config_of("late fusion"), tiny_dataset, tmp_path_factory.mktemp("trial"))
    return trial


@pytest.fixture(scope="module")
def folder(trained: TrainedTrial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports") / "arm"
    write_export(folder, trained, {"arm": "ID late TS", "metrics": {"HR@10": 0.25}})
    return folder


def test_files_are_of_kinds_that_run_no_code(folder: Path) -> None:
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {n for n in names if "/" not in n} == {
        *("config.yaml", "weights.safetensors", "items.parquet"),
        *("item_vectors.npy", "item_vectors.parquet"),
    }
    assert {Path(name).parts[0] for name in names if "/" in name} == {"text_encoder_2"}
    kinds = {".yaml", ".safetensors", ".parquet", ".npy", ".json"}
    assert {Path(name).suffix for name in names} <= kinds


def test_vectors_and_items_say_the_same_in_every_file(
    folder: Path, trained: TrainedTrial, tiny_dataset: Dataset
) -> None:
    vectors = np.load(folder / "item_vectors.npy")
    table = pd.read_parquet(folder / "item_vectors.parquet")
    np.testing.assert_array_equal(np.stack(table["vector"].to_list()), vectors)
    items = pd.read_parquet(folder / "items.parquet")
    assert items["item_id"].tolist() == table["item_id"].tolist()
    assert tuple(items["item_id"]) == tiny_dataset.item_names
    assert tuple(items["title"]) == tiny_dataset.titles
    members = [one.encode_catalogue()[1:].numpy() for one in trained.recommenders]
    np.testing.assert_array_equal(vectors, np.concatenate(members, axis=1))


def test_the_table_of_vectors_is_a_file_of_own_vectors(folder: Path) -> None:
    file = VectorFile(folder / "item_vectors.parquet", "item_id", "vector")
    blocks = list(file.read_blocks())
    values = np.concatenate([block.values for block in blocks])
    np.testing.assert_array_equal(values, np.load(folder / "item_vectors.npy").ravel())


def test_weights_are_those_of_the_members_without_encoders_of_their_own(
    folder: Path, trained: TrainedTrial
) -> None:
    weights = load_file(folder / "weights.safetensors")
    expected = {
        f"{number}.{name}": value.numpy()
        for number, one in enumerate(trained.recommenders, start=1)
        for name, value in one.state_dict().items()
        if not (number == 2 and ".parts.text.encoder." in name)
    }
    assert weights.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(weights[name], value)


def test_notes_and_weights_stand_in_the_configuration(folder: Path, trained: TrainedTrial) -> None:
    plain = yaml.safe_load((folder / "config.yaml").read_text())
    assert plain["export"] == {"arm": "ID late TS", "metrics": {"HR@10": 0.25}}
    assert tuple(plain["folder"]["weights"]) == trained.weights
    assert sum(trained.weights) == pytest.approx(1)
    assert plain["folder"]["schema_version"] == 3


def test_nothing_is_overwritten(folder: Path, trained: TrainedTrial) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(DataError, match="exists; an export overwrites nothing"):
        write_export(folder, trained, {})
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_export_that_fails_leaves_nothing(
    trained: TrainedTrial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(morec.exports.write, "save_file", full)
    with pytest.raises(OSError, match="No space left"):
        write_export(tmp_path / "arm", trained, {})
    assert not list(tmp_path.iterdir())
