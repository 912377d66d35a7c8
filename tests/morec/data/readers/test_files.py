"""A user's own files: order, titles, images and counts; wrong options and columns are named."""

from pathlib import Path

import pandas as pd
import pytest

from morec.config import FilesSpec
from morec.data.images.sources import ImageSource
from morec.data.readers.files import listed_images, read_files
from morec.errors import DataError
from tests.morec.data.hand_made import write_interactions

ROWS = [("u", "c", 3), ("u", "a", 1), ("v", "c", 2)]


def items_spec(folder: Path, items: str, **options: str) -> FilesSpec:
    (folder / "items.csv").write_text(items)
    spec = write_interactions(folder, ROWS)
    return spec.model_copy(update={"items": "items.csv", **options})


def message_of(spec: FilesSpec, root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_files(spec, root)
    return str(error.value)


def test_without_an_items_file_items_follow_first_appearance(tmp_path: Path) -> None:
    interactions = read_files(write_interactions(tmp_path, ROWS), tmp_path)
    assert interactions.item_names == ["c", "a"]
    assert interactions.timestamps.tolist() == [3, 1, 2]
    assert interactions.titles is None


def test_items_and_titles_are_in_the_order_of_the_items_file(tmp_path: Path) -> None:
    spec = items_spec(tmp_path, "item_id,t\na, Apple \nb,\nc,NA\n", text_column="t")
    interactions = read_files(spec, tmp_path)
    assert interactions.item_names == ["a", "b", "c"]
    assert interactions.titles == ("Apple", "", "NA")
    assert interactions.item_ids.tolist() == [2, 0, 2]


def test_item_rows_without_an_id_or_with_a_known_one_are_dropped_and_counted(
    tmp_path: Path,
) -> None:
    spec = items_spec(tmp_path, "item_id,t\na,first\n,lost\na,second\nc,x\n", text_column="t")
    interactions = read_files(spec, tmp_path)
    assert interactions.titles == ("first", "x")
    assert interactions.counts["broken_item_rows"] == 1
    assert interactions.counts["repeated_item_rows_dropped"] == 1


def test_interactions_with_unknown_items_are_dropped_and_counted(tmp_path: Path) -> None:
    interactions = read_files(items_spec(tmp_path, "item_id\nc\n"), tmp_path)
    assert interactions.item_ids.tolist() == [0, 0]
    assert interactions.counts["unknown_item_rows"] == 1


def test_whether_repeats_stay_is_the_users_choice(tmp_path: Path) -> None:
    spec = write_interactions(tmp_path, [*ROWS, ("u", "a", 0)])
    assert len(read_files(spec, tmp_path).item_ids) == 3
    keep = spec.model_copy(update={"repeats": "keep"})
    assert len(read_files(keep, tmp_path).item_ids) == 4


def test_numeric_ids_of_parquet_match_ids_of_csv(tmp_path: Path) -> None:
    table = pd.DataFrame({"user_id": [1, 1], "item_id": [31, 7], "timestamp": [5, 6]})
    table.to_parquet(tmp_path / "log.parquet")
    (tmp_path / "items.csv").write_text("item_id\n7\n31\n")
    spec = FilesSpec(kind="files", interactions="log.parquet", items="items.csv")
    assert read_files(spec, tmp_path).item_ids.tolist() == [1, 0]


def test_image_paths_are_relative_to_the_items_file(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    spec = items_spec(tmp_path / "shop", "item_id,i\na,p/a.jpg\nc,\n", image_column="i")
    nested = spec.model_copy(
        update={"interactions": "shop/interactions.csv", "items": "shop/items.csv"}
    )
    expected = ImageSource("files", tmp_path / "shop", ("p/a.jpg", None))
    assert read_files(nested, tmp_path).images == expected
    assert listed_images(nested, tmp_path) == [tmp_path / "shop/p/a.jpg", None]
    assert listed_images(write_interactions(tmp_path, ROWS), tmp_path) == []


def test_all_missing_columns_of_both_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("user,item_id,timestamp\n1,2,3\n")
    (tmp_path / "items.csv").write_text("item,title\n2,x\n")
    spec = FilesSpec(kind="files", interactions="log.csv", items="items.csv", text_column="titel")
    assert message_of(spec, tmp_path).splitlines() == [
        "log.csv: no column 'user_id' (dataset.user_column). Did you mean 'user'? "
        "Columns found: user, item_id, timestamp",
        "items.csv: no column 'item_id' (dataset.item_column). Did you mean 'item'? "
        "Columns found: item, title",
        "items.csv: no column 'titel' (dataset.text_column). Did you mean 'title'? "
        "Columns found: item, title",
    ]


def test_text_and_image_columns_without_an_items_file_are_refused(tmp_path: Path) -> None:
    spec = write_interactions(tmp_path, ROWS).model_copy(
        update={"text_column": "title", "image_column": "image"}
    )
    assert message_of(spec, tmp_path) == (
        "dataset.text_column and dataset.image_column need dataset.items, "
        "the file to look them up in"
    )


def test_files_that_share_no_item_show_examples_of_both(tmp_path: Path) -> None:
    assert message_of(items_spec(tmp_path, "item_id\nC\nA\n"), tmp_path) == (
        "interactions.csv and items.csv share no item: interactions have "
        "'c', 'a'; items have 'C', 'A'. Did you mean 'C'? "
        "They differ in upper and lower case: write them alike."
    )


def test_a_missing_interactions_file_names_its_neighbour(tmp_path: Path) -> None:
    spec = write_interactions(tmp_path, ROWS).model_copy(update={"interactions": "interaction.csv"})
    assert message_of(spec, tmp_path) == (
        f"{tmp_path / 'interaction.csv'}: no such file. Did you mean 'interactions.csv'?"
    )


def test_unreadable_times_name_file_and_column(tmp_path: Path) -> None:
    spec = write_interactions(tmp_path, [*ROWS, ("v", "a", "soon")])
    assert message_of(spec, tmp_path).startswith(
        "interactions.csv: column 'timestamp': 1 of 4 times cannot be read: 'soon' (line 5)"
    )
