"""RecBole's atomic files: columns by their names or by options; what is ambiguous is named."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from morec.config import RecBoleSpec
from morec.data.dataset import load_dataset
from morec.data.images.sources import ImageSource
from morec.data.interactions import Interactions
from morec.data.readers.recbole import READER, read_recbole
from morec.errors import DataError
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered

INTER = (
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "u1\t007\t5\t30\nu1\t12\t1\t10\nu2\t007\t3\t20\n"
)
ITEM = 'item_id:token\tmovie_title:token_seq\tclass:token_seq\n12\t"Heat\tA B\n007\tSpy "X"\t\n'


def write(folder: Path, inter: str = INTER, item: str | None = ITEM, **options: Any) -> RecBoleSpec:
    (folder / "ml").mkdir()
    (folder / "ml/ml.inter").write_text(inter)
    if item is not None:
        (folder / "ml/ml.item").write_text(item)
    return RecBoleSpec.model_validate({"kind": "recbole", "folder": "ml", **options})


def rows_of(interactions: Interactions) -> list[tuple[str, str, int]]:
    users = [interactions.user_names[code] for code in interactions.user_ids]
    items = [interactions.item_names[code] for code in interactions.item_ids]
    return list(zip(users, items, interactions.timestamps.tolist(), strict=True))


def message_of(spec: RecBoleSpec, root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_recbole(spec, root)
    return str(error.value)


def test_columns_are_found_by_name_and_quotes_are_text(tmp_path: Path) -> None:
    interactions = read_recbole(write(tmp_path, text_column="movie_title"), tmp_path)
    assert rows_of(interactions) == [("u1", "007", 30), ("u1", "12", 10), ("u2", "007", 20)]
    assert interactions.item_names == ["12", "007"]
    assert interactions.titles == ('"Heat', 'Spy "X"')


def test_items_without_a_text_column_have_no_titles(tmp_path: Path) -> None:
    assert read_recbole(write(tmp_path), tmp_path).titles is None


def test_without_an_items_file_items_follow_first_appearance(tmp_path: Path) -> None:
    interactions = read_recbole(write(tmp_path, item=None), tmp_path)
    assert interactions.item_names == ["007", "12"]


def test_other_columns_are_named_by_options(tmp_path: Path) -> None:
    header = "buyer:token\tsku:token\tx:float\tday:float\n"
    inter = INTER.replace(INTER.split("\n")[0] + "\n", header)
    columns = {"user_column": "buyer", "item_column": "sku", "time_column": "day"}
    spec = write(tmp_path, inter, None, **columns)
    assert rows_of(read_recbole(spec, tmp_path))[0] == ("u1", "007", 30)


def test_sessions_are_users_and_repeats_are_the_studys_choice(tmp_path: Path) -> None:
    inter = INTER.replace("user_id", "session_id").replace("12", "007")
    spec = write(tmp_path, inter, None)
    assert len(read_recbole(spec, tmp_path).item_ids) == 2
    keep = spec.model_copy(update={"repeats": "keep"})
    assert len(read_recbole(keep, tmp_path).item_ids) == 3


def test_files_may_have_another_name_separator_and_encoding(tmp_path: Path) -> None:
    (tmp_path / "log.inter").write_bytes(
        INTER.replace("\t", ",").replace("u2", "ü").encode("latin-1")
    )
    spec = RecBoleSpec(kind="recbole", folder=".", name="log", separator=",", encoding="latin-1")
    assert rows_of(read_recbole(spec, tmp_path))[2] == ("ü", "007", 20)
    assert load_dataset(spec.model_copy(update={"min_seq_len": 1}), tmp_path).name == "log"


def test_images_are_found_by_item(tmp_path: Path) -> None:
    spec = write(tmp_path, item=None, images="covers").model_copy(update={"min_seq_len": 1})
    for name in ("007.png", "12.jpg"):
        write_image(tmp_path / "covers" / name)
    expected = ImageSource("files", tmp_path / "covers", ("007.png", "12.jpg"))
    assert load_dataset(spec, tmp_path).images == expected


def test_missing_and_ambiguous_columns_are_named_with_what_was_found(tmp_path: Path) -> None:
    inter = "user_id:token\tsession_id:token\tproduct:token\trating:float\nu\ts\tp\t1\n"
    found = "user_id, session_id, product, rating"
    assert message_of(write(tmp_path, inter, None), tmp_path).splitlines() == [
        f"ml.inter: 2 user columns (user_id, session_id) in the header {found}; "
        "name it: `user_column:`",
        f"ml.inter: no item columns in the header {found}; name it: `item_column:`",
        f"ml.inter: no time columns in the header {found}; name it: `time_column:`",
    ]


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    spec = write(tmp_path, item=None, user_column="user")
    assert message_of(spec, tmp_path).startswith(
        "ml.inter: no column 'user' (dataset.user_column). Did you mean 'user_id'? Columns found: "
    )


def test_a_text_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert message_of(write(tmp_path, text_column="title"), tmp_path) == (
        "ml.item: no column 'title' (dataset.text_column). Did you mean 'movie_title'? "
        "Columns found: item_id, movie_title, class"
    )


def test_a_text_column_without_items_is_refused(tmp_path: Path) -> None:
    assert message_of(write(tmp_path, item=None, text_column="title"), tmp_path) == (
        f"dataset.text_column needs the items: {tmp_path / 'ml/ml.item'} is missing"
    )


def test_benchmark_files_are_refused(tmp_path: Path) -> None:
    inter = "session_id:token\titem_id_list:token_seq\titem_id:token\n1\t1 2\t3\n"
    assert message_of(write(tmp_path, inter, None), tmp_path).splitlines()[0] == (
        "ml.inter: 'item_id_list' is a column of a benchmark file, which holds every session "
        "several times; give the file that it was made of"
    )


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    spec = write(tmp_path, item=None, name="mk")
    assert message_of(spec, tmp_path) == (
        f"{tmp_path / 'ml/mk.inter'}: no such file. Did you mean 'ml.inter'?"
    )


def test_ratings_below_the_minimum_are_no_interactions(tmp_path: Path) -> None:
    spec = write(tmp_path, min_rating=3)
    interactions = read_recbole(spec, tmp_path)
    assert rows_of(interactions) == [("u1", "007", 30), ("u2", "007", 20)]
    assert interactions.counts["rows_below_min_rating"] == 1
    assert "all_ratings_count" not in interactions.counts
    all_of_them = spec.model_copy(update={"min_rating": None})
    assert read_recbole(all_of_them, tmp_path).counts["all_ratings_count"] == 3


def test_a_minimum_without_a_column_of_ratings_is_an_error(tmp_path: Path) -> None:
    spec = write(tmp_path, inter=INTER.replace("rating:float", "weight:float"), min_rating=3)
    assert message_of(spec, tmp_path) == (
        "ml.inter: dataset.min_rating needs one column of ratings, found 0; its name in the header "
        "is one of rating, ratings, overall, stars, star_rating, score"
    )


def test_html_is_unescaped_where_titles_are_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="html: unescape has no effect"):
        RecBoleSpec.model_validate({"kind": "recbole", "folder": "ml", "html": "unescape"})


@pytest.mark.parametrize("item", [None, ITEM], ids=["without items", "with items"])
def test_repeats_and_low_ratings_are_the_studys_choice(tmp_path: Path, item: str | None) -> None:
    spec = write(tmp_path, f"{INTER}u1\t12\t4\t40\nu2\t12\t2\t50\n", item, repeats="keep")
    kept = [("u1", "007", 30), ("u1", "12", 10), ("u2", "007", 20), ("u1", "12", 40)]
    assert rows_of(read_recbole(spec, tmp_path)) == [*kept, ("u2", "12", 50)]
    first = spec.model_copy(update={"repeats": "first"})
    assert rows_of(read_recbole(first, tmp_path)) == [*kept[:3], ("u2", "12", 50)]
    high = spec.model_copy(update={"min_rating": 3})
    assert rows_of(read_recbole(high, tmp_path)) == [kept[0], *kept[2:]]


def test_without_ratings_or_with_several_columns_of_them_all_rows_count(tmp_path: Path) -> None:
    spec = write(tmp_path, INTER.replace("rating:float", "weight:float"))
    assert "all_ratings_count" not in read_recbole(spec, tmp_path).counts
    (tmp_path / "ml/ml.inter").write_text(
        "user_id:token\titem_id:token\trating:float\tstars:float\ttimestamp:float\n"
        "u1\t007\t5\t1\t30\n"
    )
    assert read_recbole(spec, tmp_path).counts["all_ratings_count"] == 1
    assert message_of(spec.model_copy(update={"min_rating": 3}), tmp_path).startswith(
        "ml.inter: dataset.min_rating needs one column of ratings, found 2; "
    )


def test_the_items_have_the_separator_and_encoding_of_the_interactions(tmp_path: Path) -> None:
    for name, text in (("ml.inter", INTER), ("ml.item", ITEM.replace("Heat", "Été"))):
        (tmp_path / name).write_bytes(text.replace('"', "").replace("\t", ";").encode("latin-1"))
    spec = RecBoleSpec(
        kind="recbole", folder=".", name="ml", separator=";", encoding="latin-1",
        text_column="movie_title",
    )  # fmt: skip
    assert read_recbole(spec, tmp_path).titles == ("Été", "Spy X")
    file, names, rows = offered(READER, spec, tmp_path, ["class", "movie_title"])
    assert (file, names) == ("ml.item", ["item_id", "movie_title", "class"])
    assert rows == [["12", "A B", "Été"], ["007", None, "Spy X"]]
    without = spec.model_copy(update={"encoding": None})
    assert "ml.item: line 2 is no UTF-8 text" in message_of(without, tmp_path)
    assert "give `encoding: " in message_of(without, tmp_path)


def test_without_a_file_of_items_no_columns_are_offered(tmp_path: Path) -> None:
    assert READER.columns is not None
    assert READER.columns(write(tmp_path, item=None), tmp_path) is None
