"""A damaged file of histories gives histories of known items, or is a ``DataError``."""

import io
import shutil

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from morec.config import DatasetSpec
from morec.errors import DataError
from tests.fuzz.mutations import damaged, fuzzed
from tests.fuzz.test_readers import SNIPPETS
from tune_space.inputs.histories import find_histories, part_path, read_part, split_by_user

ITEMS = tuple(f"i{number}" for number in range(8))
ROWS = pd.DataFrame(
    {
        "user_id": [f"u{n % 5}" for n in range(30)],
        "item_id": [f"i{n % 11}" for n in range(30)],
        "timestamp": [1_500_000_000 + n for n in range(30)],
    }
)
SPECS = [
    TypeAdapter(DatasetSpec).validate_python(raw)
    for raw in (
        {"kind": "synthetic"},
        {
            "kind": "files",
            "interactions": "a",
            "user_column": "user_id",
            "time_column": "timestamp",
        },
    )
]


def _parquet(table: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    table.to_parquet(stream)
    return stream.getvalue()


FILES = {
    "h.csv": ROWS.to_csv(index=False).encode(),
    "h.tsv": ROWS.to_csv(index=False, sep="\t").encode(),
    "h.parquet": _parquet(ROWS),
    "times.parquet": _parquet(ROWS.assign(timestamp=pd.to_datetime(ROWS["timestamp"], unit="s"))),
}


@pytest.mark.parametrize("name", FILES)
@fuzzed(15)
@given(data=st.data())
def test_damaged_histories_are_histories_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    root = tmp_path_factory.getbasetemp() / f"{name} histories"
    shutil.rmtree(root, ignore_errors=True)
    (root / "parts").mkdir(parents=True)
    (root / name).write_bytes(data.draw(damaged([FILES[name]], SNIPPETS)))
    spec = data.draw(st.sampled_from(SPECS))
    try:
        found = find_histories(root / name, spec)
        num_rows = sum(split_by_user(found, root / "parts", 2))
        assert num_rows >= 1
        parts = [read_part(part_path(root / "parts", n), found, ITEMS, spec) for n in range(2)]
    except DataError as error:
        assert name in str(error)
    else:
        assert all(set(part.rows["item_id"]) <= set(ITEMS) for part in parts)
