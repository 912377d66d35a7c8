"""Reads H&M's purchases as Kaggle offers them: ``transactions_train.csv`` and ``articles.csv``.

An article's text is its ``prod_name`` (``Strap top``): a title of a few words, like the paper's
titles. ``detail_desc`` is not used: some articles have none, and it is longer than the 30 tokens
that are read. Article ids are text: ten digits, mostly with a leading zero, as in the names of the
images. Purchases have a date without a time; ``ties`` orders those of one day.

Memory (peak, measured on 3 and 10 million purchases): 1.5 GB for the first ten million, 105 MB per
million beyond; so 4 GB for all 32 million.
"""

from pathlib import Path

from morec.config import HMSpec
from morec.data.files.sources import locate
from morec.data.files.tables import check_columns, columns_of, read_columns, read_rows
from morec.data.interactions import Interactions
from morec.data.readers.catalogue import catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, folder_name, hash_of

TRANSACTIONS, ARTICLES = "transactions_train.csv", "articles.csv"
ITEM, TITLE = "article_id", "prod_name"
USER, TIME = "customer_id", "t_dat"


def read_hm(spec: HMSpec, root: Path) -> Interactions:
    """Read purchases and articles; prices and sales channels are not used.

    Raises:
        DataError: a file is missing, empty or broken, misses a column, or has unreadable dates.
    """
    transactions, articles = source_files(spec, root)
    check_columns({transactions: (USER, ITEM, TIME), articles: (ITEM, TITLE)}, spec.kind)
    catalogue = catalogue_of(read_columns(articles, [ITEM, TITLE]), ITEM, TITLE)
    rows = read_rows(transactions, USER, ITEM, TIME)
    return join_catalogue(rows, catalogue, files=(transactions, articles), repeats=spec.repeats)


def source_files(spec: HMSpec, root: Path) -> list[Path]:
    """Return transactions and articles; a missing one raises a ``DataError``."""
    return locate([TRANSACTIONS, ARTICLES], root / spec.folder)


def item_columns(spec: HMSpec, root: Path) -> ItemColumns:
    """Offer the columns of the articles: ``detail_desc``, ``product_type_name`` and others."""
    articles = source_files(spec, root)[1]
    return ItemColumns(
        file=ARTICLES,
        names=columns_of(articles),
        item=ITEM,
        read=lambda wanted: read_columns(articles, [ITEM, *wanted]),
    )


READER = Reader(HMSpec, read_hm, hash_of(source_files), folder_name, columns=item_columns)
