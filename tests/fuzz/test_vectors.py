"""A damaged file of own vectors, or of their ids, gives a vector per item or is a ``DataError``."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.data.files.vectors import VectorFile
from morec.data.item_vectors import write_aligned
from morec.errors import DataError
from tests.fuzz.mutations import damaged, fuzzed
from tests.fuzz.test_readers import SNIPPETS
from tests.morec.data.reader_cases import write_files

NAMES = tuple(f"i{number}" for number in range(8))
VALUES = np.random.default_rng(3).normal(size=(8, 3)).astype(np.float32)
SHAPES = [
    b"(8, 3)",
    b"(9223372036854775807, 3)",
    b"(99999999999, 99999)",
    b"(-1, 3)",
    b"(8,)",
    b"(0, 0)",
    b"'|O'",
    b"'<f8'",
    b"'<U1000000000'",
    b"True",
    b"\x93NUMPY\x03",
]


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def _parquet(columns: dict[str, object]) -> bytes:
    stream = io.BytesIO()
    pd.DataFrame(columns).to_parquet(stream)
    return stream.getvalue()


LISTED = {"item_id": NAMES, "vector": list(VALUES)}
WIDE = pd.DataFrame(VALUES, columns=["a", "b", "c"], index=pd.Index(NAMES, name="item_id"))
CASES: dict[str, tuple[dict[str, bytes], str, str | None]] = {
    "v.npy": ({"v.npy": _npy(VALUES), "ids.npy": _npy(np.array(NAMES))}, "ids.npy", None),
    "lines.npy": (
        {"lines.npy": _npy(VALUES), "ids.txt": "\n".join(NAMES).encode()},
        "ids.txt",
        None,
    ),
    "v.parquet": ({"v.parquet": _parquet(LISTED)}, "item_id", "vector"),
    "wide.parquet": ({"wide.parquet": _parquet({**WIDE.reset_index()})}, "item_id", None),
    "v.csv": ({"v.csv": WIDE.to_csv().encode()}, "item_id", None),
    "v.tsv": ({"v.tsv": WIDE.to_csv(sep="\t").encode()}, "item_id", None),
}


@pytest.mark.parametrize("name", CASES)
@fuzzed(15)
@given(data=st.data())
def test_damaged_vectors_are_vectors_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    files, ids, column = CASES[name]
    root = tmp_path_factory.getbasetemp() / f"{name} vectors"
    spoiled = data.draw(st.sampled_from(sorted(files)))
    write_files(root, {**files, spoiled: data.draw(damaged([files[spoiled]], SNIPPETS + SHAPES))})
    ids = data.draw(st.sampled_from([ids, ids, "vector", "", "a"])) if column else ids
    file = VectorFile(root / name, str(root / ids) if name.endswith(".npy") else ids, column)
    target = root / "aligned.npy"
    target.unlink(missing_ok=True)
    try:
        write_aligned(file, NAMES, target)
    except DataError as error:
        assert name in str(error) or spoiled in str(error)
    else:
        found = np.load(target)
        assert len(found) == len(NAMES)
        assert np.isfinite(found).all()
