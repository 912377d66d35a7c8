"""Missing files are named with the nearest name, and the hash of files covers their content."""

import errno
import hashlib
from pathlib import Path

import pytest

from morec.data.files.sources import hash_files, is_file, locate
from morec.errors import DataError


def test_all_missing_files_are_named_with_their_nearest_neighbours(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").touch()
    with pytest.raises(DataError) as error:
        locate(["rating.csv", "ratings.csv", "gone/items.csv"], tmp_path)
    assert str(error.value).splitlines() == [
        f"{tmp_path / 'rating.csv'}: no such file. Did you mean 'ratings.csv'?",
        f"{tmp_path / 'gone/items.csv'}: the folder {tmp_path / 'gone'} does not exist",
    ]


def test_an_absolute_path_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.touch()
    assert locate([str(path)], Path("elsewhere")) == [path]


def test_the_hash_depends_on_where_one_file_ends_and_the_next_begins(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in "abcd"]
    for path, content in zip(paths, (b"xy", b"z", b"x", b"yz"), strict=True):
        path.write_bytes(content)
    assert hash_files(paths[:2]) != hash_files(paths[2:])


def test_the_hash_sees_that_an_image_is_missing(tmp_path: Path) -> None:
    image = tmp_path / "1.jpg"
    before = hash_files([], [image, None])
    image.touch()
    assert hash_files([], [image, None]) != before


def test_a_name_too_long_for_any_file_is_a_missing_file(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 5000)
    assert not is_file(long)
    assert hash_files([], [long]) == hash_files([], [None])
    with pytest.raises(DataError, match="no such file"):
        locate([long.name], tmp_path)


def test_the_hash_is_one_of_hashes_and_of_names_and_sizes(tmp_path: Path) -> None:
    file, image = tmp_path / "a.csv", tmp_path / "1.jpg"
    file.write_bytes(b"xy")
    image.write_bytes(b"123")
    parts = hashlib.sha256(b"xy").digest() + b"1.jpg 3\nmissing\nmissing\n"
    found = hash_files([file], [image, None, tmp_path / "2.jpg"])
    assert found == hashlib.sha256(parts).hexdigest()


class Broken(type(Path())):  # type: ignore[misc]
    """A file on a disk that fails."""

    def is_file(self) -> bool:
        raise OSError(errno.EIO, "the disk fails")


def test_a_disk_that_fails_is_no_missing_file() -> None:
    with pytest.raises(OSError, match="the disk fails"):
        is_file(Broken("a"))
