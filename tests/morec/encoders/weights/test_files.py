"""Weight files are hashed once; formats that can run code are refused."""

import hashlib
import os
from pathlib import Path

import pytest

from morec.encoders.weights import files as weight_files
from morec.encoders.weights.files import (
    Packaged,
    cached_sha256,
    checked_folder,
    combined_hash,
    folder_hash,
    hub_folder,
    located_folder,
    weight_paths,
)
from morec.errors import DataError


def test_a_file_is_hashed_once_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"one")
    first = cached_sha256(path)
    monkeypatch.setattr(weight_files, "file_sha256", lambda _: "read again")
    assert cached_sha256(path) == first
    os.utime(path, ns=(0, 0))
    assert cached_sha256(path) == "read again"


def test_other_weight_formats_are_refused_with_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.ckpt").write_bytes(b"")
    found = r"neither \*.safetensors nor pytorch_model\*.bin \(found: config.json, model.ckpt\)"
    with pytest.raises(DataError, match=found):
        checked_folder(tmp_path, with_weights=True)
    assert checked_folder(tmp_path, with_weights=False) == tmp_path


def write(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(name)
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


DESCRIBED = ("config.json", "vocab.txt", "spiece.model")
OTHERS = ("README.md", "tf_model.h5", "model.onnx")


def test_only_what_is_read_is_fetched(hub: Path) -> None:
    write(hub / "a/new", *DESCRIBED, *OTHERS, "model.safetensors", "pytorch_model.bin")
    assert names_in(hub_folder("a/new", with_weights=False)) == sorted(DESCRIBED)
    with_weights = hub_folder("a/new", with_weights=True)
    assert names_in(with_weights) == sorted([*DESCRIBED, "model.safetensors"])
    assert weight_paths(with_weights) == [with_weights / "model.safetensors"]


def test_older_weights_are_fetched_where_there_are_no_others(hub: Path) -> None:
    shards = ("pytorch_model-2.bin", "pytorch_model-1.bin")
    write(hub / "a/old", *DESCRIBED, *OTHERS, *shards)
    assert names_in(hub_folder("a/old", with_weights=False)) == sorted(DESCRIBED)
    folder = hub_folder("a/old", with_weights=True)
    assert names_in(folder) == sorted([*DESCRIBED, *shards])
    assert weight_paths(folder) == [folder / name for name in sorted(shards)]


def test_files_that_are_not_read_are_named_in_order(tmp_path: Path) -> None:
    names = ["config.json", *(f"{letter}.ckpt" for letter in "hbgaecfd")]
    folder = write(tmp_path / "a", *names)
    with pytest.raises(DataError) as caught:
        checked_folder(folder, with_weights=True)
    assert f"(found: {', '.join(sorted(names))}); other" in str(caught.value)


def test_all_files_of_the_newer_format_are_the_weights(tmp_path: Path) -> None:
    shards = [f"model-{number}.safetensors" for number in (3, 1, 2)]
    folder = write(tmp_path / "a", *shards, "pytorch_model.bin")
    assert weight_paths(folder) == [folder / name for name in sorted(shards)]
    assert weight_paths(write(tmp_path / "b", "config.json")) == []


def test_a_hash_names_description_and_weights_and_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", *DESCRIBED, "model.safetensors")
    whole, scratch = folder_hash(folder, True), folder_hash(folder, False)
    assert len(whole) == 64
    assert (scratch[:7], len(scratch)) == ("random-", 7 + 16)
    (folder / "README.md").write_text("new")
    assert (folder_hash(folder, True), folder_hash(folder, False)) == (whole, scratch)
    (folder / "model.safetensors").write_text("other")
    assert folder_hash(folder, True) != whole
    assert folder_hash(folder, False) == scratch
    (folder / "spiece.model").write_text("other")
    assert folder_hash(folder, False) != scratch


def test_a_combined_hash_follows_weights_and_files() -> None:
    hashes = [
        combined_hash(weights, files)
        for weights in ("ab", "cd", "random-ab")
        for files in ({"a.json": "1"}, {"a.json": "2"}, {"b.json": "1"})
    ]
    assert len(set(hashes)) == 9
    assert [one.startswith("random-") for one in hashes] == [False] * 6 + [True] * 3
    assert [len(one) for one in hashes] == [64] * 6 + [7 + 16] * 3


def installed(**sha256: str) -> Packaged:
    """Files of a package that is there wherever these tests run."""
    return Packaged("pytest", "1.0", "pytest", {n.replace("_", "."): s for n, s in sha256.items()})


def test_files_of_a_package_are_compared_with_their_pins() -> None:
    folder = Path(pytest.__file__).parent
    right = hashlib.sha256((folder / "py.typed").read_bytes()).hexdigest()
    assert located_folder("mine", installed(py_typed=right)) == folder
    with pytest.raises(DataError) as caught:
        located_folder("mine", installed(py_typed="0"))
    assert str(caught.value) == (
        f"{folder / 'py.typed'}: SHA-256 is {right}, but pytest==1.0 has 0"
    )
    with pytest.raises(DataError) as caught:
        located_folder("mine", installed(py_typed=right, no_file="0"))
    assert str(caught.value) == (
        f"{folder / 'no.file'}: SHA-256 is no such file, but pytest==1.0 has 0"
    )
