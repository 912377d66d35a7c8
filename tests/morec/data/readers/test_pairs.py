"""Pairs and sequences of every layout give the same data; ambiguous columns are named."""

from pathlib import Path

import pytest

from morec.config import PairsSpec
from morec.data.dataset import load_dataset
from morec.data.images.sources import ImageSource
from morec.data.interactions import Interactions
from morec.data.readers.pairs import READER, read_pairs
from morec.errors import DataError
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered

CHRONOLOGICAL = [("u1", "b"), ("u1", "a"), ("u1", "c"), ("u2", "a")]


def write(folder: Path, **files: str) -> PairsSpec:
    """Write files whose keyword is their name with an underscore for the dot."""
    paths = []
    for name, text in files.items():
        paths.append(".".join(name.rsplit("_", 1)))
        (folder / paths[-1]).write_text(text)
    titles = paths[1] if len(paths) > 1 else None
    return PairsSpec(kind="pairs", interactions=paths[0], titles=titles, min_seq_len=3)


def pairs_of(interactions: Interactions) -> list[tuple[str, str]]:
    """Users and items by user and time."""
    rows = zip(
        interactions.user_ids.tolist(),
        interactions.timestamps.tolist(),
        interactions.item_ids.tolist(),
        strict=True,
    )
    return [
        (interactions.user_names[user], interactions.item_names[item])
        for user, _, item in sorted(rows)
    ]


def message_of(spec: PairsSpec, root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_pairs(spec, root)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("microlens_csv", "user,item,timestamp\nu1,a,20\nu2,a,5\nu1,b,10\nu1,c,30\n"),
        ("pixelrec_csv", "item_id,user_id,timestamp\na,u1,20\na,u2,5\nb,u1,10\nc,u1,30\n"),
        (
            "camel_csv",
            "userID,videoID,timestamp,rating\nu1,a,20,1\nu2,a,5,1\nu1,b,10,2\nu1,c,30,3\n",
        ),
        ("bare_tsv", "u1\ta\t20\nu2\ta\t5\nu1\tb\t10\nu1\tc\t30\n"),
        ("dates_csv", "u1,a,2020-01-02\nu2,a,2020-01-01\nu1,b,2020-01-01\nu1,c,2020-01-03\n"),
        ("no_time_csv", "user,item\nu1,b\nu2,a\nu1,a\nu1,c\n"),
        ("bare_no_time_tsv", "u1\tb\nu2\ta\nu1\ta\nu1\tc\n"),
        ("ninerec_tsv", "u1\tb a c\nu2\ta\n"),
        ("lists_csv", "user_id,item_sequence\nu1,b a c\nu2,a\n"),
    ],
)
def test_all_layouts_give_the_same_interactions(tmp_path: Path, name: str, text: str) -> None:
    spec = write(tmp_path, **{name: text})
    assert pairs_of(read_pairs(spec, tmp_path)) == CHRONOLOGICAL


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("microlens_csv", 'item,title\na,"One, two"\nb,\nc,Three\n'),
        ("pixelrec_csv", 'item_id,view_number,Title,tag\na,3,"One, two",x\nb,4,,y\nc,5,Three,z\n'),
        ("bare_tsv", "a\tOne, two\nb\t\nc\tThree\n"),
        ("ninerec_tsv", "a\t一，二\tOne, two\nb\t二\t\nc\t三\tThree\n"),
    ],
)
def test_titles_of_all_layouts(tmp_path: Path, name: str, text: str) -> None:
    spec = write(tmp_path, pairs_tsv="u1\tb a c\nu2\ta x\n", **{name: text})
    interactions = read_pairs(spec, tmp_path)
    assert interactions.item_names == ["a", "b", "c"]
    assert interactions.titles == ("One, two", "", "Three")
    assert interactions.counts["unknown_item_rows"] == 1


def test_quotes_are_text_in_tsv(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_tsv="u1\tb a\n", titles_tsv='a\t"Ha\nb\tsays "no"\n')
    assert read_pairs(spec, tmp_path).titles == ('"Ha', 'says "no"')


def test_the_first_of_repeats_stays(tmp_path: Path) -> None:
    interactions = read_pairs(write(tmp_path, pairs_tsv="u1\tb a b c\n"), tmp_path)
    assert pairs_of(interactions) == [("u1", "b"), ("u1", "a"), ("u1", "c")]
    assert interactions.counts["repeated_interactions_dropped"] == 1


def test_covers_are_found_by_item_with_and_without_titles(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.png", "c.jpg"):
        write_image(tmp_path / "covers" / name)
    spec = write(tmp_path, pairs_tsv="u1\tb a c\n").model_copy(update={"images": "covers"})
    covers = ImageSource("files", tmp_path / "covers", ("b.png", "a.jpg", "c.jpg"))
    assert load_dataset(spec, tmp_path).images == covers
    assert load_dataset(spec, tmp_path).name == "pairs"


def test_a_missing_or_repeated_column_is_named(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="item,video_id,timestamp\na,b,1\n")
    assert message_of(spec, tmp_path).splitlines() == [
        "pairs.csv: no user columns in the header item, video_id, timestamp; expected one of "
        "user, user_id, userid, uid, user_name. For other names: kind: files",
        "pairs.csv: 2 item columns (item, video_id) in the header item, video_id, timestamp; "
        "expected one of item, item_id, itemid, iid, item_name, items, item_ids, sequence, "
        "item_sequence, video, video_id, videoid, news_id, asin, parent_asin. "
        "For other names: kind: files",
    ]


def test_rows_of_an_unknown_layout_are_shown(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="u1,a,5,100\n")
    assert message_of(spec, tmp_path).startswith(
        "pairs.csv: the first row has 4 columns and no name of an item column: "
        "['u1', 'a', '5', '100']. Without a header the columns are user, item or user, item, time; "
        "with one, an item column is named item, item_id,"
    )


UNKNOWN = (
    "names of columns, none of them known: {}. Without a header the columns are user, item or "
    "user, item, time; with one, an item column is named item, item_id,"
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("who,what,when\nu1,a,5\nu1,b,6\n", ["who", "what", "when"]),
        ("who,what,when\nu1,a,2020-01-01\n", ["who", "what", "when"]),
        ("who,what\n1,a\n2,b\n", ["who", "what"]),
        ("who,what\n1,a\n", ["who", "what"]),
        ("v1,v2\n7,a\n8,b\n", ["v1", "v2"]),
        ("who,what,t1\nu,i,5\n", ["who", "what", "t1"]),
        ("who,what\nu,7\nv,9\n", ["who", "what"]),
        ("reader,movieId\nu,a\n", ["reader", "movieId"]),
        ("reader,article_ids\nu,a b\n", ["reader", "article_ids"]),
    ],
)
def test_a_header_of_unknown_names_is_named(tmp_path: Path, text: str, found: list[str]) -> None:
    message = message_of(write(tmp_path, pairs_csv=text), tmp_path)
    places = f"pairs.csv: the first row has {len(found)} columns and "
    assert message.startswith(places + UNKNOWN.format(found))
    assert message.endswith("For other names: kind: files")


def test_a_header_with_one_known_name_misses_the_others(tmp_path: Path) -> None:
    message = message_of(write(tmp_path, pairs_csv="user,film\nu1,a\n"), tmp_path)
    assert message.startswith("pairs.csv: no item columns in the header user, film; expected one")


def test_a_header_of_unknown_names_above_titles_is_named(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_tsv="u1\tb a\n", titles_csv="product,name\n1,Ha\n2,Ho\n")
    assert message_of(spec, tmp_path).startswith("titles.csv: the first row has 2 columns and ")


def test_names_of_people_and_things_are_no_header(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_tsv="ann\tbread\nbob\t7up\nann\t7up\n")
    assert pairs_of(read_pairs(spec, tmp_path)) == [
        *(("ann", "bread"), ("ann", "7up"), ("bob", "7up")),
    ]


def test_a_title_that_looks_like_a_column_is_no_header(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_tsv="u1\t1 2\n", titles_tsv="1\tmovieId\n2\t9 to 5\n")
    assert read_pairs(spec, tmp_path).titles == ("movieId", "9 to 5")


def test_another_separator_is_named(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="u1;a;5\nu1;b;6\n")
    assert message_of(spec, tmp_path) == (
        "pairs.csv: the first row has one column; the fields look separated by ';': "
        "give `separator: ';'`"
    )


def test_blanks_and_comment_signs_around_names_are_left_out(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="# user, item ,timestamp\nu1,b,1\nu1,a,2\n")
    assert pairs_of(read_pairs(spec, tmp_path)) == [("u1", "b"), ("u1", "a")]


def test_two_columns_of_one_name_are_named(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item,item\nu1,b,1\n")
    assert message_of(spec, tmp_path).startswith(
        "pairs.csv: 2 item columns (item, item) in the header user, item, item; expected one of "
    )


def test_any_separator_name_and_encoding(tmp_path: Path) -> None:
    (tmp_path / "log.dat").write_bytes("u1::b::2\nu1::é::3\nu2::b::1\n".encode("latin-1"))
    (tmp_path / "t.dat").write_bytes("é::Émile\nb::B::\n".replace("B::", "B").encode("latin-1"))
    spec = PairsSpec(
        kind="pairs", interactions="log.dat", titles="t.dat", separator="::", encoding="latin-1"
    )
    interactions = read_pairs(spec, tmp_path)
    assert pairs_of(interactions) == [("u1", "b"), ("u1", "é"), ("u2", "b")]
    assert interactions.titles == ("Émile", "B")


def test_a_header_without_rows_says_so(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item,timestamp\n")
    assert message_of(spec, tmp_path) == "pairs.csv: has a header but no rows"


def test_other_formats_are_refused(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_parquet="x")
    assert message_of(spec, tmp_path) == (
        "pairs.parquet: kind: pairs reads text files; Parquet: kind: files"
    )


def test_both_missing_files_are_named(tmp_path: Path) -> None:
    spec = PairsSpec(kind="pairs", interactions="pairs.csv", titles="titles.csv")
    assert message_of(spec, tmp_path).splitlines() == [
        f"{tmp_path / name}: no such file." for name in ("pairs.csv", "titles.csv")
    ]


def test_a_rating_column_of_a_header_is_compared_with_the_smallest_rating(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item,Rating,timestamp\nu,a,1,1\nu,b,4,2\nu,c,5,3\n")
    assert read_pairs(spec, tmp_path).counts["all_ratings_count"] == 3
    rated = read_pairs(spec.model_copy(update={"min_rating": 4}), tmp_path)
    assert rated.item_names == ["b", "c"]
    assert rated.counts["rows_below_min_rating"] == 1
    assert "all_ratings_count" not in rated.counts


def test_a_smallest_rating_needs_a_rating_column(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item,timestamp\nu,a,1\n")
    assert message_of(spec.model_copy(update={"min_rating": 4}), tmp_path) == (
        "pairs.csv: dataset.min_rating needs a column of ratings; its name in the header is one of "
        "rating, ratings, overall, stars, star_rating, score. For other names: kind: files"
    )


def test_a_wrong_time_below_a_header_is_named_with_its_line(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item,timestamp\nu,a,1\nu,b,2\nu,c,soon\n")
    assert "'soon' (line 4)" in message_of(spec, tmp_path)
    (tmp_path / "pairs.csv").write_text("u,a,1\nu,b,2\nu,c,soon\n")
    assert "'soon' (line 3)" in message_of(spec, tmp_path)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("user,item,timestamp\nu,big lamp,1\nu,b,2\n", ["big lamp", "b"]),
        ("user,item,rating\nu,big lamp,4\nu,b,5\n", ["big lamp", "b"]),
        ("# item,user\na,u1\nb,u1\n", ["a", "b"]),
        ("user,items\nu1,a b\nu2,a\n", ["a", "b"]),
        ("user,items\nu1,a\nu2,a b\n", ["a", "b"]),
    ],
)
def test_blanks_within_an_item_make_a_list_only_without_times_and_ratings(
    tmp_path: Path, text: str, items: list[str]
) -> None:
    spec = write(tmp_path, pairs_csv=text)
    if "rating" in text:
        spec = spec.model_copy(update={"min_rating": 3})
    assert read_pairs(spec, tmp_path).item_names == items


@pytest.mark.parametrize("text", ["u1\tb a\nu2\n", "ann\tbread\nbob\n"])
def test_a_row_with_too_few_fields_is_named_by_its_line(tmp_path: Path, text: str) -> None:
    assert message_of(write(tmp_path, pairs_tsv=text), tmp_path).startswith(
        "pairs.tsv: line 2: 1 fields, expected 2: "
    )


def test_rows_of_one_column_without_any_separator_are_shown(tmp_path: Path) -> None:
    assert message_of(write(tmp_path, pairs_csv="u1\nu2\n"), tmp_path).startswith(
        "pairs.csv: the first row has 1 columns and names of columns, none of them known: ['u1']. "
    )


def test_of_many_columns_the_first_five_are_shown(tmp_path: Path) -> None:
    assert message_of(write(tmp_path, pairs_csv="u,a,b,c,d,e,7x\n"), tmp_path).startswith(
        "pairs.csv: the first row has 7 columns and no name of an item column: "
        "['u', 'a', 'b', 'c', 'd']. "
    )


def test_without_ratings_none_is_said_to_count(tmp_path: Path) -> None:
    spec = write(tmp_path, pairs_csv="user,item\nu,a\n")
    assert "all_ratings_count" not in read_pairs(spec, tmp_path).counts


def test_ratings_are_compared_where_there_are_titles_too(tmp_path: Path) -> None:
    rows = "user,item,rating\nu,b,4\nu,a,1\nu,c,5\n"
    spec = write(tmp_path, pairs_csv=rows, titles_tsv="a\tA\nb\tB\nc\tC\n")
    rated = read_pairs(spec.model_copy(update={"min_rating": 4}), tmp_path)
    assert pairs_of(rated) == [("u", "b"), ("u", "c")]
    assert rated.titles == ("A", "B", "C")


@pytest.mark.parametrize(
    ("text", "names", "wanted"),
    [
        ("tag,item_id,title\nx,a,A\n,b,\n", ["tag", "item_id", "title"], "tag"),
        ("a,x,A\nb,,\n", ["item", "Chinese title", "title"], "Chinese title"),
    ],
)
def test_columns_of_the_titles_are_offered_with_their_rows(
    tmp_path: Path, text: str, names: list[str], wanted: str
) -> None:
    spec = write(tmp_path, pairs_tsv="u1\tb a\n", titles_csv=text)
    assert offered(READER, spec, tmp_path, [wanted, "title"]) == (
        "titles.csv",
        names,
        [["a", "x", "A"], ["b", None, None]],
    )


def test_without_titles_no_columns_are_offered(tmp_path: Path) -> None:
    assert READER.columns is not None
    assert READER.columns(write(tmp_path, pairs_tsv="u1\tb a\n"), tmp_path) is None
