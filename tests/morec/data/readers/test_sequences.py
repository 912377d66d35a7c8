"""The paper's lists of items: order, titles, images and counts; wrong files are named."""

from pathlib import Path

import pytest

from morec.config import SequencesSpec
from morec.data.dataset import load_dataset
from morec.data.images.sources import ImageSource
from morec.data.readers.sequences import READER, read_sequences
from morec.errors import DataError
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered

USERS = "U1\tb a c\nU2\ta a b\n"


def spec_of(folder: Path, users: str, items: str, images: str | None = None) -> SequencesSpec:
    (folder / "users.tsv").write_text(users)
    (folder / "items.tsv").write_bytes(items.encode())
    return SequencesSpec(
        kind="sequences", users="users.tsv", items="items.tsv", images=images, min_seq_len=3
    )


def message_of(spec: SequencesSpec, root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_sequences(spec, root)
    return str(error.value)


def test_the_order_of_a_list_is_its_time_and_repeats_stay(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, USERS, 'a\tA "quoted\t abstract\nb\t\tx\nc\tNone\ty\n')
    dataset = load_dataset(spec, tmp_path)
    assert dataset.item_ids.tolist() == [2, 1, 3, 1, 1, 2]
    assert dataset.offsets_U1.tolist() == [0, 3, 6]
    assert dataset.titles == ('A "quoted', "", "None")
    assert dataset.counts["repeated_interactions_kept"] == 1


def test_items_may_have_names_only_and_windows_line_ends(tmp_path: Path) -> None:
    interactions = read_sequences(spec_of(tmp_path, USERS, "a\r\nb\r\nc\r\n"), tmp_path)
    assert interactions.item_names == ["a", "b", "c"]
    assert interactions.titles is None


def test_a_user_without_items_is_a_broken_row_and_unknown_items_are_counted(
    tmp_path: Path,
) -> None:
    interactions = read_sequences(
        spec_of(tmp_path, USERS + "U3\t\nU4\ta x\n", "a\nb\nc\n"), tmp_path
    )
    assert interactions.counts["broken_rows"] == 1
    assert interactions.counts["unknown_item_rows"] == 1
    assert interactions.counts["rows_read"] == 9


def test_images_are_found_by_item_name(tmp_path: Path) -> None:
    for name in ("a.png", "b.jpg", "c.jpg"):
        write_image(tmp_path / "pictures" / name)
    spec = spec_of(tmp_path, USERS, "a\nb\nc\n", images="pictures")
    expected = ImageSource("files", tmp_path / "pictures", ("a.png", "b.jpg", "c.jpg"))
    assert load_dataset(spec, tmp_path).images == expected


def test_a_missing_folder_of_images_is_named(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, USERS, "a\nb\nc\n", images="pictures")
    with pytest.raises(DataError) as error:
        load_dataset(spec, tmp_path)
    assert str(error.value) == f"dataset.images: {tmp_path / 'pictures'} does not exist."


def test_an_item_that_is_listed_twice_is_named(tmp_path: Path) -> None:
    assert message_of(spec_of(tmp_path, USERS, "a\nb\nc\nb\n"), tmp_path) == (
        "items.tsv: 1 items are listed more than once: ['b']"
    )


@pytest.mark.parametrize(
    "users",
    [
        "U1 b a c\nU2 a a b\n",
        "U1  b a \t c\r\n U2 a a b \r\n",
        "U1 b\nU2 a\nU1 a\nU2 a\nU1 c\nU2 b\n",
    ],
)
def test_lines_without_tabs_begin_with_the_user(tmp_path: Path, users: str) -> None:
    dataset = load_dataset(spec_of(tmp_path, users.replace("\t", ""), "a\nb\nc\n"), tmp_path)
    assert dataset.item_ids.tolist() == [2, 1, 3, 1, 1, 2]
    assert dataset.offsets_U1.tolist() == [0, 3, 6]


def test_the_items_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "Beauty.txt").write_text("1 5 3 5\n2 3\n")
    spec = SequencesSpec(kind="sequences", users="Beauty.txt")
    interactions = read_sequences(spec, tmp_path)
    assert interactions.item_names == ["5", "3"]
    assert interactions.item_ids.tolist() == [0, 1, 0, 1]
    assert READER.columns is not None
    assert READER.columns(spec, tmp_path) is None
    assert interactions.titles is None


def test_files_of_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "u.tsv").write_bytes("ü\tb é\n".encode("gbk"))
    (tmp_path / "i.tsv").write_bytes("é\t汉\nb\t字\n".encode("gbk"))
    spec = SequencesSpec(kind="sequences", users="u.tsv", items="i.tsv", encoding="gbk")
    interactions = read_sequences(spec, tmp_path)
    assert (interactions.user_names, interactions.titles) == (["ü"], ("汉", "字"))
    with pytest.raises(DataError, match=r"no UTF-8 text; it looks like .*: give `encoding: "):
        read_sequences(spec.model_copy(update={"encoding": None}), tmp_path)


def test_a_tab_further_below_is_named(tmp_path: Path) -> None:
    assert message_of(spec_of(tmp_path, "U1 b a\nU2\ta a\n", "a\n"), tmp_path) == (
        "users.tsv: line 2: 2 fields, expected 1: 'U2\\ta a'"
    )


@pytest.mark.parametrize(
    ("users", "why"),
    [
        ("", "the file is empty"),
        ("u\n", "columns in the first row: 1; allowed: 2 (user, item), separated by tabs"),
        ("u\ta\tb\n", "columns in the first row: 3; allowed: 2 (user, item), separated by tabs"),
    ],
)
def test_files_of_another_layout_are_refused(tmp_path: Path, users: str, why: str) -> None:
    assert message_of(spec_of(tmp_path, users, "a\n"), tmp_path).startswith(f"users.tsv: {why}")


def test_both_missing_files_are_named(tmp_path: Path) -> None:
    spec = SequencesSpec(kind="sequences", users="users.tsv", items="items.tsv")
    assert message_of(spec, tmp_path).splitlines() == [
        f"{tmp_path / 'users.tsv'}: no such file.",
        f"{tmp_path / 'items.tsv'}: no such file.",
    ]


def test_the_name_of_a_user_may_have_blanks_before_a_tab(tmp_path: Path) -> None:
    interactions = read_sequences(spec_of(tmp_path, "Ann B\ta b\nC\tb\n", "a\nb\n"), tmp_path)
    assert interactions.user_names == ["Ann B", "C"]
    assert interactions.item_ids.tolist() == [0, 1, 1]


def test_items_of_too_many_columns_are_refused(tmp_path: Path) -> None:
    assert message_of(spec_of(tmp_path, USERS, "a\tb\tc\td\n"), tmp_path) == (
        "items.tsv: columns in the first row: 4; allowed: 1 to 3 (item, title, abstract), "
        "separated by tabs"
    )


@pytest.mark.parametrize(
    ("items", "names", "rows"),
    [
        ("a\tA\tx y\nb\tB\t\n", ["item", "title", "abstract"], [["a", "A"], ["b", "B"]]),
        ("a\tA\nb\t\n", ["item", "title"], [["a", "A"], ["b", None]]),
    ],
)
def test_columns_of_the_items_are_offered_as_far_as_there_are_any(
    tmp_path: Path, items: str, names: list[str], rows: list[list[str | None]]
) -> None:
    spec = spec_of(tmp_path, USERS, items)
    assert offered(READER, spec, tmp_path, ["title"]) == ("items.tsv", names, rows)
