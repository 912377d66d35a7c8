"""What files of every layout are taken for, and what is refused with its cure."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from morec.config import DatasetSpec, canonical_json
from morec.data.detect.guess import Detected
from morec.data.detect.layout import detect, name_of, path_in_study
from morec.data.readers.table import READERS
from morec.errors import DataError
from tests.morec.data.reader_cases import CASES, Case, write_files

FILES = ("interactions", "users", "reviews", "items", "titles", "meta")
"""Options that are given on the command line, in its order."""
ROWS = [(f"u{u}", f"i{(3 * u + s) % 8}", 1_600_000_000 + 100 * s + u)
        for u in range(6) for s in range(7)]  # fmt: skip
TITLED = [(f"i{item}", f"a title {item}") for item in range(8)]


def table(header: str, rows: Sequence[Sequence[Any]], separator: str = ",") -> str:
    lines = [separator.join(map(str, row)) for row in rows]
    return "\n".join([*([header] if header else []), *lines, ""])


def words_of(case: Case, root: Path) -> tuple[list[Path], Path | None]:
    """The files or the folder that one would give, and the images."""
    options = case.options
    names = ["folder"] if "folder" in options else [name for name in FILES if name in options]
    images = root / options["images"] if "images" in options else None
    return [root / options[name] for name in names], images


def detected(root: Path, files: Mapping[str, str | bytes], **images: Path) -> Detected:
    write_files(root, {n: d if isinstance(d, bytes) else d.encode() for n, d in files.items()})
    return detect([root / name for name in files], images.get("images"), root)


def specification(found: Detected) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(DatasetSpec)
    return adapter.validate_json(canonical_json({**found.answered(), "min_seq_len": 3}))


REAL = [name for name, case in CASES.items() if case.options["kind"] != "synthetic"]


@pytest.mark.parametrize("name", REAL)
def test_every_reader_s_files_are_recognised_and_read_alike(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    case.write(tmp_path)
    found = detect(*words_of(case, tmp_path), tmp_path)
    assert not found.questions
    theirs, ours = case.spec(), specification(found)
    expected = READERS[theirs.kind].read(theirs, tmp_path)
    got = READERS[ours.kind].read(ours, tmp_path)
    assert got.user_ids.tolist() == expected.user_ids.tolist()
    assert [got.item_names[item] for item in got.item_ids] == [
        expected.item_names[item] for item in expected.item_ids
    ]
    assert got.timestamps.tolist() == expected.timestamps.tolist()
    assert got.titles == expected.titles
    assert found.has_text == (expected.titles is not None)
    assert found.has_images == (bool(case.options.get("images")) or expected.images is not None)
    if name != "images parquet":  # Its columns have names that ``files`` knows, too.
        assert found.kind == theirs.kind


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.csv": table("customer;sku;bought_at", ROWS, ";")},
         {"separator": ";", "user_column": "customer", "item_column": "sku",
          "time_column": "bought_at"}),
        ({"a.csv": table("reviewerID\tasin\tunixReviewTime", ROWS, "\t")},
         {"separator": "\t", "user_column": "reviewerID", "item_column": "asin",
          "time_column": "unixReviewTime"}),
        ({"a.csv": table("user_id,item_id,timestamp", ROWS).encode("utf-16")},
         {"encoding": "utf-16"}),
        ({"log.dat": table("UID::IID::TS", ROWS, "::")},
         {"separator": "::", "user_column": "UID", "item_column": "IID", "time_column": "TS"}),
        ({"a.csv": table("session_id,user_id,item_id,timestamp", [("s", *row) for row in ROWS])},
         {"user_column": "user_id"}),
        ({"a.csv": table("user_id,item_id,timestamp", ROWS), "b.csv": table("id,name", TITLED)},
         {"items": "b.csv", "items_item_column": "id", "text_column": "name"}),
        ({"a.csv": table("user_id;item_id;timestamp", ROWS, ";"),
          "b.csv": table("item_id,title", TITLED)},
         {"separator": ";", "items_separator": ",", "text_column": "title"}),
    ],
)  # fmt: skip
def test_what_files_do_not_say_is_guessed(
    files: Mapping[str, str | bytes], expected: Mapping[str, str], tmp_path: Path
) -> None:
    found = detected(tmp_path, files)
    assert not found.questions
    assert found.answered().items() >= expected.items()


def test_an_encoding_that_changes_titles_is_a_question(tmp_path: Path) -> None:
    titles = table("item_id,title", [(item, f"café crème {item}") for item, _ in TITLED])
    log = table("user_id,item_id,timestamp", ROWS)
    found = detected(tmp_path, {"a.csv": log, "b.csv": titles.encode("cp1252")})
    (question,) = found.questions
    assert question.keys == ("items_encoding",)
    assert ("cp1252",) in question.answers
    assert "'i0,café crème i0' in cp1252" in question.text


def test_an_encoding_of_many_bytes_is_no_question(tmp_path: Path) -> None:
    titles = [(item, "推荐系统的研究与应用，用户与物品之间的关系") for item, _ in TITLED]
    log = table("user_id,item_id,timestamp", ROWS)
    text = table("item_id,title", titles)
    found = detected(tmp_path, {"a.csv": log, "b.csv": text.encode("gb18030")})
    assert not found.questions
    encoding = found.answered()["items_encoding"]
    assert text.encode("gb18030").decode(encoding) == text


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": ""}, "a.csv: the file is empty; give one with a header and rows"),
        ({"a.csv": b"\xff\xfe"}, "a.csv: the file is empty; give one with a header and rows"),
        ({"a.csv": b"\xef\xbb\xbf"}, "a.csv: the file is empty; give one with a header and rows"),
        ({"a.csv": "user_id,item_id,timestamp\n"}, "a.csv: has a header but no rows"),
        ({"a.csv": b"\x89PNG\r\n\x1a\n" + bytes(range(256))},
         "a.csv: holds bytes that are no text; give CSV, TSV, JSON lines or Parquet"),
        ({"a.csv": b"PK\x03\x04"}, "a.csv: this is a ZIP archive or a spreadsheet; unpack it"),
        ({"a.csv": table("user_id,item_id,timestamp", ROWS),
          "b.csv": table("item_id,title", [(f"x{item}", title) for item, title in TITLED])},
         "b.csv has none of the items of the interactions: column 'item_id' has "
         "['i0', 'i1', 'i2'], the items' column 'item_id' has ['xi0', 'xi1', 'xi2']; give the "
         "file of the same items, with ids written alike"),
        ({"b.csv": table("item_id,title", TITLED), "a.csv": table("user_id,item_id,ts", ROWS)},
         "b.csv: has no users, a.csv has; give the interactions first"),
        ({"u.data": table("", [(*row[:2], 4, row[2]) for row in ROWS], "\t")},
         "u.data: has no header, and 4 columns whose meaning is open; write a first line that "
         "names the columns, such as user_id,item_id,timestamp"),
        ({"u.csv": table("", [(*row[:2], 5) for row in ROWS])},
         "u.csv: has no header, and its third column ('5') holds no times; write a first line"),
        ({"a.csv": table("", [(i, u, t) for u, i, t in ROWS]), "b.csv": table("", TITLED)},
         "a.csv: has no header, and its first column has the ids of b.csv; the first is to be "
         "the user: write a first line with names"),
        ({"a.csv": table("who,item_id,timestamp", ROWS), "b.csv": table("", TITLED)},
         "b.csv: has no header; write a first line that names its columns, such as item_id,title"),
        ({"a.json": '{"who": 1, "what": 2}\n'},
         "a.json: JSON lines with who, what, which are no reviews of Amazon; save them as CSV or "
         "Parquet with a column each for user, item and time"),
        ({"a.json": '{"reviewerID": "u", "asin": "i", "unixReviewTime": 1}\n'},
         "a.json: reviews of Amazon need the products' JSON lines as second file (fields asin or "
         "parent_asin, and title)"),
        ({"a.csv": "user_id\nu1\nu2\n"},
         "a.csv: no two columns can be the user and the item (columns: user_id); give a table "
         "with a row per interaction: user_id, item_id, timestamp"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_is_refused_with_its_cure(
    files: Mapping[str, str | bytes], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        detected(tmp_path, files)


def test_missing_files_and_unknown_folders_are_refused(tmp_path: Path) -> None:
    log = tmp_path / "purchases.csv"
    log.write_text(table("user_id,item_id,timestamp", ROWS))
    with pytest.raises(DataError, match=r"purchase\.csv: no such file. Did you mean 'purchases"):
        detect([tmp_path / "purchase.csv"], None, tmp_path)
    with pytest.raises(DataError, match=r"of no known layout; found purchases\.csv. Give the"):
        detect([tmp_path], None, tmp_path)
    with pytest.raises(DataError, match="is a folder; give it alone"):
        detect([tmp_path, log], None, tmp_path)
    with pytest.raises(DataError, match="is a folder; give a file of items"):
        detect([log, tmp_path], None, tmp_path)
    with pytest.raises(DataError, match="covers: no such folder or file of images"):
        detect([log], tmp_path / "covers", tmp_path)


def test_mind_has_no_images(tmp_path: Path) -> None:
    CASES["mind"].write(tmp_path)
    with pytest.raises(DataError, match="a MIND data set has no images; leave --images out"):
        detect([tmp_path / "mind"], tmp_path, tmp_path)


def test_images_given_take_the_place_of_a_column_of_images(tmp_path: Path) -> None:
    CASES["images"].write(tmp_path)
    (tmp_path / "covers").mkdir()
    found = detect([tmp_path / "a.csv", tmp_path / "c.csv"], tmp_path / "covers", tmp_path)
    assert found.answered()["images"] == "covers"
    assert "image_column" not in found.answered()
    assert found.answered()["missing_images"] == "drop"


def test_ratings_and_links_are_remarked(tmp_path: Path) -> None:
    rated = [(user, item, place % 5 + 1, time) for place, (user, item, time) in enumerate(ROWS)]
    linked = [(item, title, f"https://shop.example/{item}.jpg") for item, title in TITLED]
    files = {
        "a.csv": table("user_id,item_id,rating,timestamp", rated),
        "b.csv": table("item_id,title,image_url", linked),
    }
    found = detected(tmp_path, files)
    assert found.remarks == (
        "All ratings count. To leave out low ones: rating_column: rating, min_rating: 4 (or "
        "another bound).",
        "Column 'image_url' of the items has links. They are not fetched: download them as "
        "<item>.jpg and give the folder with --images.",
    )
    assert not found.has_images


def test_a_path_below_the_study_is_relative(tmp_path: Path) -> None:
    assert path_in_study(tmp_path / "data" / "a.csv", tmp_path) == "data/a.csv"
    assert path_in_study(tmp_path / "a.csv", tmp_path / "studies") == f"{tmp_path}/a.csv"


@pytest.mark.parametrize(
    ("path", "name"),
    [("shop/purchases.csv.gz", "purchases"), ("shop/interactions.tsv.xz", "shop"),
     ("shop/ratings.csv", "shop")],
)  # fmt: skip
def test_a_data_set_is_called_by_its_file_or_by_its_folder(path: str, name: str) -> None:
    assert name_of(Path(path)) == name
