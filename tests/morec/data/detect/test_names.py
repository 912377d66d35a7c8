"""Names of columns fit roles in any spelling; the likelier name wins."""

import pytest

from morec.data.detect.names import best_named, is_named, rank_of


@pytest.mark.parametrize(
    ("role", "name", "rank"),
    [
        ("user", "userId", 0),
        ("user", " User-ID ", 0),
        ("user", "session_id", 1),
        ("user", "buyer_code", 2),
        ("item", "StockCode", 0),
        ("item", "Movie", 1),
        ("item", "itemKey", 2),
        ("time", "created_at", 0),
        ("time", "watch_time", 1),
        ("rating", "star rating", 0),
        ("rating", "userRating", 1),
        ("text", "Title", 0),
        ("text", "detail_desc", 1),
        ("text", "shortTitle", 2),
        ("image", "img-path", 0),
        ("image", "front.image", 1),
        ("user", "movie_id", None),
        ("item", "user_id", None),
        ("user", "superusers", None),
        ("time", "sometimes", None),
        ("item", "___", None),
        ("item", "", None),
    ],
)
def test_a_name_is_ranked_by_how_well_it_fits_a_role(
    role: str, name: str, rank: int | None
) -> None:
    assert rank_of(role, name) == rank


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("Product-ID", True),
        ("description", True),
        ("watch_time", False),
        ("u1", False),
        ("", False),
    ],
)
def test_only_whole_names_make_a_header(name: str, is_known: bool) -> None:
    assert is_named(name) is is_known


def test_the_best_names_are_all_of_the_best_rank_in_their_order() -> None:
    columns = ["session_id", "customer", "note", "user_code", "userId"]
    assert best_named("user", columns) == ["customer", "userId"]
    assert best_named("user", ["user_code", "session_id", "note"]) == ["session_id"]
    assert best_named("user", ["note", "user_code"]) == ["user_code"]
    assert best_named("user", ["note", "movie"]) == []
