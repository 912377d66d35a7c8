"""Items without a readable image stop the study, or are dropped and counted."""

from pathlib import Path

import numpy as np
import pytest

from morec.config import FilesSpec, SequencesSpec
from morec.data.dataset import Dataset, load_dataset
from morec.errors import DataError
from tests.morec.data.hand_made import windows_of, write_image
from tests.morec.data.stored_images import encoded, pickled, write_lmdb

USERS = "U1\tv1 v2 v3 v4\nU2\tv4 v3 v1\nU3\tv5 v2 v6\n"


def load(root: Path, choice: str, images: str = "images") -> Dataset:
    """Items v1 to v7, of which v7 is nobody's."""
    (root / "users.tsv").write_text(USERS)
    lines = [f"v{number}\ttitle {number}" for number in range(1, 8)]
    (root / "items.tsv").write_text("\n".join(lines))
    fields = {"users": "users.tsv", "items": "items.tsv", "images": images, "min_seq_len": 3}
    spec = SequencesSpec.model_validate({"kind": "sequences", "missing_images": choice, **fields})
    return load_dataset(spec, root)


def write_some(root: Path) -> None:
    """v2 is broken; v5 and v7 are missing."""
    for number in (1, 3, 4, 6):
        write_image(root / "images" / f"v{number}.jpg")
    (root / "images" / "v2.jpg").write_text("no picture")


def test_missing_and_broken_images_stop_the_study_and_are_named(tmp_path: Path) -> None:
    write_some(tmp_path)
    with pytest.raises(DataError) as caught:
        load(tmp_path, "error")
    path = tmp_path / "images" / "v2.jpg"
    assert str(caught.value) == (
        "of 6 items, 1 have no image: 'v5'; 1 have a broken image: "
        f"{path} (cannot identify image file '{path}'). "
        "Set dataset.missing_images: drop to go on without these items"
    )


def test_dropped_items_are_gone_before_the_windows_are_cut(tmp_path: Path) -> None:
    write_some(tmp_path)
    dataset = load(tmp_path, "drop")
    # Without v2 and v5, U1 keeps three items and U3 is too short.
    assert dataset.titles == ("title 1", "title 3", "title 4")
    assert windows_of(dataset) == [[1, 2, 3], [3, 2, 1]]
    assert dataset.images is not None
    assert dataset.images.keys == ("v1.jpg", "v3.jpg", "v4.jpg")


def test_a_dropped_item_is_counted_once_under_its_reason(tmp_path: Path) -> None:
    write_some(tmp_path)
    counts = load(tmp_path, "drop").counts
    assert counts["items_without_image"] == 1  # v5; v7 has no interactions
    assert counts["items_with_broken_image"] == 1
    assert counts["interactions_dropped_by_images"] == 3
    assert counts["users_below_minimum"] == 1
    assert counts["items_without_interactions"] == 1


def test_nothing_is_dropped_if_every_image_exists(tmp_path: Path) -> None:
    for number in range(1, 7):
        write_image(tmp_path / "images" / f"v{number}.jpg")
    dropped, strict = load(tmp_path, "drop"), load(tmp_path, "error")
    assert np.array_equal(dropped.item_ids, strict.item_ids)
    assert dropped.counts["interactions_dropped_by_images"] == 0


def test_pickles_that_are_no_images_are_broken(tmp_path: Path) -> None:
    values = {str(number): encoded(number) for number in range(1, 7)}
    pixels = np.zeros((3, 3, 3), np.uint8)
    write_lmdb(tmp_path / "images", {**values, "2": pickled(pixels), "4": b"\x80\x04N."})
    with pytest.raises(DataError, match=r"of 6 items, 1 have a broken image: .*images: 4 \(no pi"):
        load(tmp_path, "error")
    assert load(tmp_path, "drop").counts["items_with_broken_image"] == 1


def test_missing_images_without_images_is_refused() -> None:
    fields = {"kind": "files", "interactions": "log.csv", "missing_images": "drop"}
    with pytest.raises(ValueError, match="drop has no effect: image_column or images is not given"):
        FilesSpec.model_validate(fields)
    fields = {"kind": "sequences", "users": "u", "items": "i", "missing_images": "drop"}
    with pytest.raises(ValueError, match="missing_images: drop has no effect: images is not given"):
        SequencesSpec.model_validate(fields)
