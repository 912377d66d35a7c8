"""Own vectors as a part of items: aligned, frozen, and worth what the encoder that made them is."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from torch import Tensor

from morec.config import ItemSpec, TrialConfig, VectorsSpec
from morec.data.dataset import Dataset, load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import OWN_VECTORS, weights_hash
from morec.encoders.frozen import counts_of
from morec.encoders.item import ItemEncoder, build_item_encoder, prepare_item_inputs
from morec.errors import DataError, SpecError
from morec.model_profile import profile_model
from tests.morec.encoders.contract import DIM, Builder, EncoderContract
from tests.morec.tiny_trials import run

WIDTH = 7


def write(folder: Path, dataset: Dataset, name: str = "v.parquet", width: int = WIDTH) -> Path:
    """Vectors of all items in another order than theirs, among those of items nobody has."""
    random = np.random.default_rng(5)
    names = [dataset.name_of(item) for item in range(1, dataset.num_items + 1)]
    ids = random.permutation([*names, "nobody's", "no one's"])
    values = random.normal(size=(len(ids), width)).astype(np.float32)
    pq.write_table(pa.table({"item": ids, "v": list(values)}), folder / name)
    return folder / name


def vectors(path: Path, **options: Any) -> dict[str, Any]:
    return {"file": str(path), "ids": "item", "column": "v", **options}


def build(item: dict[str, Any], dataset: Dataset, store: ArtefactStore) -> ItemEncoder:
    torch.manual_seed(0)
    return build_item_encoder(ItemSpec.model_validate(item), dataset, DIM, 0.0, store).eval()


class VectorsBuilder(Builder):
    def __init__(self, dataset: Dataset, store: ArtefactStore, path: Path) -> None:
        super().__init__(dataset, store)
        self.path = path

    def spec(self, name: str, trained: str) -> ItemSpec:
        options = {"plain": {}, "processed": {"pca": 4, "whiten": True, "normalize": True}}[name]
        return ItemSpec.model_validate({"vectors": {"own": vectors(self.path, **options)}})


@pytest.fixture(scope="module")
def builder(
    dataset: Dataset, shared_store: ArtefactStore, tmp_path_factory: pytest.TempPathFactory
) -> VectorsBuilder:
    path = write(tmp_path_factory.mktemp("vectors"), dataset)
    return VectorsBuilder(dataset, shared_store, path)


@pytest.fixture(scope="module", params=["plain", "processed"])
def case(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param, "ts"


class TestVectors(EncoderContract):
    pass


def test_a_part_reads_the_vectors_of_its_own_items(
    dataset: Dataset, store: ArtefactStore, items: Tensor, tmp_path: Path
) -> None:
    path = write(tmp_path, dataset)
    table = pq.read_table(path).to_pydict()
    by_id = dict(zip(table["item"], table["v"], strict=True))
    encoder = build({"vectors": {"own": vectors(path)}}, dataset, store)
    expected = torch.tensor([by_id[dataset.name_of(item)] for item in items.tolist()])
    part = encoder.parts["vectors:own"]
    assert torch.equal(part.get_submodule("encoder")(items - 1), expected)
    linear = part.get_submodule("projection")[0]
    expected_vectors = torch.nn.functional.gelu(expected @ linear.weight.T + linear.bias)
    torch.testing.assert_close(encoder(items), expected_vectors)


def test_several_are_fused_in_the_order_of_their_names_after_the_others(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    first, second = write(tmp_path, dataset), write(tmp_path, dataset, "w.parquet", width=3)
    parts = {"b": vectors(first), "a": vectors(second)}
    item = {"id": True, "vectors": parts, "fusion": "concat"}
    assert ItemSpec.model_validate(item).parts == ("id", "vectors.a", "vectors.b")
    encoder = build(item, dataset, store)
    assert list(encoder.parts) == ["id", "vectors:a", "vectors:b"]
    turned = {**item, "vectors": dict(reversed(parts.items()))}
    some = torch.tensor([3, 1])
    assert torch.equal(build(turned, dataset, store)(some), encoder(some))
    made = prepare_item_inputs(ItemSpec.model_validate(item), dataset, store)
    assert {name: artefact.array("features").shape[1] for name, artefact in made.items()} == {
        "vectors.a": 3,
        "vectors.b": WIDTH,
    }


@pytest.mark.parametrize("control", ["shuffle", "noise", "constant"])
def test_controls_replace_vectors(
    control: str, dataset: Dataset, store: ArtefactStore, items: Tensor, tmp_path: Path
) -> None:
    path = write(tmp_path, dataset)
    parts = {"id": True, "fusion": "add", "vectors": {"own": vectors(path)}}
    plain = build(parts, dataset, store).parts["vectors:own"].get_submodule("encoder")(items - 1)
    parts["vectors"] = {"own": vectors(path, control=control)}
    found = build(parts, dataset, store).parts["vectors:own"].get_submodule("encoder")(items - 1)
    rows = {tuple(row) for row in plain.tolist()}
    if control == "shuffle":
        assert {tuple(row) for row in found.tolist()} == rows
        assert not (found == plain).all(1).any()
    else:
        assert not rows & {tuple(row) for row in found.tolist()}
        torch.testing.assert_close(found.mean(0), plain.mean(0), atol=1.0, rtol=0)


def test_the_hash_is_that_of_the_files_content(dataset: Dataset, tmp_path: Path) -> None:
    spec = VectorsSpec.model_validate(vectors(write(tmp_path, dataset)))
    before = weights_hash(spec)
    moved = spec.model_copy(
        update={"file": str(Path(spec.file).rename(tmp_path / "moved.parquet"))}
    )
    assert weights_hash(moved) == before
    write(tmp_path, dataset, "moved.parquet", width=2)
    assert weights_hash(moved) != before
    np.save(tmp_path / "v.npy", np.eye(3))
    (tmp_path / "ids.txt").write_text("a\nb\nc\n")
    array = VectorsSpec(file=str(tmp_path / "v.npy"), ids=str(tmp_path / "ids.txt"))
    before = weights_hash(array)
    (tmp_path / "ids.txt").write_text("a\nc\nb\n")
    assert weights_hash(array) != before


def test_every_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        weights_hash(VectorsSpec(file="v.npy", ids="ids.txt"))
    there = tmp_path.resolve()
    assert str(caught.value) == (
        f"item.vectors: there is no file {there / 'v.npy'} and no file {there / 'ids.txt'}"
    )


def test_faults_have_the_path_of_the_study_file(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    path = write(tmp_path, dataset)
    pq.write_table(pq.read_table(path).slice(0, 3), path)
    with pytest.raises(DataError, match=r"^item\.vectors: v\.parquet: \d+ of 24 items without a v"):
        build({"vectors": {"own": vectors(path)}}, dataset, store)
    path = write(tmp_path, dataset)
    with pytest.raises(SpecError, match=r"^item\.vectors \(.*v\.parquet\)\.pca: 9, but"):
        build({"vectors": {"own": vectors(path, pca=9)}}, dataset, store)


def test_a_profile_has_the_width_of_the_file_and_knows_nothing_without_it(
    dataset: Dataset, tmp_path: Path
) -> None:
    def profile(path: Path, **options: Any) -> Any:
        item = {"vectors": {"own": vectors(path, **options)}}
        values = {"dataset": {"kind": "movielens"}, "item": item, "model": {"dim": 16}}
        config = TrialConfig.model_validate_json(json.dumps(values))
        return profile_model(config, num_users=9, num_items=24)

    path = write(tmp_path, dataset)
    plain, reduced = profile(path), profile(path, pca=2)
    assert plain.params_total - reduced.params_total == (WIDTH - 2) * 16
    assert plain.artefact_bytes == {"vectors.own": 24 * 4 * WIDTH}
    assert reduced.artefact_bytes == {"vectors.own": 24 * 4 * (WIDTH + 2)}
    assert profile(tmp_path / "absent.parquet") is None


@pytest.mark.usefixtures("minilm")
def test_vectors_of_minilm_give_the_numbers_of_the_frozen_minilm(tmp_path: Path) -> None:
    base = {
        "dataset": {"kind": "synthetic", "num_users": 40, "num_items": 30, "max_seq_len": 8},
        "model": {"dim": 16, "num_blocks": 1},
        "training": {"batch_size": 16, "max_epochs": 2},
        "evaluation": {"test": True},
    }
    text = {"name": "minilm", "pooling": "mean"}

    def trial(item: dict[str, Any]) -> TrialConfig:
        return TrialConfig.model_validate_json(json.dumps({**base, "item": item}))

    frozen = trial({"text": text})
    dataset = load_dataset(frozen.dataset, tmp_path)
    dataset = replace(dataset, item_names=tuple(f"item {n}" for n in range(dataset.num_items)))
    store = ArtefactStore(tmp_path / "artefacts")
    features = prepare_item_inputs(frozen.item, dataset, store)["text"].array("features")
    order = np.random.default_rng(1).permutation(len(features) + 5)
    ids = [f"item {n}" for n in range(len(features))] + [f"other {n}" for n in range(5)]
    rows = [*features, *np.random.default_rng(2).normal(size=(5, features.shape[1]))]
    table = {"item": [ids[n] for n in order], "v": [rows[n].tolist() for n in order]}
    pq.write_table(pa.table(table), tmp_path / "v.parquet")
    own = trial({"vectors": {"minilm": vectors(tmp_path / "v.parquet")}})
    results = [run(one, dataset, tmp_path / one.item.parts[0]) for one in (frozen, own)]
    losses = [[epoch.train_loss for epoch in one.epochs] for one in results]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert results[0].test is not None and results[1].test is not None
    assert results[0].test.metrics == pytest.approx(results[1].test.metrics, abs=1e-6)


def test_the_hash_of_one_file_is_its_sha256(dataset: Dataset, tmp_path: Path) -> None:
    path = write(tmp_path, dataset)
    spec = VectorsSpec.model_validate(vectors(path))
    assert weights_hash(spec) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_ids_and_column_are_part_of_what_is_read(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    path = write(tmp_path, dataset)
    table = pq.read_table(path)
    turned = [row[::-1] for row in table["v"].to_pylist()]
    backwards = pa.array(table["item"].to_pylist()[::-1])
    table = table.append_column("w", pa.array(turned, table["v"].type))
    pq.write_table(table.append_column("other", backwards), path)
    options: list[dict[str, str]] = [{}, {"column": "w"}, {"ids": "other"}]
    made = [
        OWN_VECTORS.inputs(VectorsSpec.model_validate(vectors(path, **each)), dataset, store)
        for each in options
    ]
    own, columns, others = (one.array("features") for one in made)
    assert np.array_equal(columns, own[:, ::-1])
    assert not np.array_equal(others, own)
    assert len({one.path for one in made}) == 3


def test_an_array_is_known_by_its_content_wherever_its_ids_are(
    dataset: Dataset, store: ArtefactStore, tmp_path: Path
) -> None:
    names = [dataset.name_of(item) for item in range(1, dataset.num_items + 1)]
    values = np.random.default_rng(4).normal(size=(len(names) + 1, 3)).astype(np.float32)
    np.save(tmp_path / "v.npy", values)
    made = []
    for name in ("ids.txt", "moved.txt"):
        (tmp_path / name).write_text("".join(f"{one}\n" for one in ["nobody's", *names]))
        spec = VectorsSpec(file=str(tmp_path / "v.npy"), ids=str(tmp_path / name))
        made.append(OWN_VECTORS.inputs(spec, dataset, store))
    assert made[0] == made[1]
    assert np.array_equal(made[0].array("features"), values[1:])
    counted = counts_of(made[0])
    assert counted
    assert all(isinstance(number, int) for number in counted.values())
    assert 1 in counted.values()


def test_a_blank_table_has_one_item_as_wide_as_the_file(dataset: Dataset, tmp_path: Path) -> None:
    blank = OWN_VECTORS.blank(VectorsSpec.model_validate(vectors(write(tmp_path, dataset))))
    assert blank is not None
    found = blank(torch.tensor([0]))
    assert (found.dtype, found.tolist()) == (torch.float32, [[0.0] * WIDTH])
    with pytest.raises(IndexError):
        blank(torch.tensor([1]))
