"""Items without a readable image stop the study, or are dropped and counted."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morec.config import FilesSpec, SequencesSpec
from morec.data.dataset import Dataset, load_dataset
from morec.data.decoded_images import decode_images
from morec.data.images.open import FORMATS
from morec.errors import DataError
from tests.morec.data.hand_made import windows_of, write_image
from tests.morec.data.stored_images import encoded, pickled, write_lmdb, write_parquet

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
        f"'v2' ({path}: cannot identify image file; allowed: {', '.join(FORMATS)}). "
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
    with pytest.raises(
        DataError, match=r"of 6 items, 1 have a broken image: 'v4' \(.*images: 4: no pi"
    ):
        load(tmp_path, "error")
    assert load(tmp_path, "drop").counts["items_with_broken_image"] == 1


def half(form: str) -> bytes:
    """The first half of an image: its header is whole, its pixels are not."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, form)
    return stream.getvalue()[: len(stream.getvalue()) // 2]


def store(kind: str, root: Path, values: dict[str, bytes]) -> str:
    """Images by item in one of the three places; the place's name."""
    if kind == "lmdb":
        return write_lmdb(root / "images", values).name
    if kind == "parquet":
        return write_parquet(root / "images.parquet", values).name
    (root / "images").mkdir()
    for name, value in values.items():
        (root / "images" / f"{name}.jpg").write_bytes(value)
    return "images"


@pytest.mark.parametrize("kind", ["files", "lmdb", "parquet"])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_half_an_image_is_dropped_and_counted_or_stops_the_study_by_name(
    tmp_path: Path, kind: str, form: str
) -> None:
    values = {f"v{number}": encoded(number) for number in range(1, 7)}
    images = store(kind, tmp_path, {**values, "v2": half(form)})
    dataset = load(tmp_path, "drop", images)
    assert dataset.item_names == ("v1", "v3", "v4")
    assert dataset.counts["items_with_broken_image"] == 1
    assert len(decode_images(dataset, 16)) == 3
    with pytest.raises(DataError, match=r"of 6 items, 1 have a broken image: 'v2' \("):
        load(tmp_path, "error", images)


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_bytes_behind_the_end_or_a_missing_end_are_no_damage(tmp_path: Path, form: str) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20, 10), (9, 9, 9)).save(stream, form)
    whole = stream.getvalue()
    values = {f"v{number}": encoded(number) for number in range(1, 7)}
    # Pillow refuses a JPEG without an end, and decodes a PNG without one.
    ends = {"v2": whole + b"\0" * 40, "v3": whole[:-12] if form == "PNG" else whole}
    images = store("lmdb", tmp_path, {**values, **ends})
    dataset = load(tmp_path, "error", images)
    assert (decode_images(dataset, 16)[1:3] == 9).all()


def test_a_png_whose_bytes_were_changed_is_broken(tmp_path: Path) -> None:
    values = {f"v{number}": encoded(number) for number in range(1, 7)}
    changed = bytearray(values["v2"])
    changed[changed.index(b"IDAT") + 6] ^= 255
    images = store("files", tmp_path, {**values, "v2": bytes(changed)})
    assert load(tmp_path, "drop", images).counts["items_with_broken_image"] == 1


def test_whole_images_of_the_common_formats_are_not_decoded_to_check_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, form in enumerate(["jpg", "png", "webp"] * 2, start=1):
        write_image(tmp_path / "images" / f"v{number}.{form}")
    monkeypatch.setattr("morec.data.images.open.as_rgb", pytest.fail)
    assert load(tmp_path, "drop").counts["items_with_broken_image"] == 0


@pytest.mark.parametrize("suffix", ["heic", "svg", "jxl"])
def test_an_image_of_another_format_is_named_with_the_formats_that_are_read(
    tmp_path: Path, suffix: str
) -> None:
    write_some(tmp_path)
    (tmp_path / "images" / f"v5.{suffix}").write_text("<svg/>")
    with pytest.raises(DataError) as caught:
        load(tmp_path, "error")
    assert "2 have a broken image" in str(caught.value)
    path = tmp_path / "images" / f"v5.{suffix}"
    reason = f"{path}: cannot identify image file; allowed: JPEG, PNG, WEBP, GIF, BMP, TIFF"
    assert f"'v5' ({reason}" in str(caught.value)
    counts = load(tmp_path, "drop").counts
    assert (counts["items_without_image"], counts["items_with_broken_image"]) == (0, 2)


def test_missing_images_without_images_is_refused() -> None:
    fields = {"kind": "files", "interactions": "log.csv", "missing_images": "drop"}
    with pytest.raises(ValueError, match="drop has no effect: image_column or images is not given"):
        FilesSpec.model_validate(fields)
    fields = {"kind": "sequences", "users": "u", "items": "i", "missing_images": "drop"}
    with pytest.raises(ValueError, match="missing_images: drop has no effect: images is not given"):
        SequencesSpec.model_validate(fields)
