"""Artefacts are made once, found again, checked, repaired, published and fetched."""

import json
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from morec.encoders.artefacts import META, ArtefactStore
from morec.errors import DataError
from morec.storage import Storage


def writer(value: int, made: list[int] | None = None) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        if made is not None:
            made.append(value)
        np.save(folder / "rows.npy", np.full(5, value))

    return make


def test_an_artefact_is_made_once_and_then_found(store: ArtefactStore) -> None:
    made: list[int] = []
    first = store.get_or_make("rows", {"n": 1}, writer(1, made))
    second = store.get_or_make("rows", {"n": 1}, writer(2, made))
    assert made == [1]
    assert second == first
    assert first.num_bytes == (first.path / "rows.npy").stat().st_size
    assert first.seconds >= 0


@pytest.mark.parametrize(("name", "key"), [("rows", {"n": 2}), ("columns", {"n": 1})])
def test_another_key_or_name_is_another_artefact(
    store: ArtefactStore, name: str, key: dict[str, int]
) -> None:
    first = store.get_or_make("rows", {"n": 1}, writer(1))
    other = store.get_or_make(name, key, writer(2))
    assert other.path != first.path
    assert (first.array("rows")[0], other.array("rows")[0]) == (1, 2)


def test_the_order_of_a_key_does_not_matter(store: ArtefactStore) -> None:
    first = store.get_or_make("rows", {"a": 1, "b": 2}, writer(1))
    assert store.get_or_make("rows", {"b": 2, "a": 1}, writer(2)) == first


def test_meta_names_the_key_and_every_file(store: ArtefactStore) -> None:
    artefact = store.get_or_make("rows", {"n": 1}, writer(1))
    meta = json.loads((artefact.path / META).read_text())
    assert meta["key"] == {"n": 1}
    assert list(meta["files"]) == ["rows.npy"]


@pytest.mark.parametrize("damage", ["cut", "delete", "no meta", "broken meta"])
def test_a_damaged_artefact_is_made_again(store: ArtefactStore, damage: str) -> None:
    artefact = store.get_or_make("rows", {"n": 1}, writer(1))
    rows, meta = artefact.path / "rows.npy", artefact.path / META
    match damage:
        case "cut":
            rows.write_bytes(rows.read_bytes()[:-1])
        case "delete":
            rows.unlink()
        case "no meta":
            meta.unlink()
        case "broken meta":
            meta.write_text("[]")
    again = store.get_or_make("rows", {"n": 1}, writer(3))
    assert again.array("rows").tolist() == [3] * 5


def test_only_verify_sees_damage_that_keeps_the_size(store: ArtefactStore) -> None:
    artefact = store.get_or_make("rows", {"n": 1}, writer(1))
    np.save(artefact.path / "rows.npy", np.full(5, 9))
    assert store.get_or_make("rows", {"n": 1}, writer(3)).array("rows")[0] == 9
    again = ArtefactStore(store.folder)
    assert again.get_or_make("rows", {"n": 1}, writer(3)).array("rows")[0] == 9
    careful = ArtefactStore(store.folder, verify=True)
    assert careful.get_or_make("rows", {"n": 1}, writer(3)).array("rows")[0] == 3
    assert careful.get_or_make("rows", {"n": 1}, writer(4)).array("rows")[0] == 3
    np.save(artefact.path / "rows.npy", np.full(5, 9))
    # It is read once: when it is first opened.
    assert careful.get_or_make("rows", {"n": 1}, writer(5)).array("rows")[0] == 9


def test_nothing_is_left_of_an_artefact_that_could_not_be_made(store: ArtefactStore) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.get_or_make("rows", {"n": 1}, fail)
    assert not [path for path in store.folder.iterdir() if path.is_dir()]
    assert store.get_or_make("rows", {"n": 1}, writer(1)).array("rows")[0] == 1


def test_two_concurrent_makers_make_one_artefact(store: ArtefactStore) -> None:
    made: list[int] = []

    def make(folder: Path) -> None:
        time.sleep(0.1)
        writer(1, made)(folder)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.get_or_make("rows", {"n": 1}, make), range(4)))
    assert made == [1]
    assert len(set(found)) == 1


def test_what_an_interrupted_maker_left_is_deleted(store: ArtefactStore) -> None:
    artefact = store.get_or_make("rows", {"n": 1}, writer(1))
    partial = artefact.path.with_name(f".{artefact.path.name}.part")
    artefact.path.rename(partial)
    again = store.get_or_make("rows", {"n": 1}, writer(2))
    assert again.array("rows")[0] == 2
    assert not partial.exists()


def test_arrays_become_tensors_without_a_warning_and_writes_stay_private(
    store: ArtefactStore,
) -> None:
    artefact = store.get_or_make("rows", {"n": 1}, writer(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tensor = torch.from_numpy(artefact.array("rows"))
    tensor[0] = 9
    assert artefact.array("rows")[0] == 1


def test_seconds_of_interrupted_attempts_count(store: ArtefactStore) -> None:
    def make(folder: Path) -> float:
        np.save(folder / "rows.npy", np.zeros(1))
        return 1000.0

    assert 1000 < store.get_or_make("rows", {"n": 1}, make).seconds < 1060


@pytest.fixture
def shared(tmp_path: Path) -> Storage:
    """What a driver put there for other machines: one artefact."""
    shared = Storage((tmp_path / "shared").as_uri())
    driver = ArtefactStore(tmp_path / "driver", shared)
    driver.get_or_make("rows", {"n": 1}, writer(1))
    driver.publish()
    return shared


def never(folder: Path) -> None:
    raise AssertionError("made again")


def test_another_machine_fetches_what_was_published_once(shared: Storage, tmp_path: Path) -> None:
    node = ArtefactStore(tmp_path / "node", shared)
    fetched = node.get_or_make("rows", {"n": 1}, never)
    assert fetched.array("rows").tolist() == [1] * 5
    assert fetched.path.parent == tmp_path / "node"
    shared.remove()
    assert node.named(fetched.path.name) == fetched


def test_an_artefact_in_the_storage_is_not_uploaded_again(shared: Storage, tmp_path: Path) -> None:
    def times() -> dict[Path, int]:
        files = (tmp_path / "shared").rglob("*")
        return {path: path.stat().st_mtime_ns for path in files if path.is_file()}

    before = times()
    again = ArtefactStore(tmp_path / "driver", shared)
    again.get_or_make("rows", {"n": 1}, never)
    again.publish()
    assert times() == before
    again.get_or_make("rows", {"n": 2}, writer(2))
    again.publish()
    assert before.items() < times().items()


def test_an_artefact_that_is_not_whole_in_the_storage_yet_is_not_fetched(
    shared: Storage, tmp_path: Path
) -> None:
    (meta,) = (tmp_path / "shared").glob(f"*/{META}")
    meta.unlink()
    node = ArtefactStore(tmp_path / "node", shared)
    with pytest.raises(DataError, match=f"no artefact {meta.parent.name} in .*node or file:"):
        node.named(meta.parent.name)
    assert node.get_or_make("rows", {"n": 1}, writer(5)).array("rows")[0] == 5


@pytest.mark.parametrize("how", ["cut", "other"])
def test_a_damaged_file_in_the_storage_is_refused_by_its_hash(
    shared: Storage, tmp_path: Path, how: str
) -> None:
    (rows,) = (tmp_path / "shared").glob("*/rows.npy")
    whole = rows.read_bytes()
    rows.write_bytes(whole[:-1] if how == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    node = ArtefactStore(tmp_path / "node", shared)
    message = f"{rows.parent.name}: a file has another size or SHA-256 than meta.json says; delete"
    with pytest.raises(DataError, match=message):
        node.get_or_make("rows", {"n": 1}, never)
    assert [path for path in node.folder.iterdir() if path.is_dir()] == []


def test_a_damaged_local_file_is_not_published(shared: Storage, tmp_path: Path) -> None:
    shared.remove()
    driver = ArtefactStore(tmp_path / "driver", shared)
    path = driver.get_or_make("rows", {"n": 1}, never).path / "rows.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError, match="a file is not what it was made as; delete the folder"):
        driver.publish()
    assert shared.sizes() == {}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass only where a test says so."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(("earlier", "expected"), [(None, 7.0), (50.0, 57.0)])
def test_seconds_are_those_of_the_maker_and_of_earlier_attempts(
    store: ArtefactStore, clock: list[float], earlier: float | None, expected: float
) -> None:
    def make(folder: Path) -> float | None:
        clock[0] += 7
        return earlier

    found = store.get_or_make("nothing", {}, make)
    assert (found.seconds, found.num_bytes) == (expected, 0)


def two_files(folder: Path) -> None:
    writer(1)(folder)
    (folder / "more").mkdir()
    (folder / "more" / "first.txt").write_text("12345")


@pytest.mark.parametrize("name", ["rows.npy", "more/first.txt"])
def test_damage_to_one_of_several_files_is_seen(store: ArtefactStore, name: str) -> None:
    artefact = store.get_or_make("rows", {}, two_files)
    assert artefact.num_bytes == 5 + (artefact.path / "rows.npy").stat().st_size
    (artefact.path / name).write_bytes(b"")
    assert store.find("rows", {}) is None
    assert store.get_or_make("rows", {}, two_files) != artefact


def test_folders_above_the_store_are_made(tmp_path: Path) -> None:
    store = ArtefactStore(tmp_path / "new" / "folder")
    assert store.get_or_make("rows", {}, writer(1)).path.parent == tmp_path / "new" / "folder"


def test_arrays_are_read_when_they_are_asked_for(store: ArtefactStore) -> None:
    assert isinstance(store.get_or_make("rows", {}, writer(1)).array("rows"), np.memmap)


def test_an_artefact_is_found_where_it_is_complete_and_never_made(
    store: ArtefactStore, tmp_path: Path
) -> None:
    assert store.find("rows", {"n": 1}) is None
    made = store.get_or_make("rows", {"n": 1}, writer(1))
    assert store.find("rows", {"n": 1}) == made
    assert store.named(made.path.name) == made
    with pytest.raises(DataError) as caught:
        store.named("rows-2")
    assert str(caught.value) == f"no artefact rows-2 in {tmp_path / 'artefacts'}"


def test_everything_that_was_asked_for_is_published_and_the_list_of_files_last(
    shared: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = ArtefactStore(tmp_path / "driver", shared)
    made = [driver.get_or_make("rows", {"n": n}, two_files).path.name for n in range(1, 8)]
    put, order = Storage.put, []

    def recorded(self: Storage, path: Path, name: str) -> None:
        order.append((path.relative_to(driver.folder).parts[0], name))
        put(self, path, name)

    monkeypatch.setattr(Storage, "put", recorded)
    driver.publish()
    # The first is there already, with one file.
    assert {folder for folder, _ in order} == set(made[1:])
    for folder in made[1:]:
        files = [name for of, name in order if of == folder]
        assert files == ["more/first.txt", "rows.npy", META]
    node = ArtefactStore(tmp_path / "node", shared)
    assert [node.named(name).num_bytes for name in made[1:]] == [
        driver.named(name).num_bytes for name in made[1:]
    ]
