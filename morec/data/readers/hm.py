"""Reads H&M's purchases as Kaggle offers them: ``transactions_train.csv`` and ``articles.csv``.

An article's text is its ``prod_name`` (``Strap top``): a title of a few words, as the paper's
titles are. ``detail_desc`` is a description of the material and cut, missing for some, and longer
than the 30 tokens that are read. Articles are text: ten digits, mostly with a leading zero, as
their images are named. Purchases have a date and no time; those of one day keep the file's order.

Memory (peak, measured on 3 and 10 million purchases): 105 MB per million beyond the first ten
million, which take 1.5 GB; so 4 GB for all 32 million.
"""

from pathlib import Path

from morec.config import HMSpec
from morec.data.files.sources import locate
from morec.data.files.tables import check_columns, read_columns, read_rows
from morec.data.interactions import Interactions
from morec.data.readers.catalogue import catalogue_of, meet
from morec.data.readers.reader import Reader, folder_name, hash_of

TRANSACTIONS, ARTICLES = "transactions_train.csv", "articles.csv"
ITEM, TITLE = "article_id", "prod_name"
USER, TIME = "customer_id", "t_dat"


def read_hm(spec: HMSpec, root: Path) -> Interactions:
    """Read purchases and articles; what a purchase costs and where it was made is not used.

    Raises:
        DataError: a file is missing, empty or broken, misses a column, or has unreadable dates.
    """
    transactions, articles = source_files(spec, root)
    check_columns({transactions: (USER, ITEM, TIME), articles: (ITEM, TITLE)}, spec.kind)
    catalogue = catalogue_of(read_columns(articles, [ITEM, TITLE]), ITEM, TITLE)
    rows = read_rows(transactions, USER, ITEM, TIME)
    return meet(rows, catalogue, files=(transactions, articles), repeats=spec.repeats)


def source_files(spec: HMSpec, root: Path) -> list[Path]:
    """Return transactions and articles.

    Raises:
        DataError: one is missing.
    """
    return locate([TRANSACTIONS, ARTICLES], root / spec.folder)


READER = Reader(HMSpec, read_hm, hash_of(source_files), folder_name)
