"""Reads Amazon reviews: JSON lines of reviews and of products' meta data, packed or not.

Fields of a review: ``reviewerID``, ``asin`` and ``unixReviewTime`` (seconds) in 2014 (McAuley et
al.) and 2018 (Ni et al.); ``user_id``, ``parent_asin`` and ``timestamp`` (milliseconds) in 2023
(Hou et al.). Meta data have a ``title`` by ``asin`` or ``parent_asin``; their lines of 2014 are
Python literals instead of JSON.

Every review is an interaction, whatever its rating. A product without a title has an empty one.

Memory (peak, measured on made-up reviews of 430 bytes): 1.4 GB for the first five million reviews,
190 MB per million beyond.
"""

from dataclasses import dataclass
from pathlib import Path

from morec.config import AmazonSpec
from morec.data.files.gather import gather
from morec.data.files.json_lines import first_fields, read_json_lines
from morec.data.files.sources import locate
from morec.data.files.tables import as_rows
from morec.data.interactions import Interactions
from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.data.readers.reader import Reader, file_name, hash_of
from morec.errors import DataError


@dataclass(frozen=True)
class _Layout:
    user: str
    item: str
    time: str


LAYOUTS = (
    _Layout("reviewerID", "asin", "unixReviewTime"),
    _Layout("user_id", "parent_asin", "timestamp"),
)
TITLE = "title"


def read_amazon(spec: AmazonSpec, root: Path) -> Interactions:
    """Read reviews and products' titles; items are in the order of the meta file.

    Raises:
        DataError: a file is missing, empty, broken or of another layout, or the two files share no
            product.
    """
    reviews, meta = source_files(spec, root)
    names = _review_layout(reviews)
    item = _meta_item(meta)
    titles = gather(read_json_lines(meta, {item: str, TITLE: str}))
    fields = {names.user: str, names.item: str, names.time: int}
    rows = as_rows(
        gather(read_json_lines(reviews, fields)), reviews, names.user, names.item, names.time
    )
    return join_catalogue(rows, catalogue_of(titles, item, TITLE), files=(reviews, meta))


def source_files(spec: AmazonSpec, root: Path) -> list[Path]:
    """Return reviews and meta data.

    Raises:
        DataError: one is missing.
    """
    return locate([spec.reviews, spec.meta], root)


def _review_layout(path: Path) -> _Layout:
    found = first_fields(path)
    for layout in LAYOUTS:
        if found.keys() >= {layout.user, layout.item, layout.time}:
            return layout
    allowed = " or ".join(f"{each.user}, {each.item} and {each.time}" for each in LAYOUTS)
    raise DataError(f"{path.name}: line 1: expected {allowed}; found {', '.join(found)}")


def _meta_item(path: Path) -> str:
    found = first_fields(path)
    for layout in LAYOUTS:
        if layout.item in found:
            return layout.item
    allowed = " or ".join(layout.item for layout in LAYOUTS)
    raise DataError(f"{path.name}: line 1: expected {allowed}; found {', '.join(found)}")


READER = Reader(AmazonSpec, read_amazon, hash_of(source_files), file_name("reviews"))
