"""A small dataset for every layout that a reader knows: its options, its files, what comes out.

The contract of readers (``readers/test_table.py``) and the fuzz tests go through all of them.
"""

import gzip
import io
import json
import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from pydantic import TypeAdapter

from morec.config import DatasetSpec
from morec.data.readers.reader import Reader

NUM_USERS, NUM_ITEMS, LENGTH = 6, 8, 7
ORDERS = [[(3 * user + step) % NUM_ITEMS for step in range(LENGTH)] for user in range(NUM_USERS)]
ROWS = [(f"u{u}", f"i{i}", 1_000 + t) for u, items in enumerate(ORDERS)
        for t, i in enumerate(items)]  # fmt: skip
TITLES = [(f"i{item}", f"title {item}") for item in range(NUM_ITEMS)]


@dataclass(frozen=True)
class Case:
    """One dataset that can be read."""

    options: Mapping[str, Any]
    """Those of its specification, but for the lengths of histories."""
    golden: str
    """8 hex digits of what is read: ``golden_value`` in ``readers/test_table.py``."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Content by path, in the order in which the source hash goes through them."""

    def spec(self) -> Any:
        """The specification, checked as one of a study file is."""
        raw = {"min_seq_len": 3, "max_seq_len": 4, **self.options}
        adapter: TypeAdapter[Any] = TypeAdapter(DatasetSpec)
        return adapter.validate_json(json.dumps(raw))

    def write(self, root: Path) -> None:
        """Write all files below ``root``."""
        write_files(root, self.files)


def write_files(root: Path, files: Mapping[str, bytes]) -> None:
    """Write files below ``root``, with the folders they lie in."""
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def offered(
    reader: Reader, spec: Any, root: Path, wanted: list[str]
) -> tuple[str, list[str], list[list[Any]]]:
    """The file of items, its columns, and the rows of the item and of ``wanted``; None: empty."""
    assert reader.columns is not None
    found = reader.columns(spec, root)
    assert found is not None
    rows = found.read(wanted)[[found.item, *wanted]].astype(object)
    return found.file, list(found.names), rows.where(rows.notna(), None).values.tolist()


def _table(header: str, rows: Iterable[tuple[Any, ...]], separator: str = ",") -> bytes:
    lines = [separator.join(map(str, row)) for row in rows]
    return "\n".join([*([header] if header else []), *lines, ""]).encode()


def _json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join([*map(json.dumps, rows), ""]).encode()


def _parquet(names: list[str], rows: list[tuple[Any, ...]]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(rows, columns=names).to_parquet(stream)
    return stream.getvalue()


def _picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4)).save(stream, "PNG")
    return stream.getvalue()


def _behaviors(rows: list[tuple[str, str, int]]) -> bytes:
    shown = [(number, user, "11/15/2019 8:55:22 AM", "i1 i2 i3", f"{item}-1 i7-0")
             for number, (user, item, _) in enumerate(rows)]  # fmt: skip
    return _table("", shown, "\t")


CSV = _table("user_id,item_id,timestamp", ROWS)
ITEMS_CSV, ITEMS_TSV = _table("item_id,title", TITLES), _table("", TITLES, "\t")
PAIRS = _table("user,item,timestamp", ROWS)
LISTS = [(f"u{user}", " ".join(f"i{item}" for item in items)) for user, items in enumerate(ORDERS)]
NEWS = _table("", [(item, "c", "s", title, "x") for item, title in TITLES], "\t")
META = "\n".join(repr({"asin": item, "title": title}) for item, title in TITLES).encode()
REVIEWS = _json_lines([{"reviewerID": u, "asin": i, "unixReviewTime": t} for u, i, t in ROWS])
LATER = _json_lines([{"user_id": u, "parent_asin": i, "timestamp": t} for u, i, t in ROWS])
RATINGS = [(user[1:], item[1:], 4.0, time) for user, item, time in ROWS]
MOVIES = [(item[1:], title, "Comedy|Drama") for item, title in TITLES]
PICTURES = {f"{item}.png": _picture() for item, _ in TITLES}
HEADER = ["user_id", "item_id", "timestamp"]
INTER = _table("user_id:token\titem_id:token\ttimestamp:float", ROWS, "\t")
ITEM = _table("item_id:token\ttitle:token_seq", TITLES, "\t")
HM = _table("t_dat,customer_id,article_id", [("2020-01-02", u, i) for u, i, _ in ROWS])

CASES: dict[str, Case] = {
    "files csv": Case(
        {"kind": "files", "interactions": "a.csv", "items": "b.csv", "text_column": "title"},
        "c8c39642",
        {"a.csv": CSV, "b.csv": ITEMS_CSV},
    ),
    "files tsv": Case(
        {"kind": "files", "interactions": "a.tsv"},
        "4f9f707c",
        {"a.tsv": CSV.replace(b",", b"\t")},
    ),
    "files gz": Case(
        {"kind": "files", "interactions": "a.csv.gz"}, "4f9f707c", {"a.csv.gz": gzip.compress(CSV)}
    ),
    "files xz": Case(
        {"kind": "files", "interactions": "a.csv.xz"}, "4f9f707c", {"a.csv.xz": lzma.compress(CSV)}
    ),
    "files parquet": Case(
        {"kind": "files", "interactions": "a.parquet"},
        "4f9f707c",
        {"a.parquet": _parquet(HEADER, ROWS)},
    ),
    "files semicolon": Case(
        {"kind": "files", "interactions": "a.csv", "separator": ";"},
        "4f9f707c",
        {"a.csv": CSV.replace(b",", b";")},
    ),
    "files dat": Case(
        {"kind": "files", "interactions": "a.dat", "separator": "::"},
        "4f9f707c",
        {"a.dat": CSV.replace(b",", b"::")},
    ),
    "files blanks": Case(
        {"kind": "files", "interactions": "a.inter", "separator": " "},
        "4f9f707c",
        {"a.inter": b"# " + CSV.replace(b",", b"  ")},
    ),
    "files utf16": Case(
        {
            "kind": "files",
            "interactions": "a.csv",
            "encoding": "utf-16",
            "items": "b.item",
            "items_separator": "\t",
            "items_encoding": "gbk",
            "text_column": "title",
            "items_item_column": "name",
        },
        "c8c39642",
        {
            "a.csv": CSV.decode().encode("utf-16"),
            "b.item": ITEM.replace(b"item_id", b"name"),
        },
    ),
    "images": Case(
        {"kind": "files", "interactions": "a.csv", "items": "c.csv", "image_column": "image"},
        "ef7201e9",
        {
            "a.csv": CSV,
            "c.csv": _table("item_id,image", [(i, f"{i}.png") for i, _ in TITLES]),
            **PICTURES,
        },
    ),
    "images parquet": Case(
        {"kind": "pairs", "interactions": "pairs.csv", "images": "images.parquet"},
        "a5276a3b",
        {
            "pairs.csv": PAIRS,
            "images.parquet": _parquet(["item_id", "image"], [(i, _picture()) for i, _ in TITLES]),
        },
    ),
    "sequences": Case(
        {"kind": "sequences", "users": "shop/users.tsv", "items": "items.tsv"},
        "dec649a1",
        {"shop/users.tsv": _table("", LISTS, "\t"), "items.tsv": ITEMS_TSV},
    ),
    "sequences blanks": Case(
        {"kind": "sequences", "users": "shop/users.txt"},
        "7086a3b4",
        {"shop/users.txt": _table("", LISTS, " ")},
    ),
    "mind": Case(
        {"kind": "mind", "folder": "mind"},
        "0a19353d",
        {"mind/behaviors.tsv": _behaviors(ROWS), "mind/news.tsv": NEWS},
    ),
    "mind in two folders": Case(
        {"kind": "mind", "folder": "."},
        "6ac58f39",
        {
            "dev/behaviors.tsv": _behaviors(ROWS[:20]),
            "dev/news.tsv": NEWS,
            "train/behaviors.tsv": _behaviors(ROWS[20:]),
            "train/news.tsv": NEWS,
        },
    ),
    "hm": Case(
        {"kind": "hm", "folder": "data/hm"},
        "fd04716c",
        {
            "data/hm/transactions_train.csv": HM,
            "data/hm/articles.csv": ITEMS_CSV.replace(b"item_id,title", b"article_id,prod_name"),
        },
    ),
    "pairs": Case(
        {"kind": "pairs", "interactions": "pairs.csv", "titles": "items.tsv"},
        "a9fe4a62",
        {"pairs.csv": PAIRS, "items.tsv": ITEMS_TSV},
    ),
    "lists": Case(
        {"kind": "pairs", "interactions": "lists.csv", "titles": "b.csv"},
        "12926699",
        {"lists.csv": _table("user,items", LISTS), "b.csv": ITEMS_CSV},
    ),
    "recbole": Case(
        {"kind": "recbole", "folder": "data/shop", "text_column": "title"},
        "99cbe418",
        {"data/shop/shop.inter": INTER, "data/shop/shop.item": ITEM},
    ),
    "amazon": Case(
        {"kind": "amazon", "reviews": "reviews.json", "meta": "meta.json"},
        "78c1103f",
        {"reviews.json": REVIEWS, "meta.json": META},
    ),
    "amazon later": Case(
        {"kind": "amazon", "reviews": "shop/later.jsonl", "meta": "meta.json"},
        "b18d6027",
        {"shop/later.jsonl": LATER, "meta.json": META},
    ),
    "movielens csv": Case(
        {"kind": "movielens", "folder": "ml"},
        "3ac2f772",
        {
            "ml/ratings.csv": _table("userId,movieId,rating,timestamp", RATINGS),
            "ml/movies.csv": _table("movieId,title,genres", MOVIES),
        },
    ),
    "movielens dat": Case(
        {"kind": "movielens", "folder": "dat"},
        "5c3ac316",
        {
            "dat/ratings.dat": _table("", RATINGS, "::"),
            "dat/movies.dat": _table("", MOVIES, "::"),
        },
    ),
    "movielens packaged": Case({"kind": "movielens"}, "e4a6ddec"),
    "synthetic": Case({"kind": "synthetic", "num_users": 20, "num_items": 30}, "d121f718"),
}
"""Every kind of dataset has at least one."""
