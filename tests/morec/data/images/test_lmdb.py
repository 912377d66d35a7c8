"""Images in an LMDB are found and read; one that is cut off is refused before it is read."""

import os
from pathlib import Path

import pytest

from morec.data.images.lmdb import find_keys, read_values
from morec.errors import DataError
from tests.morec.data.stored_images import write_lmdb

VALUES = {"a": b"1", "b": b"22", "7": b"333"}


@pytest.mark.parametrize("is_folder", [True, False])
def test_the_first_candidate_that_is_a_key_is_found_and_read(
    tmp_path: Path, is_folder: bool
) -> None:
    path = write_lmdb(tmp_path / "images.lmdb", VALUES, is_folder=is_folder)
    candidates = [("b", "a"), ("v7", "7"), ("", "a"), ("x",), ()]
    keys = find_keys(path, candidates)
    assert keys == ("b", "7", "a", None, None)
    assert list(read_values(path, [*keys, "gone"])) == [
        (0, b"22"),
        (1, b"333"),
        (2, b"1"),
        (3, None),
        (4, None),
        (5, None),
    ]


def test_reading_makes_no_file(tmp_path: Path) -> None:
    path = write_lmdb(tmp_path / "images", VALUES)
    (path / "lock.mdb").unlink()
    assert find_keys(path, [("a",)]) == ("a",)
    assert [file.name for file in path.iterdir()] == ["data.mdb"]
    gone = tmp_path / "gone.lmdb"
    with pytest.raises(DataError, match=f"^{gone}: cannot be read as LMDB: "):
        find_keys(gone, [("a",)])
    assert not gone.exists()


@pytest.mark.parametrize("is_folder", [True, False])
def test_a_file_that_lacks_its_last_byte_is_refused(tmp_path: Path, is_folder: bool) -> None:
    path = write_lmdb(tmp_path / "images.lmdb", VALUES, is_folder=is_folder)
    file = path / "data.mdb" if is_folder else path
    size = file.stat().st_size
    with file.open("ab") as stream:
        stream.write(b"more")
    assert find_keys(path, [("a",)]) == ("a",)
    os.truncate(file, size)
    assert find_keys(path, [("a",)]) == ("a",)
    os.truncate(file, size - 1)
    with pytest.raises(DataError) as error:
        find_keys(path, [("a",)])
    assert str(error.value) == f"{file}: has {size - 1:,} bytes of {size:,}; it was cut off"
