"""What is found of a layout, as a whole: options with their reasons, name and remarks."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from morec.data.detect.guess import Detected, Guess, Question
from morec.data.detect.layout import answers_of, detect, name_of
from morec.errors import DataError
from tests.morec.data.reader_cases import CASES, write_files

ROWS = [(f"u{u}", f"i{(3 * u + s) % 8}", 1_600_000_000 + 100 * s + u)
        for u in range(6) for s in range(7)]  # fmt: skip
NAMES = ("user_id", "item_id", "timestamp")
ITEMS = [(f"i{item}", f"a title {item}") for item in range(8)]
ROLES = (
    Guess("user_column", "user_id", "by its name"),
    Guess("item_column", "item_id", "by its name or its ids, which the items have"),
    Guess("time_column", "timestamp", "by its name and its values: seconds from 1970"),
)
TITLES = Guess("text_column", "title", "by its name: 3.0 words per value")
NOT_SAID = "by the first lines, since the file's name does not say it"
DROP = Guess(
    "missing_images",
    "drop",
    "items whose image is missing or broken are left out and counted; error: they are named",
)


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], separator: str = ",") -> bytes:
    lines = [separator.join(map(str, row)) for row in ([names, *rows] if names else rows)]
    return "\n".join([*lines, ""]).encode()


LOG = table(NAMES, ROWS)
TITLED = table(("item_id", "title"), ITEMS)


def detected(root: Path, files: Mapping[str, bytes], **images: Path) -> Detected:
    write_files(root, files)
    return detect([root / name for name in files], images.get("images"), root)


def message_of(root: Path, *names: str) -> str:
    with pytest.raises(DataError) as error:
        detect([root / name for name in names], None, root)
    return str(error.value)


def test_without_a_file_it_is_the_packaged_movielens(tmp_path: Path) -> None:
    expected = Detected("movielens", "movielens", (), "no file was given", True, False)
    assert detect([], None, tmp_path) == expected


@pytest.mark.parametrize(
    ("case", "folder", "kind", "options", "files"),
    [
        ("mind", "mind", "mind", {}, "behaviors.tsv and news.tsv"),
        ("mind in two folders", "", "mind", {}, "*/behaviors.tsv and */news.tsv"),
        ("hm", "data/hm", "hm", {}, "transactions_train.csv and articles.csv"),
        ("movielens csv", "ml", "movielens", {}, "ratings.csv and movies.csv"),
        ("movielens dat", "dat", "movielens", {}, "ratings.dat and movies.dat"),
        (
            "sequences",
            "shop",
            "sequences",
            {"users": "shop/users.tsv", "items": "shop/items.tsv"},
            "users.tsv and items.tsv",
        ),
    ],
)
def test_a_folder_is_told_by_the_names_of_its_files(
    case: str, folder: str, kind: str, options: Mapping[str, str], files: str, tmp_path: Path
) -> None:
    CASES[case].write(tmp_path)
    if case == "sequences":
        (tmp_path / "items.tsv").rename(tmp_path / "shop" / "items.tsv")
    guesses = [Guess(key, value, "") for key, value in options.items()]
    where = tuple(guesses) or (Guess("folder", folder or ".", ""),)
    name = (tmp_path / folder).name
    assert detect([tmp_path / folder], None, tmp_path) == Detected(
        kind, name, where, f"the folder has {files}", True, False
    )


def test_a_folder_with_some_of_the_files_is_of_no_known_layout(tmp_path: Path) -> None:
    names = ["news.tsv", "movies.csv", *(f"{place:02}.txt" for place in reversed(range(9)))]
    for name in names:
        (tmp_path / name).touch()
    found = ", ".join(sorted(names)[:10])
    cure = "Give the file of interactions, and that of items"
    no_layout = f"{tmp_path}: a folder of no known layout; found"
    assert message_of(tmp_path, "") == f"{no_layout} {found}. {cure}"
    (tmp_path / "empty").mkdir()
    assert f"found nothing. {cure}" in message_of(tmp_path, "empty")


INTER = table(["user_id:token", "item_id:token", "timestamp:float"], ROWS, "\t")
ITEM = table(["item_id:token", "title:token_seq"], ITEMS, "\t")


def recbole(root: Path, **files: bytes) -> Detected:
    write_files(root / "shop", {name.replace("_", "."): data for name, data in files.items()})
    return detect([root / "shop"], None, root)


def test_files_of_recbole_are_read_by_its_reader(tmp_path: Path) -> None:
    found = recbole(tmp_path, shop_inter=INTER, shop_item=ITEM)
    options = (Guess("folder", "shop", ""), *ROLES, TITLES)
    why = "the folder has shop.inter"
    assert found == Detected("recbole", "shop", options, why, True, False)


def test_files_of_recbole_may_have_another_name_and_no_items(tmp_path: Path) -> None:
    found = recbole(tmp_path, log_inter=INTER)
    where = (Guess("folder", "shop", ""), Guess("name", "log", "the files' name"))
    options = (*where, *ROLES)
    why = "the folder has log.inter"
    assert found == Detected("recbole", "shop", options, why, False, False)


def test_files_of_recbole_with_another_separator_say_so(tmp_path: Path) -> None:
    found = recbole(tmp_path, shop_inter=INTER.replace(b"\t", b";"))
    options = (Guess("folder", "shop", ""), Guess("separator", ";", NOT_SAID), *ROLES)
    why = "the folder has shop.inter"
    assert found == Detected("recbole", "shop", options, why, False, False)
    found = recbole(tmp_path, shop_inter=INTER.replace(b"\t", b";"), shop_item=ITEM)
    assert found.kind == "files"
    assert found.answered()["items_separator"] == "\t"


def test_what_the_reader_of_recbole_does_not_know_makes_ordinary_files(tmp_path: Path) -> None:
    found = recbole(tmp_path, shop_inter=INTER, shop_item=ITEM.replace(b"item_id:", b"code:"))
    assert found.kind == "files"
    assert found.answered()["items_item_column"] == "code"
    assert found.answered()["interactions"] == "shop/shop.inter"


def test_a_question_on_files_of_recbole_stays_open(tmp_path: Path) -> None:
    rows = [(item, title, f"{title} of wood") for item, title in ITEMS]
    items = table(["item_id:token", "title:token_seq", "name:token_seq"], rows, "\t")
    found = recbole(tmp_path, shop_inter=INTER, shop_item=items)
    (question,) = found.questions
    assert (found.kind, question.keys) == ("recbole", ("text_column",))
    assert set(question.answers) == {("title",), ("name",)}


def test_two_files_of_interactions_are_no_folder_of_recbole(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"of no known layout; found a\.inter, b\.inter\."):
        recbole(tmp_path, a_inter=INTER, b_inter=INTER)


REVIEW = {"reviewerID": "u", "asin": "i", "unixReviewTime": 1}
LATER = {"user_id": "u", "parent_asin": "i", "timestamp": 1, "rating": 5.0}


@pytest.mark.parametrize(
    ("review", "fields", "meta"),
    [
        (REVIEW, "reviewerID, asin, unixReviewTime", {"asin": "i"}),
        (LATER, "user_id, parent_asin, timestamp", {"parent_asin": "i", "title": "t"}),
    ],
)
def test_reviews_of_amazon_are_told_by_their_fields(
    review: Mapping[str, Any], fields: str, meta: Mapping[str, str], tmp_path: Path
) -> None:
    files = {
        "shop/a.json": b"\n " + json.dumps(review).encode(),
        "b.json": json.dumps(meta).encode(),
    }
    options = (Guess("reviews", "shop/a.json", ""), Guess("meta", "b.json", ""))
    expected = Detected("amazon", "a", options, f"JSON lines with {fields}", True, False)
    assert detected(tmp_path, files) == expected


def test_reviews_of_amazon_need_products(tmp_path: Path) -> None:
    line = json.dumps(REVIEW).encode()
    write_files(tmp_path, {"a.json": line, "b.json": b'{"title": "t"}\n'})
    need = (
        "a.json: reviews of Amazon need the products' JSON lines as second file (fields asin or "
        "parent_asin, and title)"
    )
    assert message_of(tmp_path, "a.json") == message_of(tmp_path, "a.json", "b.json") == need


def test_tables_with_headers_are_files(tmp_path: Path) -> None:
    rows = [(user, item, place % 5 + 1, time) for place, (user, item, time) in enumerate(ROWS)]
    log = table(("user_id", "item_id", "stars", "timestamp"), rows, ";")
    items = [(*row, f"https://x.example/{row[0]}.png", f"{row[0]}.png") for row in ITEMS]
    titles = table(("item_id", "title", "link", "image"), items, "\t")
    found = detected(tmp_path, {"data/shop.txt": log, "b.dat": titles})
    options = (
        Guess("interactions", "data/shop.txt", ""),
        Guess("separator", ";", NOT_SAID),
        *ROLES,
        Guess("items", "b.dat", ""),
        Guess(
            "items_separator", "\t", "by the first lines; the interactions have another separator"
        ),
        TITLES,
        Guess("image_column", "image", "names of image files, such as 'i0.png'"),
        DROP,
    )
    remarks = (
        "All ratings count. To leave out low ones: rating_column: stars, min_rating: 4 (or "
        "another bound).",
        "Column 'link' of the items has links. They are not fetched: download them as <item>.jpg "
        "and give the folder with --images.",
    )
    why = "a header, and fields separated by ';'"
    assert found == Detected("files", "shop", options, why, True, True, remarks)


@pytest.mark.parametrize(
    ("name", "separator", "said"),
    [("a.csv", ",", "','"), ("a.tsv", "\t", "tabs"), ("a.txt", " ", "blanks")],
)
def test_one_table_alone_has_neither_titles_nor_images(
    name: str, separator: str, said: str, tmp_path: Path
) -> None:
    found = detected(tmp_path, {name: table(NAMES, ROWS, separator)})
    separators = [Guess("separator", " ", NOT_SAID)] if separator == " " else []
    options = (Guess("interactions", name, ""), *separators, *ROLES)
    why = f"a header, and fields separated by {said}"
    assert found == Detected("files", "a", options, why, False, False)


def test_lists_without_a_header_are_called_by_their_file(tmp_path: Path) -> None:
    rows = [(f"u{row}", "i1 i2 i3") for row in range(5)]
    found = detected(tmp_path, {"shop.tsv": table((), rows, "\t")})
    options = (Guess("users", "shop.tsv", ""),)
    why = "no header; a user and a list of items per line, oldest first"
    assert found == Detected("sequences", "shop", options, why, False, False)


def parquet(folder: Path, name: str, names: Sequence[str], rows: Sequence[Any]) -> Path:
    pd.DataFrame(rows, columns=list(names)).to_parquet(folder / name)
    return folder / name


def test_parquet_says_all_of_itself_but_nothing_of_the_other_file(tmp_path: Path) -> None:
    log = parquet(tmp_path, "a.parquet", NAMES, ROWS)
    titles = parquet(tmp_path, "b.parquet", ("item_id", "title"), ITEMS)
    write_files(tmp_path, {"a.txt": table(NAMES, ROWS, ";"), "b.csv": TITLED.replace(b",", b";")})
    interactions, items = Guess("interactions", "a.parquet", ""), Guess("items", "b.parquet", "")
    stored = (interactions, *ROLES, items, TITLES)
    why = "a Parquet file"
    both = detect([log, titles], None, tmp_path)
    assert both == Detected("files", "a", stored, why, True, False)
    options = detect([log, tmp_path / "b.csv"], None, tmp_path).options
    said = Guess("items_separator", ";", NOT_SAID)
    assert options == (interactions, *ROLES, Guess("items", "b.csv", ""), said, TITLES)
    options = detect([tmp_path / "a.txt", titles], None, tmp_path).options
    said = Guess("separator", ";", NOT_SAID)
    assert options == (Guess("interactions", "a.txt", ""), said, *ROLES, items, TITLES)


@pytest.mark.parametrize(
    ("separator", "name", "items_separator", "said"),
    [
        (",", "b.csv", ",", None),
        (",", "b.tsv", "\t", None),
        (",", "b.csv", ";", ";"),
        (";", "b.csv", ";", None),
        (";", "b.csv", ",", ","),
        (";", "b.tsv", "\t", "\t"),
    ],
)
def test_the_items_separator_is_said_where_it_differs_and_names_do_not_tell(
    separator: str, name: str, items_separator: str, said: str | None, tmp_path: Path
) -> None:
    titles = table(("item_id", "title"), ITEMS, items_separator)
    found = detected(tmp_path, {"a.csv": table(NAMES, ROWS, separator), name: titles})
    assert found.answered().get("items_separator") == said


def encoding_options(root: Path, first: str, second: str) -> list[Guess | Question]:
    rows = [(f"用户{user}", *rest) for user, *rest in ROWS]
    items = [(item, "推荐系统的研究与应用，用户与物品之间的关系") for item, _ in ITEMS]
    log, titles = table(NAMES, rows).decode(), table(("item_id", "title"), items).decode()
    found = detected(root, {"a.csv": log.encode(first), "b.csv": titles.encode(second)})
    return [one for one in found.options if isinstance(one, Guess) and "encoding" in one.key]


def test_the_items_encoding_is_said_where_it_differs(tmp_path: Path) -> None:
    utf8 = Guess("items_encoding", "utf-8", "the interactions have another encoding")
    assert encoding_options(tmp_path, "utf-8", "utf-8") == []
    first, second = encoding_options(tmp_path, "utf-16", "utf-8")
    assert (first.key, first.value, second) == ("encoding", "utf-16", utf8)  # type: ignore[union-attr]
    (only,) = encoding_options(tmp_path, "utf-16", "utf-16")
    assert only == first
    (only,) = encoding_options(tmp_path, "utf-8", "utf-16")
    assert (only.key, only.value) == ("items_encoding", "utf-16")  # type: ignore[union-attr]


@pytest.mark.parametrize(("doubled", "are_ids"), [(10, True), (9, False)])
def test_items_of_which_nine_in_ten_differ_tell_the_column_of_items(
    doubled: int, are_ids: bool, tmp_path: Path
) -> None:
    items = [(f"i{item}", "red") for item in [0, *range(doubled - 1)]]
    files = {"a.csv": table(("a", "b", "time"), ROWS), "b.csv": table(("code", "name"), items)}
    questions = [one.keys for one in detected(tmp_path, files).questions]
    assert questions == ([] if are_ids else [("user_column", "item_column")])


def test_interactions_may_lack_names_that_items_have_one_of(tmp_path: Path) -> None:
    files = {"a.csv": table(("a", "b", "time"), ROWS), "b.csv": TITLED}
    assert (
        detected(tmp_path, files).answered().items()
        >= {"user_column": "a", "item_column": "b"}.items()
    )
    files = {
        "a.csv": LOG,
        "b.csv": table(("item_id", "user", "title"), [(i, "m", t) for i, t in ITEMS]),
    }
    assert detected(tmp_path, files).answered()["text_column"] == "title"


def test_images_given_are_the_last_options(tmp_path: Path) -> None:
    (tmp_path / "covers").mkdir()
    found = detected(tmp_path, {"a.csv": LOG}, images=tmp_path / "covers")
    given = Guess("images", "covers", "given; images are named after the items")
    options = (Guess("interactions", "a.csv", ""), *ROLES, given, DROP)
    why = "a header, and fields separated by ','"
    assert found == Detected("files", "a", options, why, False, True)


def test_answers_of_an_option_are_one_or_several_or_none() -> None:
    pairs = (("a", "b"), ("b", "a"), ("c", "b"))
    options = [Guess("x", 1, ""), Question(("user", "item"), pairs, ""), Guess("y", 2, "")]
    assert answers_of(options, "x") == [1]
    assert answers_of(options, "y") == [2]
    assert answers_of(options, "user") == ["a", "b", "c"]
    assert answers_of(options, "item") == ["b", "a", "b"]
    assert answers_of(options, "z") == []


@pytest.mark.parametrize(
    ("path", "name"), [("/ratings.csv", "ratings"), ("/shop/Users.TSV", "shop"), ("/a/b.c.d", "b")]
)
def test_a_file_without_a_folder_keeps_its_name(path: str, name: str) -> None:
    assert name_of(Path(path)) == name
