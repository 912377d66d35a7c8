"""Every reader of the table keeps its contract: what is read, its name, what its hash covers."""

import hashlib
from pathlib import Path
from typing import get_args

import pytest

from morec.config import OurDatasetSpec, canonical_json
from morec.data.dataset import Dataset, load_dataset, source_hash
from morec.data.readers.table import READERS
from tests.morec.data.hand_made import windows_of
from tests.morec.data.reader_cases import CASES, write_files

OF_FILES = [name for name, case in CASES.items() if case.files and "images" not in name]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a case's files lie; its name is part of golden values."""
    return tmp_path / "root"


def test_every_kind_of_ours_has_a_reader_a_specification_and_a_case() -> None:
    specs = {kind: reader.spec for kind, reader in READERS.own.items()}
    assert tuple(specs.values()) == get_args(OurDatasetSpec)
    assert {
        kind: get_args(spec.model_fields["kind"].annotation) for kind, spec in specs.items()
    } == {kind: (kind,) for kind in specs}
    assert {case.options["kind"] for case in CASES.values()} == set(specs)


def golden_value(dataset: Dataset) -> str:
    """8 hex digits of name, counts, windows, titles and images; its source hash is not in it."""
    images = dataset.images and (dataset.images.kind, dataset.images.path.name, dataset.images.keys)
    read = {
        "names": (dataset.name, dataset.kind, dataset.is_synthetic),
        "counts": dict(dataset.counts),
        "windows": windows_of(dataset),
        "titles": dataset.titles,
        "images": images,
        "ages": None if dataset.ages_s is None else dataset.ages_s.tolist(),
    }
    return hashlib.sha256(canonical_json(read).encode()).hexdigest()[:8]


@pytest.mark.parametrize("name", CASES)
def test_a_reader_reads_its_golden_value(root: Path, name: str) -> None:
    case = CASES[name]
    case.write(root)
    assert golden_value(load_dataset(case.spec(), root)) == case.golden


@pytest.mark.parametrize("name", OF_FILES)
def test_the_source_hash_is_the_hash_of_all_files_hashes_in_order(root: Path, name: str) -> None:
    case = CASES[name]
    case.write(root)
    digests = (hashlib.sha256(data).digest() for data in case.files.values())
    assert source_hash(case.spec(), root) == hashlib.sha256(b"".join(digests)).hexdigest()


@pytest.mark.parametrize("name", OF_FILES)
def test_another_byte_in_any_file_is_another_source_hash(root: Path, name: str) -> None:
    case = CASES[name]
    case.write(root)
    hashes = {source_hash(case.spec(), root)}
    for path, data in case.files.items():
        write_files(root, {path: data + b"\n"})
        hashes.add(source_hash(case.spec(), root))
    assert len(hashes) == 1 + len(case.files)
