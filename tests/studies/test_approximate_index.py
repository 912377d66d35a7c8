"""The example's recall: as counted by hand, and high on vectors like a model's."""

import warnings

import numpy as np
import pytest

from studies.approximate_index import build_index, exact_best, recall


def test_recall_is_the_share_of_exact_items_in_any_order() -> None:
    exact_UK = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    found_UK = np.array([[4, 3, 2, 1], [5, 6, -1, 9]])
    assert recall(found_UK, exact_UK) == (4 / 4 + 2 / 4) / 2


def test_the_exact_best_are_those_of_a_loop() -> None:
    draw = np.random.default_rng(0)
    users_UD, vectors_ND = draw.normal(size=(7, 5)), draw.normal(size=(40, 5))
    expected = [
        sorted(range(40), key=lambda item: -float(np.dot(user, vectors_ND[item])))[:3]
        for user in users_UD
    ]
    assert exact_best(users_UD, vectors_ND, 3).tolist() == expected


def test_the_index_finds_nearly_all_and_fewer_with_less_effort() -> None:
    with warnings.catch_warnings():
        # SWIG's types of FAISS lack a module name, which Python says when they are imported.
        warnings.simplefilter("ignore", DeprecationWarning)
        pytest.importorskip("faiss")
    draw = np.random.default_rng(0)
    tastes = draw.normal(size=(50, 32))
    vectors_ND, users_UD = (
        (tastes[draw.integers(50, size=n)] + draw.normal(size=(n, 32))).astype(np.float32)
        for n in (5_000, 100)
    )
    exact_UK = exact_best(users_UD, vectors_ND, 10)
    shares = []
    for links, effort in ((32, 64), (2, 10)):
        index = build_index(vectors_ND, links=links, effort=effort)
        shares.append(recall(index.search(users_UD, 10)[1], exact_UK))
    assert shares[0] > 0.95
    assert shares[1] < shares[0]
