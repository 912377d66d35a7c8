"""What is stored of example users: their own items and titles, small pictures, no ids."""

import base64
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from morec.config import TrialConfig
from morec.data.dataset import Dataset, load_dataset
from morec.data.images.sources import ImageSource
from morec.data.splits import evaluation_batches
from morec.encoders.artefacts import ArtefactStore
from morec.results import TrialResult
from tests.morec.tiny_trials import run, tiny_config
from tests.tune_space.ledger.test_records import STUDY, manifest
from tune_space.inputs import examples
from tune_space.inputs.examples import store_examples
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.examples import ExamplePair
from tune_space.ledger.manifest import ArmEntry, Manifest
from tune_space.ledger.records import Ledger

TESTED = {"test": True}
CONFIGS = {
    "wide": tiny_config(evaluation=TESTED, model={"dim": 16}, seed=1),
    "ID": tiny_config(evaluation=TESTED, seed=1),
}


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrialResult]:
    """An arm's record by its name, trained for real."""
    folder = tmp_path_factory.mktemp("trials")
    dataset = load_dataset(CONFIGS["ID"].dataset, folder)
    return {name: run(config, dataset, folder / name) for name, config in CONFIGS.items()}


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    return Prepared(tmp_path, ArtefactStore(tmp_path / "artefacts"))


def study_of(trials: dict[str, TrialResult], **fields: object) -> Manifest:
    plain = {name: record.config.model_copy(update={"seed": 0}) for name, record in trials.items()}
    return manifest(
        study=STUDY.model_copy(update={"baseline": "ID", "seeds": (1,), **fields}),
        arms=tuple(
            ArmEntry(name=name, config=plain[name], final=(record.trial_id,))
            for name, record in trials.items()
        ),
    )


def stored(prepared: Prepared, trials: dict[str, TrialResult], **fields: object) -> ExamplePair:
    ledger = Ledger(prepared.root / "out")
    results = {one.trial_id: one for one in trials.values()}
    store_examples(prepared, ledger, study_of(trials, **fields), results)
    found = ledger.read_examples()
    assert found is not None
    (pair,) = found.pairs
    return pair


def dataset_of(config: TrialConfig) -> Dataset:
    return load_dataset(config.dataset, Path())


def test_users_have_their_last_items_their_target_and_every_title(prepared, trials) -> None:
    pair = stored(prepared, trials)
    dataset = dataset_of(CONFIGS["ID"])
    batches = list(evaluation_batches(dataset, "test", 1))
    assert [side.arm for side in pair.sides] == ["wide", "ID"]
    users = [user for side in pair.sides for user in side.users]
    assert 2 <= len(users) <= 12
    for user in users:
        inputs = [item for item in batches[user.user].inputs_BL[0].tolist() if item]
        assert list(user.history) == inputs[-5:]
        assert user.target == batches[user.user].targets_B[0]
    titles = {one.item: one.title for one in pair.items}
    assert dataset.titles is not None
    assert titles == {item: dataset.titles[item - 1] for item in titles}
    for name in ("wide", "ID"):
        kept = trials[name].test.kept_lists
        for user in users:
            assert titles.keys() >= {*user.history, user.target, *kept.items_VK[user.user, :5]}


def test_pictures_are_small_and_are_those_of_their_items(prepared, trials) -> None:
    pair = stored(prepared, trials)
    array = dataset_of(CONFIGS["ID"]).image_array
    assert array is not None
    for one in pair.items:
        with Image.open(io.BytesIO(base64.b64decode(one.picture))) as image:
            assert image.format == "JPEG" and max(image.size) <= 48
            found = np.asarray(image, dtype=float)
        assert np.abs(found - array[one.item - 1]).mean() < 40
    assert sum(len(base64.b64decode(one.picture)) for one in pair.items) <= 250_000


def test_pictures_end_where_their_bytes_are_spent(prepared, trials, monkeypatch) -> None:
    monkeypatch.setattr(examples, "MAX_PICTURE_BYTES", 2_000)
    pictures = [one.picture for one in stored(prepared, trials).items]
    num = sum(map(bool, pictures))
    assert 0 < num < len(pictures) and all(pictures[:num])
    assert sum(len(base64.b64decode(one)) for one in pictures) <= 2_000


def test_nothing_names_a_user(prepared, trials) -> None:
    stored(prepared, trials)
    plain = json.loads((prepared.root / "out/examples.json").read_text())
    user = plain["pairs"][0]["sides"][0]["users"][0]
    assert user.keys() == {"user", "history", "target"}
    assert isinstance(user["user"], int)


def test_those_of_the_same_trials_are_left_as_they_are(prepared, trials) -> None:
    stored(prepared, trials)
    path = prepared.root / "out/examples.json"
    before = path.stat().st_mtime_ns, path.read_bytes()
    stored(prepared, trials)
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before


def test_a_study_without_examples_stores_none_and_removes_earlier_ones(prepared, trials) -> None:
    stored(prepared, trials)
    ledger = Ledger(prepared.root / "out")
    results = {one.trial_id: one for one in trials.values()}
    store_examples(prepared, ledger, study_of(trials, examples=False), results)
    assert ledger.read_examples() is None
    store_examples(prepared, ledger, study_of(trials, examples=False), results)
    assert not ledger.examples_path.exists()


def test_long_titles_are_cut_and_items_without_one_have_their_own_id() -> None:
    dataset = dataset_of(CONFIGS["ID"])
    long = replace(dataset, titles=("x" * 101, " ", *dataset.titles[2:]))
    assert examples._title(long, 1) == "x" * 99 + "…"
    assert examples._title(long, 2) == dataset.item_names[1]
    assert examples._title(replace(dataset, titles=None), 3) == dataset.item_names[2]


def test_images_of_files_are_read_and_broken_ones_left_out(tmp_path: Path) -> None:
    Image.new("RGB", (400, 100), (200, 0, 0)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"none")
    source = ImageSource("files", tmp_path, ("a.png", "b.png", None))
    dataset = replace(dataset_of(CONFIGS["ID"]), image_array=None, images=source)
    found = examples._pictures(dataset, [1, 2, 3])
    assert found.keys() == {1}
    with Image.open(io.BytesIO(found[1])) as image:
        assert image.size == (48, 12)
        assert np.abs(np.asarray(image, dtype=float) - (200, 0, 0)).max() < 10
    assert examples._pictures(replace(dataset, images=None), [1]) == {}
