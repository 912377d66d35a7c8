"""A user's own files: order, titles, images and counts; wrong options and columns are named."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from morec.config import FilesSpec
from morec.data.dataset import load_dataset
from morec.data.images.sources import ImageSource
from morec.data.readers.files import READER, listed_images, read_files, source_files
from morec.errors import DataError
from tests.morec.data.hand_made import write_interactions
from tests.morec.data.reader_cases import offered

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


def test_titles_that_begin_with_a_quote_swallow_no_items(tmp_path: Path) -> None:
    spec = items_spec(tmp_path, "", text_column="t").model_copy(update={"items": "items.tsv"})
    (tmp_path / "items.tsv").write_text('item_id\tt\na\t"Alien\nb\tBrazil\nc\t"Cube\n')
    interactions = read_files(spec, tmp_path)
    assert interactions.titles == ('"Alien', "Brazil", '"Cube')
    assert interactions.counts["unknown_item_rows"] == 0


def test_a_title_in_csv_whose_quote_is_not_closed_is_named(tmp_path: Path) -> None:
    spec = items_spec(tmp_path, 'item_id,t\na,"Alien\nb,Brazil\nc,"Cube\n', text_column="t")
    assert message_of(spec, tmp_path).startswith(
        "items.csv: line 2: a field begins with a quote and is not closed by a quote before "
        "the next separator: 'a,\"Alien'. "
    )


def test_the_item_column_may_have_another_name_in_the_items(tmp_path: Path) -> None:
    spec = items_spec(tmp_path, "name,item_id\nc,9\na,8\n", items_item_column="name")
    interactions = read_files(spec, tmp_path)
    assert interactions.item_names == ["c", "a"]
    assert interactions.item_ids.tolist() == [0, 1, 0]


def test_a_wrong_item_column_of_the_items_names_its_option(tmp_path: Path) -> None:
    spec = items_spec(tmp_path, "name\nc\n", items_item_column="nam")
    assert message_of(spec, tmp_path) == (
        "items.csv: no column 'nam' (dataset.items_item_column). Did you mean 'name'? "
        "Columns found: name"
    )


def test_both_files_may_have_their_own_separator_and_encoding(tmp_path: Path) -> None:
    (tmp_path / "log.inter").write_bytes("user_id;item_id;timestamp\nü;b;1\n".encode("latin-1"))
    (tmp_path / "items").write_bytes("item_id::t\nb::Zoë\n".encode("utf-16"))
    raw = {
        "kind": "files",
        "interactions": "log.inter",
        "separator": ";",
        "encoding": "latin-1",
        "items": "items",
        "items_separator": "::",
        "items_encoding": "utf-16",
        "text_column": "t",
    }
    interactions = read_files(FilesSpec.model_validate(raw), tmp_path)
    assert interactions.user_names == ["ü"]
    assert interactions.titles == ("Zoë",)
    options = FilesSpec.model_validate(raw)
    offer = ("items", ["item_id", "t"], [["b", "Zoë"]])
    assert offered(READER, options, tmp_path, ["t"]) == offer
    assert READER.name(options) == "log"
    assert source_files(options, tmp_path) == [tmp_path / "log.inter", tmp_path / "items"]


def test_the_items_are_written_as_the_interactions_unless_said_otherwise(tmp_path: Path) -> None:
    (tmp_path / "log.inter").write_bytes("user_id;item_id;timestamp\nü;b;1\n".encode("latin-1"))
    (tmp_path / "log.item").write_bytes("item_id;t\nb;Zoë\n".encode("latin-1"))
    spec = FilesSpec(
        kind="files", interactions="log.inter", items="log.item", text_column="t", separator=";",
        encoding="latin-1",
    )  # fmt: skip
    assert read_files(spec, tmp_path).titles == ("Zoë",)
    broken = spec.model_copy(update={"encoding": None})
    assert message_of(broken, tmp_path).startswith("log.inter: line 2 is no UTF-8 text")


def test_items_in_another_encoding_name_their_own_option(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_bytes("item_id,t\nc,Zoë\n".encode("utf-16"))
    spec = write_interactions(tmp_path, ROWS).model_copy(
        update={"items": "items.csv", "text_column": "t"}
    )
    assert message_of(spec, tmp_path) == (
        "items.csv: line 1 is no UTF-8 text; it looks like utf-16: give `items_encoding: utf-16`"
    )


def test_ids_that_are_lists_are_refused(tmp_path: Path) -> None:
    table = pd.DataFrame({"user_id": ["u"], "item_id": [["a", "b"]], "timestamp": [1]})
    table.to_parquet(tmp_path / "log.parquet")
    spec = FilesSpec(kind="files", interactions="log.parquet")
    message = message_of(spec, tmp_path)
    assert message.startswith("log.parquet: column 'item_id' (dataset.item_column) holds ")
    assert message.endswith("expected one text, number or date a row")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"separator": ";"}, "separator: no effect, since log.parquet is a Parquet file"),
        (
            {"separator": ";", "encoding": "gbk"},
            "separator and encoding: no effect, since log.parquet is a Parquet file",
        ),
        ({"items_separator": ";"}, "items_separator: no effect, since items is not given"),
        ({"items_item_column": "x"}, "items_item_column has no effect: items is not given"),
        (
            {"items": "i.parquet", "items_encoding": "gbk"},
            "items_encoding: no effect, since i.parquet is a Parquet file",
        ),
        ({"separator": ""}, "'' cannot separate fields; for example ';', '::', ' ' or \"\\t\""),
        ({"separator": '"'}, "cannot separate fields"),
        ({"separator": "a\nb"}, "cannot separate fields"),
        ({"encoding": "utf-61"}, "'utf-61' is no encoding; for example utf-16, latin-1 or gbk"),
        ({"encoding": "rot13"}, "'rot13' is no encoding"),
        ({"encoding": "unicode_escape"}, "'unicode_escape' is no encoding"),
        ({"encoding": "Raw-Unicode-Escape"}, "'Raw-Unicode-Escape' is no encoding"),
        ({"encoding": "punycode"}, "'punycode' is no encoding"),
        ({"encoding": "idna"}, "'idna' is no encoding"),
    ],
)
def test_options_without_effect_or_meaning_are_refused(options: dict[str, str], why: str) -> None:
    with pytest.raises(ValidationError) as error:
        FilesSpec.model_validate({"kind": "files", "interactions": "log.parquet", **options})
    assert why in str(error.value)


def test_a_tab_may_be_spelled_as_people_spell_it() -> None:
    for tab in ("\t", "\\t", "tab"):
        spec = FilesSpec(kind="files", interactions="a.dat", separator=tab)
        assert spec.separator == "\t"


def write_log(folder: Path, text: str, **options: Any) -> FilesSpec:
    (folder / "log.csv").write_text(text)
    return FilesSpec(kind="files", interactions="log.csv", min_seq_len=3, **options)


def test_a_missing_time_column_names_the_options_without_times(tmp_path: Path) -> None:
    spec = write_log(tmp_path, "user_id,item_id,weight\n1,2,3\n")
    assert message_of(spec, tmp_path).endswith(
        "Columns found: user_id, item_id, weight. Without times: dataset.order: file "
        "(a user's rows are in time order) or dataset.order: none (they have no order)"
    )


def test_without_times_the_files_order_counts_if_the_study_says_so(tmp_path: Path) -> None:
    text = "user_id,item_id,timestamp\nu,a,9\nu,b,5\nu,c,1\n"
    interactions = read_files(write_log(tmp_path, text, order="file"), tmp_path)
    assert interactions.timestamps.tolist() == [0, 1, 2]
    assert interactions.ticks_per_s is None
    assert interactions.notes == ()


def test_without_any_order_a_note_says_that_the_last_interaction_is_random(tmp_path: Path) -> None:
    spec = write_log(tmp_path, "user_id,item_id\nu,a\nu,b\nu,c\n", order="none")
    dataset, forth = load_dataset(spec, tmp_path), read_files(spec, tmp_path)
    write_log(tmp_path, "user_id,item_id\nu,c\nu,b\nu,a\n")
    back = read_files(spec, tmp_path)
    assert dataset.notes == (
        "The data have no times (order: none): a user's last interaction is a random one, and "
        "leave-one-out tests no prediction of what comes next.",
    )
    assert dict(zip(forth.item_names, forth.timestamps.tolist(), strict=True)) == dict(
        zip(back.item_names, back.timestamps.tolist(), strict=True)
    )


def test_ratings_below_the_smallest_are_dropped(tmp_path: Path) -> None:
    rows = "u,a,1,5\nu,b,2,1\nu,c,3,\nu,d,4,3.0\nu,e,5,NaN\n"
    spec = write_log(
        tmp_path, f"user_id,item_id,timestamp,Stars\n{rows}", rating_column="Stars", min_rating=3
    )
    interactions = read_files(spec, tmp_path)
    assert interactions.item_names == ["a", "d"]
    assert interactions.counts["rows_below_min_rating"] == 1
    assert interactions.counts["rows_without_rating"] == 2
    without = spec.model_copy(update={"rating_column": None, "min_rating": None})
    assert read_files(without, tmp_path).counts["all_ratings_count"] == 5
    assert "all_ratings_count" not in interactions.counts
    wrong = spec.model_copy(update={"rating_column": "Star"})
    assert "no column 'Star' (dataset.rating_column). Did you mean 'Stars'?" in message_of(
        wrong, tmp_path
    )


def test_times_are_read_in_the_format_of_the_study(tmp_path: Path) -> None:
    text = "user_id,item_id,timestamp\nu,a,02/01/2023\nu,b,01/02/2023\nu,c,\\N\n"
    interactions = read_files(write_log(tmp_path, text, time_format="%d/%m/%Y"), tmp_path)
    assert np.diff(interactions.timestamps).tolist() == [30 * 86_400 * 10**6]
    assert interactions.counts["rows_without_time"] == 1


def test_a_format_sees_the_zeros_of_a_number(tmp_path: Path) -> None:
    text = "user_id,item_id,timestamp\nu,a,01022023\nu,b,02022023\n"
    interactions = read_files(write_log(tmp_path, text, time_format="%d%m%Y"), tmp_path)
    assert np.diff(interactions.timestamps).tolist() == [86_400 * 10**6]


def test_missing_times_among_numbers_are_counted(tmp_path: Path) -> None:
    rows = "u,a,1600000000\nu,b,NULL\nu,c,1600000009\nu,d,0\n"
    interactions = read_files(write_log(tmp_path, f"user_id,item_id,timestamp\n{rows}"), tmp_path)
    assert interactions.timestamps.tolist() == [1_600_000_000, 1_600_000_009]
    assert interactions.ticks_per_s == 1
    assert interactions.counts["rows_without_time"] == 1
    assert interactions.counts["rows_with_time_zero_or_negative"] == 1


def test_rows_of_parquet_are_counted_without_a_header(tmp_path: Path) -> None:
    table = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": ["soon"]})
    table.to_parquet(tmp_path / "log.parquet")
    spec = FilesSpec(kind="files", interactions="log.parquet")
    assert "'soon' (line 1)" in message_of(spec, tmp_path)
    table.assign(timestamp=True).to_parquet(tmp_path / "log.parquet")
    assert "log.parquet: column 'timestamp' (dataset.time_column) holds bool" in message_of(
        spec, tmp_path
    )


def test_float_ids_of_parquet_match_whole_ones_of_csv(tmp_path: Path) -> None:
    table = pd.DataFrame({"user_id": [1, 1], "item_id": [31.0, 7.0], "timestamp": [5, 6]})
    table.to_parquet(tmp_path / "log.parquet")
    (tmp_path / "items.csv").write_text("item_id\n7\n31\n")
    spec = FilesSpec(kind="files", interactions="log.parquet", items="items.csv")
    interactions = read_files(spec, tmp_path)
    assert interactions.item_ids.tolist() == [1, 0]
    assert interactions.counts["item_ids_matched_by_float_spelling"] == 2


def test_missing_users_and_times_are_named_at_once(tmp_path: Path) -> None:
    message = message_of(write_log(tmp_path, "who,item_id,when\n1,2,3\n"), tmp_path)
    assert [line.split(" (")[0] for line in message.splitlines()] == [
        "log.csv: no column 'user_id'",
        "log.csv: no column 'timestamp'",
    ]


def test_ratings_of_any_separator_are_seen_and_none_are_made_up(tmp_path: Path) -> None:
    text = "user_id;item_id;timestamp;rating\nu;a;1;5\n"
    spec = write_log(tmp_path, text, separator=";")
    assert read_files(spec, tmp_path).counts["all_ratings_count"] == 1
    write_log(tmp_path, text.replace("rating", "weight"))
    assert "all_ratings_count" not in read_files(spec, tmp_path).counts


def test_images_without_an_items_file_are_refused_before_they_are_hashed(tmp_path: Path) -> None:
    spec = write_log(tmp_path, "user_id,item_id,timestamp\nu,a,1\n")
    assert READER.columns is not None
    assert READER.columns(spec, tmp_path) is None
    with pytest.raises(DataError, match=r"^dataset.image_column need dataset.items, the file"):
        listed_images(spec.model_copy(update={"image_column": "image"}), tmp_path)


def test_ratings_and_repeats_are_the_studys_choice_where_there_are_items_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "items.csv").write_text("item_id\na\nb\n")
    spec = write_log(
        tmp_path, "user_id,item_id,timestamp,rating\nu,b,1,5\nu,b,2,4\nu,a,3,1\n", repeats="keep",
        items="items.csv", rating_column="rating", min_rating=4,
    )  # fmt: skip
    assert read_files(spec, tmp_path).item_ids.tolist() == [1, 1]
