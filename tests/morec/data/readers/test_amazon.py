"""Amazon reviews of 2014, 2018 and 2023 give the same interactions and titles."""

import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from morec.config import AmazonSpec
from morec.data.dataset import load_dataset
from morec.data.readers.amazon import READER, read_amazon
from morec.errors import DataError
from tests.morec.data.reader_cases import offered

Row = dict[str, Any]
REVIEWS_2014: list[Row] = [
    {"reviewerID": "A1", "asin": "B2", "helpful": [0, 1], "overall": 5.0, "unixReviewTime": 30},
    {"reviewerID": "A1", "asin": "B1", "unixReviewTime": 20, "reviewText": "It's\nfine"},
    {"reviewerID": "A2", "asin": "B9", "unixReviewTime": 10},
    {"reviewerID": "A1", "asin": "B3", "unixReviewTime": 40},
    {"reviewerID": "A1", "unixReviewTime": 50},
]
META_2014: list[Row] = [
    {"asin": "B1", "title": " Dog's ball "},
    {"asin": "B2", "related": {"also_bought": ["B1"]}},
    {"asin": "B3", "title": "Café", "price": 3.5},
]
REVIEWS_2023: list[Row] = [
    {"user_id": row["reviewerID"], "parent_asin": row.get("asin"), "asin": "child", "images": []}
    | {"timestamp": row["unixReviewTime"] * 1000}
    for row in REVIEWS_2014
]
META_2023: list[Row] = [
    {"title": row.get("title"), "parent_asin": row["asin"], "features": []} for row in META_2014
]


def lines(rows: list[Row], dump: Callable[[Row], str] = json.dumps) -> bytes:
    return "".join(f"{dump(row)}\n" for row in rows).encode()


def write(folder: Path, reviews: bytes, meta: bytes, suffix: str = ".json") -> AmazonSpec:
    pack = {"gz": gzip.compress, "xz": lzma.compress}.get(suffix.split(".")[-1], bytes)
    (folder / f"reviews{suffix}").write_bytes(pack(reviews))
    (folder / f"meta{suffix}").write_bytes(pack(meta))
    return AmazonSpec(
        kind="amazon", reviews=f"reviews{suffix}", meta=f"meta{suffix}", min_seq_len=3
    )


def message_of(spec: AmazonSpec, root: Path) -> str:
    with pytest.raises(DataError) as error:
        read_amazon(spec, root)
    return str(error.value)


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".json.gz", ".jsonl.xz"])
@pytest.mark.parametrize(
    ("reviews", "meta", "ticks"),
    [
        (lines(REVIEWS_2014), lines(META_2014), 1),
        (lines(REVIEWS_2014), lines(META_2014, repr), 1),
        (lines(REVIEWS_2023), lines(META_2023), 1000),
    ],
    ids=["2018", "2014", "2023"],
)
def test_all_collections_give_the_same_data(
    tmp_path: Path, reviews: bytes, meta: bytes, ticks: int, suffix: str
) -> None:
    spec = write(tmp_path, reviews, meta, suffix)
    interactions = read_amazon(spec, tmp_path)
    assert interactions.item_names == ["B1", "B2", "B3"]
    assert interactions.titles == ("Dog's ball", "", "Café")
    assert interactions.timestamps.tolist() == [30 * ticks, 20 * ticks, 40 * ticks]
    assert interactions.counts["broken_rows"] == 1
    assert interactions.counts["unknown_item_rows"] == 1
    dataset = load_dataset(spec, tmp_path)
    assert dataset.item_ids.tolist() == [1, 2, 3]
    assert dataset.name == "reviews"


def test_another_layout_names_what_is_expected_and_found(tmp_path: Path) -> None:
    spec = write(tmp_path, lines([{"user": "A1", "asin": "B1"}]), lines([{"id": "B1"}]))
    assert message_of(spec, tmp_path) == (
        "reviews.json: line 1: expected reviewerID, asin, unixReviewTime or user_id, "
        "parent_asin, timestamp; found user, asin"
    )
    spec = write(tmp_path, lines(REVIEWS_2014), lines([{"id": "B1"}]))
    assert message_of(spec, tmp_path) == (
        "meta.json: line 1: expected asin or parent_asin; found id"
    )


def test_a_time_that_is_no_number_is_named_with_its_line(tmp_path: Path) -> None:
    late = {"reviewerID": "A1", "asin": "B1", "unixReviewTime": "soon"}
    spec = write(tmp_path, lines([*REVIEWS_2014, late]), lines(META_2014))
    assert message_of(spec, tmp_path) == (
        "reviews.json: line 6: unixReviewTime is 'soon', expected int"
    )


def test_reviews_and_meta_of_different_products_show_examples(tmp_path: Path) -> None:
    spec = write(tmp_path, lines(REVIEWS_2014), lines([{"asin": "X1"}, {"asin": "X2"}]))
    assert message_of(spec, tmp_path) == (
        "reviews.json and meta.json share no item: interactions have 'B2', 'B1', 'B9'; "
        "items have 'X1', 'X2'."
    )


def test_both_missing_files_are_named(tmp_path: Path) -> None:
    spec = AmazonSpec(kind="amazon", reviews="reviews.json", meta="meta.json")
    assert message_of(spec, tmp_path).splitlines() == [
        f"{tmp_path / name}: no such file." for name in ("reviews.json", "meta.json")
    ]


def test_reviews_below_the_smallest_rating_are_dropped(tmp_path: Path) -> None:
    reviews = [{"asin": "B1", "unixReviewTime": place, "reviewerID": f"A{place}", "overall": stars}
               for place, stars in enumerate([1, 3.5, 4, None])]  # fmt: skip
    spec = write(tmp_path, lines(reviews), lines([{"asin": "B1", "title": "x"}]))
    assert read_amazon(spec, tmp_path).counts["all_ratings_count"] == 4
    rated = read_amazon(spec.model_copy(update={"min_rating": 3.5}), tmp_path)
    assert rated.user_names == ["A1", "A2"]
    assert "all_ratings_count" not in rated.counts
    assert rated.counts["rows_below_min_rating"] == rated.counts["rows_without_rating"] == 1
    later = lines([{"user_id": "A", "parent_asin": "B1", "timestamp": 5, "rating": 2.0}])
    spec = write(tmp_path, later, lines([{"asin": "B1"}]))
    assert read_amazon(spec, tmp_path).counts["all_ratings_count"] == 1
    spec = spec.model_copy(update={"min_rating": 2})
    assert read_amazon(spec, tmp_path).user_names == ["A"]


def test_html_in_titles_is_replaced_unless_the_study_keeps_it(tmp_path: Path) -> None:
    reviews = [{"reviewerID": "A", "asin": item, "unixReviewTime": 5} for item in "123"]
    meta = [{"asin": item, "title": f"Dog&#039;s <b>{item}</b>"} for item in "123"]
    spec = write(tmp_path, lines(reviews), lines(meta))
    read = load_dataset(spec, tmp_path)
    assert read.titles == ("Dog's 1", "Dog's 2", "Dog's 3")
    assert read.counts["titles_with_html"] == 3
    kept = load_dataset(spec.model_copy(update={"html": "keep"}), tmp_path)
    assert kept.titles is not None
    assert kept.titles[0] == "Dog&#039;s <b>1</b>"


def test_reviews_without_ratings_are_not_said_to_have_any(tmp_path: Path) -> None:
    interactions = read_amazon(write(tmp_path, lines(REVIEWS_2023), lines(META_2023)), tmp_path)
    assert "all_ratings_count" not in interactions.counts


@pytest.mark.parametrize(("meta", "item"), [(META_2014, "asin"), (META_2023, "parent_asin")])
def test_fields_of_the_meta_data_are_offered_with_their_rows(
    tmp_path: Path, meta: list[Row], item: str
) -> None:
    meta = [{**row, "brand": f"b{row[item]}", "price": 3.5} for row in meta]
    spec = write(tmp_path, lines(REVIEWS_2014), lines(meta))
    file, names, rows = offered(READER, spec, tmp_path, ["brand", "price"])
    assert file == "meta.json"
    assert {item, "brand", "price"} <= set(names)
    assert rows == [[name, f"b{name}", "3.5"] for name in ("B1", "B2", "B3")]
