"""A dataset joins windows, titles and images; it is saved, opened and named by its content."""

import json
import pickle
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import FilesSpec, SequencesSpec, SyntheticSpec
from morec.data.dataset import (
    FORMAT,
    Dataset,
    load_dataset,
    open_dataset,
    save_dataset,
    source_hash,
)
from morec.data.images.open import FORMATS
from morec.data.images.sources import ImageSource
from morec.errors import DataError
from tests.morec.data.hand_made import datasets, quick, write_image, write_interactions

SYNTHETIC = SyntheticSpec(kind="synthetic", num_users=12, num_items=20, mean_seq_len=7)
ROWS = [("u", item, time) for time, item in enumerate(["c", "a", "d"])]


def assert_same(left: Dataset, right: Dataset) -> None:
    for field in fields(Dataset):
        one, other = getattr(left, field.name), getattr(right, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        else:
            assert one == other


def files_with_images(folder: Path, image_cells: list[str]) -> FilesSpec:
    """Items a, b, c, d with ``image_cells``; b has no interaction."""
    lines = [f"{name},{cell}" for name, cell in zip("abcd", image_cells, strict=True)]
    (folder / "items.csv").write_text("\n".join(["item_id,image", *lines]))
    spec = write_interactions(folder, ROWS)
    return spec.model_copy(update={"items": "items.csv", "image_column": "image"})


@quick
@given(datasets(), st.lists(st.text(), min_size=3, max_size=12) | st.none(), st.booleans())
def test_a_saved_dataset_opens_as_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    dataset: Dataset,
    titles: list[str] | None,
    has_images: bool,
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    described = replace(
        dataset,
        titles=None if titles is None else tuple(titles),
        images=ImageSource("files", Path("/a"), ("1.jpg", "b/2.png")) if has_images else None,
        counts={"rows_read": 7},
        is_tied=dataset.item_ids % 2 == 0 if has_images else None,
        times_s=dataset.item_ids.astype(np.int64) if has_images else None,
    )
    save_dataset(described, folder)
    assert_same(open_dataset(folder), described)


def test_a_saved_dataset_opens_memory_mapped_and_read_only(tmp_path: Path) -> None:
    dataset = load_dataset(SYNTHETIC, tmp_path)
    save_dataset(dataset, tmp_path / "saved")
    opened = open_dataset(tmp_path / "saved")
    assert_same(opened, dataset)
    assert isinstance(opened.item_ids, np.memmap)
    assert isinstance(opened.image_array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        opened.item_ids[0] = 1


def test_opening_a_folder_that_is_no_dataset_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        open_dataset(tmp_path)
    assert str(error.value) == f"{tmp_path}: not a saved dataset: dataset.json is missing"


def test_opening_another_format_names_both(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(DataError) as error:
        open_dataset(tmp_path)
    path = tmp_path / "dataset.json"
    assert str(error.value) == f"{path}: format 99, this version reads format {FORMAT}"


def test_paths_are_relative_to_the_root_and_none_is_published(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    spec = write_interactions(tmp_path / "shop", ROWS)
    nested = spec.model_copy(update={"interactions": "shop/interactions.csv"})
    assert load_dataset(spec, tmp_path / "shop").name == "interactions"
    assert load_dataset(nested, tmp_path).name == "shop/interactions"


def test_titles_and_images_are_those_of_the_kept_items(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,Apple\nb,Bread\nc,\nd,Date")
    spec = write_interactions(tmp_path, ROWS).model_copy(
        update={"items": "items.csv", "text_column": "title"}
    )
    dataset = load_dataset(spec, tmp_path)
    assert dataset.titles == ("Apple", "", "Date")
    assert dataset.item_ids.tolist() == [2, 1, 3]
    assert [dataset.name_of(item) for item in (1, 2, 3)] == ["a", "c", "d"]
    assert dataset.counts["empty_titles"] == 1
    assert dataset.counts["items_without_interactions"] == 1
    assert not dataset.has_images


def test_images_of_dropped_items_may_be_missing(tmp_path: Path) -> None:
    spec = files_with_images(tmp_path, ["a.jpg", "gone.jpg", "c.jpg", "d.jpg"])
    for name in "acd":
        write_image(tmp_path / f"{name}.jpg")
    dataset = load_dataset(spec, tmp_path)
    assert dataset.images == ImageSource("files", tmp_path, ("a.jpg", "c.jpg", "d.jpg"))
    assert dataset.has_images


def test_missing_images_are_counted_and_named(tmp_path: Path) -> None:
    spec = files_with_images(tmp_path, ["a.jpg", "b.jpg", "c.jpg", ""])
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(DataError) as error:
        load_dataset(spec, tmp_path)
    reason = f"cannot identify image file; allowed: {', '.join(FORMATS)}"
    broken = f"'a' ({tmp_path / 'a.jpg'}: {reason})"
    assert str(error.value) == (
        f"of 3 items, 2 have no image: 'c' ({tmp_path / 'c.jpg'}), 'd'; "
        f"1 have a broken image: {broken}. "
        "Set dataset.missing_images: drop to go on without these items"
    )


def test_the_source_hash_depends_on_content_not_on_place(tmp_path: Path) -> None:
    hashes = []
    for name, rows in (("one", ROWS), ("two", ROWS), ("other", [*ROWS, ("u", "e", 9)])):
        (tmp_path / name).mkdir()
        hashes.append(source_hash(write_interactions(tmp_path / name, rows), tmp_path / name))
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0]) == 64


def test_the_source_hash_sees_an_image_of_another_size(tmp_path: Path) -> None:
    spec = files_with_images(tmp_path, ["a.jpg", "", "c.jpg", "d.jpg"])
    (tmp_path / "a.jpg").write_bytes(b"1")
    before = source_hash(spec, tmp_path)
    (tmp_path / "a.jpg").write_bytes(b"12")
    assert source_hash(spec, tmp_path) != before


def test_the_source_hash_covers_both_files_and_the_images_of_sequences(tmp_path: Path) -> None:
    (tmp_path / "users.tsv").write_text("u\ta b c\n")
    (tmp_path / "items.tsv").write_text("a\nb\nc\n")
    (tmp_path / "images").mkdir()
    spec = SequencesSpec(
        kind="sequences", users="users.tsv", items="items.tsv", images="images", min_seq_len=3
    )
    hashes = {source_hash(spec, tmp_path)}
    (tmp_path / "items.tsv").write_text("a\nb\nc\nd\n")
    hashes.add(source_hash(spec, tmp_path))
    (tmp_path / "images" / "a.jpg").touch()
    hashes.add(source_hash(spec, tmp_path))
    assert len(hashes) == 3


def test_synthetic_data_is_marked_and_has_its_version_for_a_hash(tmp_path: Path) -> None:
    dataset = load_dataset(SYNTHETIC, tmp_path)
    assert dataset.is_synthetic
    assert dataset.sha256 == source_hash(SYNTHETIC, tmp_path) == "synthetic-2"
    assert (dataset.name, dataset.kind) == ("synthetic", "synthetic")
    assert dataset.image_array is not None
    assert dataset.image_array.shape == (dataset.num_items, 32, 32, 3)
    assert dataset.titles is not None
    assert len(dataset.titles) == dataset.num_items


def test_a_loaded_dataset_is_what_its_files_say(tmp_path: Path) -> None:
    start = 1_600_000_000
    rows = [("u", "c", start + 9), ("u", "a", start), ("u", "d", start + 9), ("v", "a", start + 1)]
    spec = write_interactions(tmp_path, [*rows, ("w", "x", start)])
    (tmp_path / "items.csv").write_text("item_id,t\na,A\nb,B\nc,A\nd,\n")
    spec = spec.model_copy(update={"items": "items.csv", "text_column": "t", "ties": "item"})
    dataset = load_dataset(spec.model_copy(update={"max_seq_len": 7}), tmp_path)
    assert dataset.notes[0].startswith("items.csv lacks the items of 20.0% of the rows")
    assert_same(
        replace(dataset, counts={}, notes=()),
        Dataset(
            name="interactions",
            kind="files",
            is_synthetic=False,
            sha256=source_hash(spec, tmp_path),
            num_users=1,
            num_items=3,
            max_seq_len=7,
            offsets_U1=np.array([0, 3]),
            item_ids=np.array([1, 2, 3], dtype=np.int32),
            counts={},
            is_tied=np.array([False, False, True]),
            ages_s=np.array([0, 0, 0]),
            times_s=np.array([start, start + 9, start + 9]),
            item_names=("a", "c", "d"),
            titles=("A", "A", ""),
        ),
    )
    assert {name: count for name, count in dataset.counts.items() if count} == {
        "rows_read": 5,
        "unknown_item_rows": 1,
        "time_ties": 1,
        "items_without_interactions": 1,
        "users_below_minimum": 1,
        "interactions_of_dropped_users": 1,
        "interactions": 3,
        "tied_test_targets": 1,
        "empty_titles": 1,
        "repeated_titles": 1,
    }


def test_drawn_images_are_those_of_the_kept_items(tmp_path: Path) -> None:
    spec = SYNTHETIC.model_copy(update={"max_users": 1})
    dataset, whole = load_dataset(spec, tmp_path), load_dataset(SYNTHETIC, tmp_path)
    names, all_names = dataset.item_names, whole.item_names
    assert names is not None
    assert all_names is not None
    assert dataset.image_array is not None
    assert whole.image_array is not None
    assert len(names) < len(all_names)
    rows = [all_names.index(name) for name in names]
    assert np.array_equal(dataset.image_array, whole.image_array[rows])
    assert dataset.has_images


def test_a_folder_of_an_earlier_version_has_no_split_columns_or_cuts(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,t\na,Café\nc,C\nd,D\n")
    spec = write_interactions(tmp_path, ROWS)
    spec = spec.model_copy(update={"items": "items.csv", "text_column": "t"})
    dataset = load_dataset(spec, tmp_path)
    folder = tmp_path / "above" / "saved"
    save_dataset(dataset, folder)
    text = (folder / "dataset.json").read_text(encoding="utf-8")
    assert "Café" in text
    header = json.loads(text)
    for name in ("split", "columns", "cuts_s"):
        del header["fields"][name]
    (folder / "dataset.json").write_text(json.dumps({**header, "format": 5}))
    assert_same(open_dataset(folder), dataset)


def test_arrays_of_objects_are_neither_saved_nor_opened(tmp_path: Path) -> None:
    dataset = load_dataset(SYNTHETIC, tmp_path)
    objects = np.array([{}] * len(dataset.item_ids), dtype=object)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        save_dataset(replace(dataset, ages_s=objects), tmp_path / "saved")
    save_dataset(replace(dataset, ages_s=None), tmp_path / "saved")
    (tmp_path / "saved" / "item_ids.npy").write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(ValueError, match="contains pickled"):
        open_dataset(tmp_path / "saved")
