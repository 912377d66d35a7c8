"""Histories come out as a loop over users gives them, whatever the order of rows and the parts."""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from morec.config import FilesSpec, MovieLensSpec
from morec.errors import DataError
from tune_space.inputs.histories import (
    HistoryFile,
    find_histories,
    num_rows,
    part_path,
    read_part,
    split_by_user,
)

SPEC = FilesSpec(kind="files", interactions="of the study.csv", ties="file")
ITEMS = [f"i{number}" for number in range(30)]
Row = tuple[str, str, int]


def made_up(num_users: int = 40, seed: int = 0) -> list[Row]:
    """Rows of user, item and time in no order; no user has an item, or a time, twice."""
    draw = Random(seed)
    rows = [
        (f"u{user}", item, 1_600_000_000 + 60 * time)
        for user in range(num_users)
        for time, item in enumerate(draw.sample(ITEMS, draw.randint(1, 12)))
    ]
    draw.shuffle(rows)
    return rows


def write(path: Path, rows: list[Row], header: str = "user_id,item_id,timestamp") -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([header.split(","), *rows])
    return path


def by_loop(rows: list[Row]) -> dict[str, list[str]]:
    """Each user's items in the order of time, by a loop over the rows."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for user, item, time in rows:
        found[user].append((time, item))
    return {user: [item for _, item in sorted(pairs)] for user, pairs in found.items()}


def split(histories: HistoryFile, folder: Path, num_parts: int) -> list[Path]:
    folder.mkdir()
    sum(split_by_user(histories, folder, num_parts))
    return [part_path(folder, part) for part in range(num_parts)]


def read(
    path: Path, folder: Path, num_parts: int, spec=SPEC, items=ITEMS
) -> tuple[dict[str, list[str]], Counter[str]]:
    """All histories and the counts of all parts; checks that no user is in two parts."""
    histories = find_histories(path, spec)
    counts: Counter[str] = Counter()
    found: dict[str, list[str]] = {}
    for part in split(histories, folder, num_parts):
        read = read_part(part, histories, items, spec)
        counts.update(read.counts)
        new = {user: list(rows["item_id"]) for user, rows in read.rows.groupby("user_id")}
        assert not found.keys() & new.keys()
        found.update(new)
    return found, counts


@pytest.mark.parametrize("num_parts", [1, 7])
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_histories_are_those_of_a_loop(tmp_path, num_parts, suffix) -> None:
    rows = made_up()
    path = tmp_path / f"histories{suffix}"
    if suffix == ".parquet":
        pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).to_parquet(path)
    else:
        write(path, rows)
    found, counts = read(path, tmp_path / "parts", num_parts)
    assert found == by_loop(rows)
    assert counts == {"users": 40, "users_without_known_items": 0, "rows_read": len(rows)}


def test_without_times_rows_are_in_order_within_a_user(tmp_path) -> None:
    rows = sorted(made_up(), key=lambda row: row[2])
    path = tmp_path / "histories.csv"
    write(path, [row[:2] for row in rows], "user_id,item_id")
    assert read(path, tmp_path / "parts", 3)[0] == by_loop(rows)


def test_unknown_items_are_counted_and_users_of_no_other_are_left_out(tmp_path) -> None:
    rows = [("a", "i1", 1), ("a", "new", 2), ("b", "new", 1), ("", "i1", 1)]
    found, counts = read(write(tmp_path / "h.csv", rows), tmp_path / "parts", 2)
    assert found == {"a": ["i1"]}
    assert counts == {
        "users": 2,
        "users_without_known_items": 1,
        "rows_read": 4,
        "broken_rows": 1,
        "unknown_item_rows": 2,
    }


def test_repeats_are_read_as_in_the_study(tmp_path) -> None:
    rows = [("a", "i1", 1), ("a", "i2", 2), ("a", "i1", 3)]
    path = write(tmp_path / "h.csv", rows)
    assert read(path, tmp_path / "first", 1)[0] == {"a": ["i1", "i2"]}
    keep = SPEC.model_copy(update={"repeats": "keep"})
    assert read(path, tmp_path / "keep", 1, keep)[0] == {"a": ["i1", "i2", "i1"]}


def test_spellings_of_one_user_are_one_user(tmp_path) -> None:
    rows = [(f"{user}{end}", f"i{n}", n) for user in range(20) for n, end in enumerate(["", ".0"])]
    found, counts = read(write(tmp_path / "h.csv", rows), tmp_path / "parts", 5)
    assert found == {str(user): ["i0", "i1"] for user in range(20)}
    assert counts["users"] == 20


def test_numbers_in_parquet_are_ids(tmp_path) -> None:
    table = pd.DataFrame({"userId": [7, 7, 8], "movieId": [1.0, 2.0, 1.0]})
    table.to_parquet(tmp_path / "h.parquet")
    found, _ = read(tmp_path / "h.parquet", tmp_path / "parts", 2, items=["1", "2"])
    assert found == {"7": ["1", "2"], "8": ["1"]}


def test_columns_are_those_of_the_study_or_told_by_name(tmp_path) -> None:
    own = SPEC.model_copy(update={"user_column": "who", "time_column": "when"})
    path = write(tmp_path / "own.csv", [], "user_id,who,sku,when")
    path.write_text(path.read_text() + "1,a,i1,2\n")
    found = find_histories(path, own)
    assert (found.user, found.item, found.time.name) == ("who", "sku", "when")
    usual = find_histories(path, MovieLensSpec(kind="movielens"))
    assert (usual.user, usual.item, usual.time) == ("user_id", "sku", None)


@pytest.mark.parametrize(
    ("header", "match"),
    [
        ("customer,buyer,sku", "user\\? 'customer' and 'buyer' fit equally well. Name it user_id"),
        ("a,b,c", "user\\? found are a, b, c. Name it user_id\n.*which column is the item\\?"),
    ],
)
def test_columns_that_cannot_be_told_are_asked_for(tmp_path, header, match) -> None:
    path = write(tmp_path / "h.csv", [("x", "y", 1)], header)
    with pytest.raises(DataError, match=match):
        find_histories(path, SPEC)


def test_a_time_that_cannot_be_read_is_named_with_its_line(tmp_path) -> None:
    rows = [*((f"u{n}", "i1", str(n)) for n in range(1, 9)), ("u9", "i1", "noon")]
    histories = find_histories(write(tmp_path / "h.csv", rows), SPEC)
    with pytest.raises(DataError, match=r"h\.csv: column 'timestamp': 1 of .*'noon' \(line 10\)"):
        for part in split(histories, tmp_path / "parts", 4):
            read_part(part, histories, ITEMS, SPEC)


def test_a_file_without_a_header_is_refused(tmp_path) -> None:
    (tmp_path / "h.csv").write_text("1,2,1600000000\n2,3,1600000001\n")
    with pytest.raises(DataError, match="has no header; its first line must name user_id"):
        find_histories(tmp_path / "h.csv", SPEC)


def test_larger_files_have_more_parts(tmp_path) -> None:
    small = find_histories(write(tmp_path / "h.csv", made_up()), SPEC)
    assert small.num_parts() == 1
    with small.path.open("a") as stream:
        stream.truncate(3 * 500_000 * 24)  # a sparse file: only its size counts
    assert small.num_parts() == 4


def test_every_row_is_in_one_part(tmp_path) -> None:
    rows = made_up(seed=1)
    parts = split(find_histories(write(tmp_path / "h.csv", rows), SPEC), tmp_path / "parts", 6)
    assert sum(map(num_rows, parts)) == len(rows)
    assert min(map(num_rows, parts)) > 0
