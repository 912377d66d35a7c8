"""Files at a folder, at a file:// URL, and in a real S3 server give the same."""

from pathlib import Path

import pytest

from morec.storage import Storage, is_url, place_within, sibling
from tests.s3 import S3


@pytest.fixture(params=["folder", "file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        return Storage(server.of(tmp_path.name))
    place = tmp_path / "a storage"
    return Storage(str(place) if request.param == "folder" else place.as_uri())


def written(folder: Path, text: str) -> Path:
    path = folder / "source"
    path.write_text(text)
    return path


def test_what_was_put_is_got_and_replaced_by_what_is_put_next(
    storage: Storage, tmp_path: Path
) -> None:
    for text in ("a longer text", "short"):
        storage.put(written(tmp_path, text), "deep/last.pt")
        assert storage.get("deep/last.pt", tmp_path / "new" / "copy")
        assert (tmp_path / "new" / "copy").read_text() == text
    assert storage.sizes() == {"deep/last.pt": len("short")}


def test_a_part_is_below_the_whole_and_goes_alone(storage: Storage, tmp_path: Path) -> None:
    source = written(tmp_path, "x")
    storage.within("id+ts-1", "b").put(source, "f")
    storage.put(source, "g")
    assert set(storage.sizes()) == {"id+ts-1/b/f", "g"}
    storage.within("id+ts-1").remove()
    assert set(storage.sizes()) == {"g"}


def test_nothing_there_is_not_an_error(storage: Storage, tmp_path: Path) -> None:
    assert storage.sizes() == {}
    assert not storage.get("nothing", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    storage.remove()


def test_a_place_below_another_keeps_what_follows_the_question_mark() -> None:
    url = "s3://bucket/studies?region=eu-north-1"
    assert place_within(url, "a", "b") == "s3://bucket/studies/a/b?region=eu-north-1"
    assert place_within("s3://bucket", "a") == "s3://bucket/a"
    assert place_within("/mnt/all", "a") == "/mnt/all/a"
    assert (is_url(url), is_url("/mnt/all")) == (True, False)


def test_a_sibling_lies_in_the_same_folder_or_bucket() -> None:
    assert sibling("/out/checkpoints/a", "b") == "/out/checkpoints/b"
    url = "s3://bucket/study/checkpoints/a?endpoint_override=localhost:1"
    assert sibling(url, "b") == "s3://bucket/study/checkpoints/b?endpoint_override=localhost:1"
