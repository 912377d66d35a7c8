"""A damaged ledger is read as records or raises a ``DataError``; an audit never fails otherwise."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.errors import DataError
from tests.fuzz.mutations import Files, damaged, fuzzed
from tests.reports.made_up_examples import add_examples
from tests.tune_space.made_up_trials import conductor_of, play
from tune_space.commands.audit import audit
from tune_space.commands.status import read_status
from tune_space.ledger.records import Ledger

SNIPPETS = [
    *(b"null", b"true", b"-1", b"1e999", b"NaN", b"Infinity", b"9" * 400, b'""', b'"x"', b"[]"),
    *(b"{}", b"[" * 2000, b"{", b"}", b'"', b",", b":", b"\\u0000", b"\\ud800", b"\xff", b"\x00"),
    *(b"completed", b"failed", b"eJwDAAAAAAE=", b'"eJxjYGBgAAAABAAB"', b"synthetic", b"0.5"),
]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]),
    st.just({}),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("study")
    conductor = conductor_of(made)
    play(conductor)
    conductor.write_manifest("finished")
    add_examples(made)
    return made


@pytest.fixture(scope="module")
def texts(folder: Path) -> dict[str, bytes]:
    return texts_of(folder)


def texts_of(folder: Path) -> Files:
    """A final record, the manifest and the examples, by their paths below the folder."""
    final = Ledger(folder).manifest().arms[0].final[0]
    names = f"trials/{final}.json", "manifest.json", "examples.json"
    return Files({name: (folder / name).read_bytes() for name in names})


def read_everything(folder: Path) -> None:
    ledger = Ledger(folder)
    reads = ledger.read_all, ledger.read_manifest, ledger.read_examples
    for read in (*reads, lambda: read_status(folder)):
        try:
            read()
        except DataError as error:
            assert str(folder) in str(error)
    try:
        audit(folder).format_lines()
    except DataError as error:
        assert str(folder) in str(error)


def check(folder: Path, texts: dict[str, bytes], name: str, data: bytes) -> None:
    for other, text in texts.items():
        (folder / other).write_bytes(text)
    (folder / name).write_bytes(data)
    read_everything(folder)


@fuzzed(100)
@given(st.data())
def test_damaged_text_is_a_record_or_a_data_error(folder, texts, data) -> None:
    name = data.draw(st.sampled_from(sorted(texts)))
    check(folder, texts, name, data.draw(damaged([texts[name]], SNIPPETS)))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path into nested lists and mappings."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


@fuzzed(150)
@given(st.data())
def test_any_value_in_any_place_is_a_record_or_a_data_error(folder, texts, data) -> None:
    name = data.draw(st.sampled_from(sorted(texts)))
    value = {"": json.loads(texts[name])}
    *parents, last = ("", *data.draw(st.sampled_from(places(value[""]))))
    inner = value
    for step in parents:
        inner = inner[step]
    inner[last] = data.draw(SCALARS)
    check(folder, texts, name, json.dumps(value[""]).encode())
