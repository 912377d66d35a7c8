"""Whatever lies in an export's folder, or is asked of it, is answered or is a ``DataError``."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from morec.config import SyntheticSpec
from morec.data.dataset import load_dataset
from morec.errors import DataError
from morec.exports.recommender import Recommender
from tests.fuzz.mutations import Files, damaged, fuzzed
from tests.fuzz.test_ledger import SCALARS, SNIPPETS, places
from tests.morec.exports.exported import config_of, export
from tests.morec.tiny_trials import TINY_DATA

HUGE = st.sampled_from([10**9, 10**18, 2**63, -1, 1e300, "../../x", "/etc/passwd", "x" * 5000])
IDS = st.one_of(
    st.sampled_from(["0", "1", 2, 3.0, "", None, float("nan"), True, b"1", (1,), 10**400]),
    st.text(max_size=5),
    st.floats(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dataset = load_dataset(SyntheticSpec.model_validate(TINY_DATA), Path())
    folder, _ = export(config_of("frozen text"), dataset, tmp_path_factory.mktemp("export"))
    return folder


@pytest.fixture(scope="module")
def files(folder: Path) -> Files:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return Files({str(path.relative_to(folder)): path.read_bytes() for path in paths})


@pytest.fixture(scope="module")
def model(folder: Path, files: Files, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    whole = shutil.copytree(folder, tmp_path_factory.mktemp("whole") / "copy")
    write(whole, files)  # A test before may have left one of them damaged.
    return Recommender.load(whole)


def use(folder: Path) -> None:
    """What ``--recommend`` and a notebook ask of an export."""
    try:
        model = Recommender.load(folder)
        model.recommend({"a": model.item_ids[:2]}, k=1)
        model.item_vectors(pd.DataFrame({"item_id": ["new"], "title": ["a title"]}))
    except DataError as error:
        assert str(folder) in str(error) or "histories" in str(error) or "items" in str(error)


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


@fuzzed(12)
@given(st.data())
def test_a_damaged_file_of_an_export_is_answered_or_a_data_error(folder, files, data) -> None:
    name = data.draw(st.sampled_from(sorted(files)))
    write(folder, files | {name: data.draw(damaged([files[name]], SNIPPETS))})
    use(folder)


@fuzzed(12)
@given(st.data())
def test_any_value_in_its_configuration_is_answered_or_a_data_error(folder, files, data) -> None:
    whole = {"": yaml.safe_load(files["config.yaml"])}
    *parents, last = ("", *data.draw(st.sampled_from(places(whole[""]))))
    inner = whole
    for step in parents:
        inner = inner[step]
    inner[last] = data.draw(SCALARS | HUGE)
    write(folder, files | {"config.yaml": yaml.safe_dump(whole[""]).encode()})
    use(folder)


@fuzzed(30)
@given(
    histories=st.dictionaries(st.text(max_size=3), st.lists(IDS, max_size=4), max_size=4),
    k=st.integers(-1, 40),
    excludes=st.booleans(),
)
def test_any_histories_have_lists_or_are_a_data_error(model, histories, k, excludes) -> None:
    try:
        lists = model.recommend(histories, k=k, exclude_seen=excludes)
    except DataError as error:
        assert str(error).strip()
    else:
        assert set(lists["user_id"]) <= set(histories)


@fuzzed(30)
@given(
    columns=st.dictionaries(
        st.sampled_from(["user_id", "item_id", "timestamp", "", " "]),
        st.lists(IDS, min_size=3, max_size=3),
    )
)
def test_any_table_of_histories_has_lists_or_is_a_data_error(model, columns) -> None:
    try:
        model.recommend(pd.DataFrame(columns, dtype=object), k=1)
    except DataError as error:
        assert "histories" in str(error)


@fuzzed(4)
@given(
    columns=st.dictionaries(
        st.sampled_from(["item_id", "title", "vector", "image"]),
        st.lists(IDS, min_size=2, max_size=2),
    )
)
def test_any_table_of_new_items_has_vectors_or_is_a_data_error(model, columns) -> None:
    try:
        assert model.item_vectors(pd.DataFrame(columns, dtype=object)).shape[1] == 8
    except DataError as error:
        assert "items" in str(error)
