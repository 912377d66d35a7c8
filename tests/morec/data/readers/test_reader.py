"""What readers share, and readers of installed packages: each package is tried in a process."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from morec.config import HMSpec, MovieLensSpec, PairsSpec
from morec.data.readers.reader import file_name, folder_name, hash_of
from tests.installed_package import write_package
from tests.morec.data.hand_made import write_image

ROOT = Path(__file__).parents[4]
TOY = '''
"""Reads ``<user> <item>`` lines, oldest first."""

from pathlib import Path
from typing import Literal

import pandas as pd

from morec.config import ImagesSpec
from morec.data.files.sources import locate
from morec.data.interactions import from_rows
from morec.data.readers.reader import Reader, file_name, hash_of


class ToySpec(ImagesSpec):
    kind: Literal["toy"]
    clicks: str
    skip: int = 0


def source_files(spec, root):
    return locate([spec.clicks], root)


def read_toy(spec, root):
    lines = source_files(spec, root)[0].read_text().splitlines()[spec.skip:]
    rows = pd.DataFrame([line.split() for line in lines], columns=["user", "item"])
    return from_rows(rows.assign(timestamp=range(len(rows))))


READER = Reader(ToySpec, read_toy, hash_of(source_files), file_name("clicks"))
'''
CLICKS = "a x\na y\nb y\na z\nb x\nb z\nb w\n"
TOY_DATA = {"kind": "toy", "clicks": "shop/clicks.txt", "min_seq_len": 3}
LOAD = f"""
from pathlib import Path
from morec.config import TrialConfig
from morec.data.dataset import load_dataset
config = TrialConfig.model_validate({{"dataset": {TOY_DATA}, "item": {{"id": True}}}})
dataset = load_dataset(config.dataset, Path("."))
print(dataset.name, dataset.kind, dataset.num_users, dataset.item_ids.tolist(), dataset.sha256)
"""
EXPAND = """
import json, sys
from morec.errors import SpecError
from tune_space.study.expand import expand
from tune_space.study.load import parse_study
study = {"question": "q", "baseline": "a", "seeds": [1, 2, 3]}
study["arms"] = {"a": {}, "b": {"model.dim": 1024}}
found = []
for dataset in json.loads(sys.argv[1]):
    text = json.dumps({**study, "base": {"dataset": dataset, "item": {"id": True}}})
    try:
        found.append(expand(parse_study(text))[0].config.dataset.model_dump(exclude_defaults=True))
    except SpecError as error:
        found.append(str(error))
print(json.dumps(found))
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder for packages, and a file of clicks."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "clicks.txt").write_text(CLICKS)
    return tmp_path


def install(home: Path, modules: Mapping[str, str], **readers: str) -> None:
    write_package(home, "toy-readers", modules=modules, entries={"morec.readers": readers})


def output(home: Path, code: str, *arguments: str) -> str:
    """What ``code`` prints in a process that finds the packages in ``home``."""
    path = {"PYTHONPATH": f"{home}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=home,
        env={**os.environ, **path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def expand(home: Path, *datasets: Mapping[str, Any]) -> list[Any]:
    """For a study of each dataset: the dataset of its first arm, or the error."""
    found: list[Any] = json.loads(output(home, EXPAND, json.dumps(datasets)))
    return found


def test_a_file_is_named_by_its_folder_and_without_suffixes() -> None:
    spec = PairsSpec(kind="pairs", interactions="data/shop/pairs.csv.gz")
    assert file_name("interactions")(spec) == "shop/pairs"
    bare = PairsSpec(kind="pairs", interactions="pairs.csv")
    assert file_name("interactions")(bare) == "pairs"


def test_a_folder_is_named_by_its_last_part_and_no_folder_by_the_kind() -> None:
    assert folder_name(HMSpec(kind="hm", folder="data/2022/")) == "2022"
    assert folder_name(HMSpec(kind="hm", folder=".")) == "hm"
    assert folder_name(MovieLensSpec(kind="movielens")) == "movielens"


def test_a_hash_covers_the_bytes_of_files_and_the_names_and_sizes_of_images(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_bytes(b"rows")
    write_image(tmp_path / "covers/a.png")
    source_hash = hash_of(lambda spec, root: [root / spec.interactions])
    spec = PairsSpec(kind="pairs", interactions="pairs.csv")
    content = hashlib.sha256(b"rows").digest()
    assert source_hash(spec, tmp_path) == hashlib.sha256(content).hexdigest()
    content += f"a.png {(tmp_path / 'covers/a.png').stat().st_size}\n".encode()
    with_images = spec.model_copy(update={"images": "covers"})
    assert source_hash(with_images, tmp_path) == hashlib.sha256(content).hexdigest()


def test_a_package_adds_a_kind_of_dataset(home: Path) -> None:
    install(home, {"toy_reader.py": TOY}, toy="toy_reader:READER")
    name, kind, num_users, *items, sha256 = output(home, LOAD).split()
    assert (name, kind, num_users) == ("shop/clicks", "toy", "2")
    assert "".join(items) == "[1,2,3,2,1,3,4]"
    assert len(sha256) == 64


def test_a_study_names_the_kind_of_a_package_and_its_typos_are_answered(home: Path) -> None:
    install(home, {"toy_reader.py": TOY}, toy="toy_reader:READER")
    typo, other = {**TOY_DATA, "skp": 1}, {**TOY_DATA, "kind": "tow"}
    dataset, unknown_key, unknown_kind = expand(home, TOY_DATA, typo, other)
    assert dataset == TOY_DATA
    assert "base.dataset.skp: unknown key 'skp'. Did you mean 'skip'?" in unknown_key
    assert "unknown kind 'tow'. Did you mean 'toy'?" in unknown_kind


BROKEN = {
    "1 / 0\n": "'toy' of toy-readers (morec.readers = toy_reader:READER) cannot be loaded: "
    "ZeroDivisionError: division by zero",
    "READER = None\n": "morec.readers: 'toy' has no specification derived from WindowSpec",
    TOY.replace('Literal["toy"]', 'Literal["tow"]'): (
        "morec.readers: the specification of 'toy' lacks kind: Literal['toy']"
    ),
}


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_package_stops_only_studies_that_name_its_kind(home: Path, source: str) -> None:
    install(home, {"toy_reader.py": source}, toy="toy_reader:READER")
    dataset, found = expand(home, {"kind": "synthetic"}, TOY_DATA)
    assert dataset == {"kind": "synthetic"}
    assert BROKEN[source] in found


def test_a_kind_of_ours_that_a_package_claims_is_refused(home: Path) -> None:
    install(home, {"toy_reader.py": TOY}, synthetic="toy_reader:READER")
    sequences = {"kind": "sequences", "users": "u.tsv", "items": "i.tsv"}
    dataset, found = expand(home, sequences, {"kind": "synthetic"})
    assert dataset == sequences
    assert "morec.readers: 'synthetic' is claimed by morec-studies and toy-readers" in found
