"""Folders that are broken, of another version or hostile: one sentence each, and nothing runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.torch import load_file, save_file

from morec.data.dataset import Dataset
from morec.errors import DataError
from morec.exports.recommender import Recommender
from tests.morec.encoders.runs_code import RunsCode
from tests.morec.exports.exported import config_of, export

Break = Callable[[Path], Any]


@pytest.fixture(scope="module")
def whole(tiny_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, _ = export(config_of("frozen text"), tiny_dataset, tmp_path_factory.mktemp("whole"))
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def _config(change: Callable[[dict[str, Any]], Any]) -> Break:
    def rewrite(folder: Path) -> None:
        plain = yaml.safe_load((folder / "config.yaml").read_text())
        change(plain)
        (folder / "config.yaml").write_text(yaml.safe_dump(plain))

    return rewrite


def _text(content: str) -> Break:
    return lambda folder: (folder / "config.yaml").write_text(content)


def _other_shapes(folder: Path) -> None:
    path = folder / "weights.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.startswith("user_encoder."))
    save_file({**weights, name: weights[name][:-1].clone()}, path)


def _pickled(folder: Path) -> None:
    array = np.array([RunsCode(folder / "ran")], dtype=object)
    np.save(folder / "item_vectors.npy", array, allow_pickle=True)


def _header(shape: tuple[int, ...]) -> Break:
    """An array that says to be of this shape, with the numbers of a small one behind it."""

    def rewrite(folder: Path) -> None:
        with (folder / "item_vectors.npy").open("wb") as stream:
            described = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, described)
            stream.write(bytes(64))

    return rewrite


def _archive(folder: Path) -> None:
    with (folder / "item_vectors.npy").open("wb") as stream:
        np.savez(stream, a=np.zeros(3))


def _vectors_with(number: float) -> Break:
    def rewrite(folder: Path) -> None:
        vectors = np.load(folder / "item_vectors.npy")
        vectors[3, 2] = number
        np.save(folder / "item_vectors.npy", vectors)

    return rewrite


def _weights_with(number: float) -> Break:
    def rewrite(folder: Path) -> None:
        weights = load_file(folder / "weights.safetensors")
        name = next(name for name in weights if name.startswith("user_encoder."))
        weights[name].view(-1)[0] = number
        save_file(weights, folder / "weights.safetensors")

    return rewrite


def _repeated(folder: Path) -> None:
    """A table of a billion rows, whose columns are one value each: a few kilobytes."""
    path, rows = folder / "items.parquet", 2**22
    ids = pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), pa.array(["a"]))
    table = pa.table({"item_id": ids, "is_candidate": pa.array(np.ones(rows, bool))})
    pq.write_table(table, path, compression="zstd")


def _aliases() -> str:
    """Ten lines that stand for a billion values."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join([*lines, "export: {}", "folder: {format: 1}", "trial: {}"])


def _items(**columns: Any) -> Break:
    return lambda folder: pd.DataFrame(columns).to_parquet(folder / "items.parquet")


CASES: dict[str, tuple[Break, str]] = {
    "no weights": (
        lambda folder: (folder / "weights.safetensors").unlink(),
        "no export: there is no weights.safetensors",
    ),
    "two files": (
        lambda folder: [(folder / n).unlink() for n in ("items.parquet", "config.yaml")],
        "no export: there is no config.yaml, no items.parquet",
    ),
    "other shapes": (_other_shapes, "the weights do not fit sasrec: .*size mismatch"),
    "cut weights": (
        lambda folder: (folder / "weights.safetensors").write_bytes(b"\x10\0\0"),
        r"weights.safetensors: cannot be read: ",
    ),
    "another schema": (
        _config(lambda plain: plain["folder"].update(schema_version=2)),
        r"folder.schema_version: 2, this version reads 3; export it again from its study$",
    ),
    "another format": (
        _config(lambda plain: plain["folder"].update(format=9)),
        r"folder.format: 9, this version reads 1; export it again from its study$",
    ),
    "a tag": (
        _text('trial: !!python/object/apply:os.system ["touch ran"]'),
        "config.yaml: no plain YAML: could not determine a constructor for the tag",
    ),
    "aliases": (_text(_aliases()), "config.yaml: no plain YAML: aliases are not read"),
    "a deep list": (_text("[" * 100_000), "config.yaml: no plain YAML: "),
    "a number that is none": (_text("a: !!int ''"), "config.yaml: no plain YAML: "),
    "no text": (lambda folder: (folder / "config.yaml").write_bytes(b"\xff"), "no plain YAML"),
    "endless text": (_text(" " * 1_000_001), "has 1,000,001 bytes; at most 1,000,000 are read"),
    "vectors that are not there": (_header((2**40, 8)), "item_vectors.npy: cannot be read: "),
    "vectors beyond counting": (_header((2**62, 2**62)), "item_vectors.npy: cannot be read: "),
    "an archive": (_archive, "item_vectors.npy: cannot be read: an archive of arrays; expected a"),
    "a vector of NaN": (_vectors_with(np.nan), "item_vectors.npy: holds numbers that are not fin"),
    "endless vectors": (_vectors_with(np.inf), "item_vectors.npy: holds numbers that are not fin"),
    "a weight of NaN": (_weights_with(np.nan), "user_encoder.* holds numbers that are not finite"),
    "weights beyond counting": (
        lambda folder: (folder / "weights.safetensors").write_bytes(b"\xff" * 64),
        "weights.safetensors: cannot be read: ",
    ),
    "a table of one value": (_repeated, r"shape \(30, 8\), but .* say \(4194304, 8\)"),
    "many layers": (
        _config(lambda plain: plain["trial"]["model"].update(num_blocks=10**9)),
        r"config.yaml: num_blocks: 1000000000; the \d+ weights do not fit",
    ),
    "a wide model": (
        _config(lambda plain: plain["trial"]["model"].update(dim=2 * 10**9)),
        r"shape \(30, 8\), but items.parquet and config.yaml say \(30, 2000000000\)",
    ),
    "a long history": (
        _config(lambda plain: plain["trial"]["dataset"].update(max_seq_len=10**9)),
        "config.yaml: max_seq_len: 1000000000; at most 100,000 are read",
    ),
    "no yaml": (_text("a: [1"), "config.yaml: no plain YAML: "),
    "a list": (_text("[1, 2]"), "config.yaml: an export has the parts export, folder, trial"),
    "an unknown key": (
        _config(lambda plain: plain["trial"].update(colour="red")),
        "config.yaml: trial: colour: Extra inputs are not permitted",
    ),
    "objects": (_pickled, "item_vectors.npy: cannot be read: "),
    "other vectors": (
        lambda folder: np.save(folder / "item_vectors.npy", np.zeros((30, 7), np.float32)),
        r"item_vectors.npy: shape \(30, 7\), but items.parquet and config.yaml say \(30, 8\)",
    ),
    "one id twice": (
        _items(item_id=["a"] * 30, is_candidate=[True] * 30),
        "items.parquet: item_id and is_candidate are no distinct ids and yes or no",
    ),
    "no ids": (_items(title=["a"] * 30), "items.parquet: cannot be read: "),
    "weights of a late fusion": (
        _config(lambda plain: plain["folder"].update(weights=[0.5, 0.5])),
        "config.yaml: folder.weights: 2 weights of 0 members",
    ),
}


@pytest.mark.parametrize(("spoil", "message"), CASES.values(), ids=CASES)
def test_a_broken_folder_is_named_in_one_sentence(
    folder: Path, spoil: Break, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        Recommender.load(folder)
    assert "\n" not in str(caught.value) and str(folder) in str(caught.value)
    assert not (folder / "ran").exists()


def test_lists_need_no_encoder_but_new_items_do(folder: Path) -> None:
    shutil.rmtree(folder / "text_encoder")
    recommender = Recommender.load(folder)
    assert len(recommender.recommend({"a": ["1"]}, k=2)) == 2
    with pytest.raises(DataError, match="there is no text_encoder"):
        recommender.item_vectors(pd.DataFrame({"item_id": ["a"], "title": ["b"]}))


def test_new_items_say_where_a_configuration_does_not_suit_the_encoder(folder: Path) -> None:
    _config(lambda plain: plain["trial"]["item"]["text"].update(max_tokens=1000))(folder)
    recommender = Recommender.load(folder)
    with pytest.raises(DataError, match=r"item\.text\.max_tokens: 1000, but .* at most") as caught:
        recommender.item_vectors(pd.DataFrame({"item_id": ["a"], "title": ["b"]}))
    assert str(caught.value).startswith(str(folder))
