"""Reads Amazon reviews: JSON lines of reviews and of products' meta data, packed or not.

Fields of a review: ``reviewerID``, ``asin`` and ``unixReviewTime`` (seconds) in 2014 (McAuley et
al.) and 2018 (Ni et al.); ``user_id``, ``parent_asin`` and ``timestamp`` (milliseconds) in 2023
(Hou et al.). Meta data have a ``title`` by ``asin`` or ``parent_asin``; their lines of 2014 are
Python literals instead of JSON.

Every review is an interaction, or every one whose ``overall`` (``rating`` in 2023) is at least
``min_rating``. A product without a title has an empty one.

Memory (peak, measured on made-up reviews of 430 bytes): 1.4 GB for the first five million reviews,
190 MB per million beyond.
"""

from collections.abc import Sequence
from pathlib import Path

from morec.config import AmazonSpec
from morec.data.files.gather import gather
from morec.data.files.json_lines import field_names, first_fields, read_json_lines, read_json_texts
from morec.data.files.sources import locate
from morec.data.files.tables import as_rows
from morec.data.interactions import Interactions, all_ratings_count
from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, file_name, hash_of
from morec.errors import DataError

REVIEWS = (("reviewerID", "asin", "unixReviewTime"), ("user_id", "parent_asin", "timestamp"))
"""Fields of user, item and time, by layout."""
RATINGS = {"reviewerID": "overall", "user_id": "rating"}
"""Field of the rating, by that of the user."""
META = (("asin",), ("parent_asin",))
"""The item field, by layout."""
TITLE = "title"


def read_amazon(spec: AmazonSpec, root: Path) -> Interactions:
    """Read reviews and products' titles; items are in the order of the meta file.

    Raises:
        DataError: a file is missing, empty, broken or of another layout, or the two files share no
            product.
    """
    reviews, meta = source_files(spec, root)
    user, item, time = _layout(reviews, REVIEWS)
    (meta_item,) = _layout(meta, META)
    titles = gather(read_json_lines(meta, {meta_item: str, TITLE: str}))
    rating = None if spec.min_rating is None else RATINGS[user]
    fields = {user: str, item: str, time: int, **({rating: float} if rating else {})}
    table = gather(read_json_lines(reviews, fields))
    rows = as_rows(table, reviews, user, item, time, rating)
    catalogue, files = catalogue_of(titles, meta_item, TITLE), (reviews, meta)
    joined = join_catalogue(rows, catalogue, files=files, min_rating=spec.min_rating)
    return (
        joined
        if rating or RATINGS[user] not in first_fields(reviews)
        else all_ratings_count(joined)
    )


def source_files(spec: AmazonSpec, root: Path) -> list[Path]:
    """Return reviews and meta data; a missing one raises a ``DataError``."""
    return locate([spec.reviews, spec.meta], root)


def item_columns(spec: AmazonSpec, root: Path) -> ItemColumns:
    """Offer the fields of the meta data: ``brand``, ``description``, ``categories`` and others."""
    meta = source_files(spec, root)[1]
    (item,) = _layout(meta, META)
    return ItemColumns(
        file=meta.name,
        names=field_names(meta),
        item=item,
        read=lambda wanted: gather(read_json_texts(meta, [item, *wanted])),
    )


def _layout(path: Path, layouts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the first layout whose fields the file's first line has."""
    found = first_fields(path)
    for layout in layouts:
        if found.keys() >= set(layout):
            return layout
    allowed = " or ".join(", ".join(layout) for layout in layouts)
    raise DataError(f"{path.name}: line 1: expected {allowed}; found {', '.join(found)}")


READER = Reader(
    AmazonSpec, read_amazon, hash_of(source_files), file_name("reviews"), columns=item_columns
)
