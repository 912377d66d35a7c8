"""An example: the item vectors of an exported model in an approximate index.

``python studies/approximate_index.py EXPORT HISTORIES.csv`` builds FAISS's HNSW graph over the
vectors (``pip install -e ".[index]"``), asks it for every user's best items, and prints how many of
the exact best ones it finds. Shapes: U users, N items, D width, K items a user.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
LINKS = 32
"""Neighbours of a vector in the graph: more find more, and take more memory."""
EFFORT = 64
"""Candidates that a search keeps: more find more, and take longer."""


def build_index(vectors_ND: Floats, *, links: int = LINKS, effort: int = EFFORT) -> Any:
    """An index of the largest dot products, which are the model's scores."""
    import faiss

    index = faiss.IndexHNSWFlat(vectors_ND.shape[1], links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = index.hnsw.efSearch = effort
    index.add(np.ascontiguousarray(vectors_ND, dtype=np.float32))
    return index


def exact_best(users_UD: Floats, vectors_ND: Floats, k: int) -> Ints:
    """The places of every user's ``k`` largest dot products, (U, K), best first."""
    scores_UN = users_UD @ vectors_ND.T
    return np.argsort(-scores_UN, axis=1, kind="stable")[:, :k]


def recall(found_UK: Ints, exact_UK: Ints) -> float:
    """The mean share of a user's exact best items that were found."""
    is_found_UK = (exact_UK[:, :, None] == found_UK[:, None, :]).any(axis=2)
    return float(is_found_UK.mean())


def main(argv: Sequence[str] | None = None) -> int:
    """Build the index of an export, and say its recall on a file of histories."""
    from morec import Recommender

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path, help="a folder that --export wrote")
    parser.add_argument("histories", type=Path, help="CSV of user_id, item_id, oldest first")
    parser.add_argument("--k", type=int, default=10)
    args = parser.parse_args(argv)
    model = Recommender.load(args.export)
    histories = pd.read_csv(args.histories, dtype=str)[["user_id", "item_id"]]
    vectors_ND, users_UD = model.item_vectors(), model.user_vectors(histories)
    index = build_index(vectors_ND)
    _, found_UK = index.search(np.ascontiguousarray(users_UD, dtype=np.float32), args.k)
    share = recall(found_UK, exact_best(users_UD, vectors_ND, args.k))
    print(
        f"{len(users_UD):,} users, {len(vectors_ND):,} items: the index finds {share:.1%} of the "
        f"exact {args.k} best. Items of a user's history are among them: ask for more, drop those"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
