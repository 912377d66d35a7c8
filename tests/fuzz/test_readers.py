"""Whatever stands in a data file, it is a data set or a ``DataError``."""

import gzip
import io
import json
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import TypeAdapter

from morec.config import DatasetSpec
from morec.data.dataset import load_dataset
from morec.errors import DataError
from tests.fuzz.mutations import damaged, fuzzed

NUM_USERS, NUM_ITEMS, LENGTH = 6, 8, 7
ORDERS = [[(3 * user + step) % NUM_ITEMS for step in range(LENGTH)] for user in range(NUM_USERS)]
ROWS = [(f"u{u}", f"i{i}", 1_000 + t) for u, items in enumerate(ORDERS)
        for t, i in enumerate(items)]  # fmt: skip
TITLES = [(f"i{item}", f"title {item}") for item in range(NUM_ITEMS)]


def table(header: str, rows: list[tuple[Any, ...]], separator: str = ",") -> bytes:
    lines = [separator.join(map(str, row)) for row in rows]
    return "\n".join([*([header] if header else []), *lines, ""]).encode()


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join([*map(json.dumps, rows), ""]).encode()


def parquet(names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(rows, columns=names).to_parquet(stream)
    return stream.getvalue()


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    return stream.getvalue()


CSV = table("user_id,item_id,timestamp", ROWS)
ITEMS = table("item_id,title", TITLES)
LISTS = [(f"u{u}", " ".join(f"i{i}" for i in items)) for u, items in enumerate(ORDERS)]
SHOWN = [(n, u, "11/15/2019 8:55:22 AM", "i1 i2 i3", f"{i}-1 i7-0")
         for n, (u, i, _) in enumerate(ROWS)]  # fmt: skip
REVIEWS = [{"reviewerID": u, "asin": i, "unixReviewTime": t} for u, i, t in ROWS]
LATER = [{"user_id": u, "parent_asin": i, "timestamp": t} for u, i, t in ROWS]
META = [{"asin": i, "title": title} for i, title in TITLES]
NUMBERS = [(u[1:], i[1:], 4.0, t) for u, i, t in ROWS]
MOVIES = [(i[1:], title, "Comedy|Drama") for i, title in TITLES]
PARQUET = parquet(["user_id", "item_id", "timestamp"], ROWS)
SPECS: dict[str, dict[str, Any]] = {
    "files csv": {"kind": "files", "interactions": "a.csv", "items": "b.csv",
                  "text_column": "title"},
    "files tsv": {"kind": "files", "interactions": "a.tsv"},
    "files gz": {"kind": "files", "interactions": "a.csv.gz"},
    "files xz": {"kind": "files", "interactions": "a.csv.xz"},
    "files parquet": {"kind": "files", "interactions": "a.parquet"},
    "images": {"kind": "files", "interactions": "a.csv", "items": "c.csv",
               "image_column": "image"},
    "images parquet": {"kind": "pairs", "interactions": "pairs.csv", "images": "images.parquet"},
    "sequences": {"kind": "sequences", "users": "users.tsv", "items": "items.tsv"},
    "mind": {"kind": "mind", "folder": "mind"},
    "hm": {"kind": "hm", "folder": "hm"},
    "pairs": {"kind": "pairs", "interactions": "pairs.csv", "titles": "items.tsv"},
    "lists": {"kind": "pairs", "interactions": "lists.csv", "titles": "b.csv"},
    "amazon": {"kind": "amazon", "reviews": "reviews.json", "meta": "meta.json"},
    "amazon later": {"kind": "amazon", "reviews": "later.jsonl", "meta": "meta.json"},
    "movielens csv": {"kind": "movielens", "folder": "ml"},
    "movielens dat": {"kind": "movielens", "folder": "dat"},
}  # fmt: skip
FILES: dict[str, bytes] = {
    "a.csv": CSV,
    "a.tsv": table("user_id\titem_id\ttimestamp", ROWS, "\t"),
    "a.csv.gz": gzip.compress(CSV),
    "a.csv.xz": lzma.compress(CSV),
    "a.parquet": PARQUET,
    "b.csv": ITEMS,
    "c.csv": table("item_id,image", [(i, f"{i}.png") for i, _ in TITLES]),
    **{f"{item}.png": picture() for item, _ in TITLES},
    "images.parquet": parquet(["item_id", "image"], [(i, picture()) for i, _ in TITLES]),
    "users.tsv": table("", LISTS, "\t"),
    "items.tsv": table("", TITLES, "\t"),
    "mind/behaviors.tsv": table("", SHOWN, "\t"),
    "mind/news.tsv": table("", [(i, "c", "s", title, "x") for i, title in TITLES], "\t"),
    "hm/transactions_train.csv": table(
        "t_dat,customer_id,article_id", [("2020-01-02", u, i) for u, i, _ in ROWS]
    ),
    "hm/articles.csv": table("article_id,prod_name", TITLES),
    "pairs.csv": table("user,item,timestamp", ROWS),
    "lists.csv": table("user,items", LISTS),
    "reviews.json": json_lines(REVIEWS),
    "later.jsonl": json_lines(LATER),
    "meta.json": "\n".join(map(repr, META)).encode(),
    "ml/ratings.csv": table("userId,movieId,rating,timestamp", NUMBERS),
    "ml/movies.csv": table("movieId,title,genres", MOVIES),
    "dat/ratings.dat": table("", NUMBERS, "::"),
    "dat/movies.dat": table("", MOVIES, "::"),
}
READ_BY: dict[str, tuple[str, ...]] = {
    "files csv": ("a.csv", "b.csv"),
    "files tsv": ("a.tsv",),
    "files gz": ("a.csv.gz",),
    "files xz": ("a.csv.xz",),
    "files parquet": ("a.parquet",),
    "images": ("c.csv", "i0.png", "i1.png"),
    "images parquet": ("images.parquet",),
    "sequences": ("users.tsv", "items.tsv"),
    "mind": ("mind/behaviors.tsv", "mind/news.tsv"),
    "hm": ("hm/transactions_train.csv", "hm/articles.csv"),
    "pairs": ("pairs.csv", "items.tsv"),
    "lists": ("lists.csv", "b.csv"),
    "amazon": ("reviews.json", "meta.json"),
    "amazon later": ("later.jsonl",),
    "movielens csv": ("ml/ratings.csv", "ml/movies.csv"),
    "movielens dat": ("dat/ratings.dat", "dat/movies.dat"),
}
SNIPPETS = [
    *(
        b",",
        b"\t",
        b"::",
        b"\n",
        b"\r\n",
        b"\r",
        b'"',
        b"''",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
    ),
    *(b"9" * 30, b"-1", b"1e400", b"nan", b"NULL", b"2020-13-40", b"9999-99-99T99", b"inf"),
    *(b"{" * 3000, b"[" * 100_000, b"{}", b"null", b'{"asin": 1}', b"'", b"\\ud800", b"\\u0000"),
    *(b"(" * 200, b"9**9**9", b"__import__('os')", b"-" * 5000 + b"1", b"../../etc/passwd", b"/"),
    *(b" " * 50, b"u0", b"i1", b"timestamp", b"user_id", b"\xed\xa0\x80", "\u2028é".encode()),
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("data")
    write(made, FILES)
    return made


def write(root: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(data)


def spec_of(kind: str) -> Any:
    raw = SPECS[kind] | {"min_seq_len": 3, "max_seq_len": 4}
    adapter: TypeAdapter[Any] = TypeAdapter(DatasetSpec)
    return adapter.validate_json(json.dumps(raw))


@pytest.mark.parametrize("kind", SPECS)
def test_the_undamaged_files_are_read(root: Path, kind: str) -> None:
    assert load_dataset(spec_of(kind), root).num_items >= 3


def test_an_image_with_a_name_too_long_for_any_is_a_data_error(root: Path) -> None:
    """Found by the test below."""
    write(root, {"c.csv": FILES["c.csv"].replace(b"i1.png", b"-" * 5000 + b"1.png")})
    try:
        with pytest.raises(DataError, match="File name too long"):
            load_dataset(spec_of("images"), root)
    finally:
        write(root, {"c.csv": FILES["c.csv"]})


@pytest.mark.parametrize("kind", SPECS)
@fuzzed(30)
@given(data=st.data())
def test_a_damaged_file_is_data_or_a_data_error(root: Path, kind: str, data: Any) -> None:
    name = data.draw(st.sampled_from(READ_BY[kind]))
    write(root, {name: data.draw(damaged([FILES[name]], SNIPPETS))})
    try:
        load_dataset(spec_of(kind), root)
    except DataError as error:
        assert str(error).strip()
    finally:
        write(root, {name: FILES[name]})
