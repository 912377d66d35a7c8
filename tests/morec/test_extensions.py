"""Tables hold our entries and those of installed packages; a broken or doubled one is an error."""

import hashlib
import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from morec.code_version import sources_hash
from morec.errors import SpecError
from morec.extensions import Deferred, Table, installed, provider
from tests.installed_package import write_package

OWN = {"one": 1, "two": 2}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on Python's path, as site-packages is."""
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def losses() -> Table[int]:
    return Table("morec.losses", OWN)


def test_without_packages_a_table_is_our_own_entries() -> None:
    assert dict(losses()) == OWN
    assert list(losses()) == ["one", "two"]
    assert len(losses()) == 2


def test_an_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="three"):
        losses()["three"]


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(ValueError, match=re.escape("'morec.moods' is none of ('morec.losses', ")):
        Table("morec.moods", OWN)


def test_an_installed_entry_follows_ours_and_is_loaded_when_it_is_read(home: Path) -> None:
    write_package(
        home,
        "toy-losses",
        modules={"toy_three.py": "THREE = 3\n"},
        entries={"morec.losses": {"three": "toy_three:THREE"}},
    )
    assert list(losses()) == ["one", "two", "three"]
    assert losses()["three"] == 3
    assert list(Table("morec.metrics", OWN)) == ["one", "two"]


def test_naming_the_entries_imports_nothing(home: Path) -> None:
    write_package(
        home,
        "toy-broken",
        modules={"toy_broken.py": "1 / 0\n"},
        entries={"morec.losses": {"broken": "toy_broken:LOSS"}},
    )
    assert "broken" in list(losses())
    with pytest.raises(SpecError) as caught:
        losses()["broken"]
    assert str(caught.value) == (
        "'broken' of toy-broken (morec.losses = toy_broken:LOSS) cannot be loaded: "
        "ZeroDivisionError: division by zero"
    )


def test_a_name_of_ours_cannot_be_taken(home: Path) -> None:
    write_package(
        home,
        "toy-thief",
        modules={"toy_thief.py": "ONE = -1\n"},
        entries={"morec.losses": {"one": "toy_thief:ONE"}},
    )
    with pytest.raises(SpecError, match="'one' is claimed by morec-studies and toy-thief; "):
        losses()["one"]
    assert losses()["two"] == 2


def test_two_packages_cannot_share_a_name(home: Path) -> None:
    for name in ("toy-a", "toy-b"):
        module = name.replace("-", "_")
        write_package(
            home,
            name,
            modules={f"{module}.py": "X = 0\n"},
            entries={"morec.losses": {"same": f"{module}:X"}},
        )
    with pytest.raises(SpecError, match="'same' is claimed by toy-a and toy-b; "):
        losses()["same"]


def test_a_provider_is_a_distribution_its_version_and_the_hash_of_its_sources(home: Path) -> None:
    source = "X = 0\n"
    write_package(
        home,
        "toy-single",
        modules={"toy_single.py": source},
        entries={"morec.readers": {"single": "toy_single:X"}},
        version="0.3",
    )
    write_package(
        home,
        "toy-folder",
        modules={"toy_folder/__init__.py": "", "toy_folder/deep.py": source},
        entries={"morec.readers": {"folder": "toy_folder.deep:X"}},
    )
    single = hashlib.sha256(source.encode()).hexdigest()[:8]
    assert provider("morec.readers", "single") == f"toy-single 0.3 {single}"
    folder = sources_hash(home / "toy_folder")
    assert provider("morec.readers", "folder") == f"toy-folder 1.2 {folder}"
    assert provider("morec.readers", "movielens") is None


def test_a_deferred_entry_is_imported_when_it_is_read() -> None:
    table: Table[float] = Table("morec.metrics", {"tau": Deferred("math", "tau"), "one": 1.0})
    assert list(table) == ["tau", "one"]
    assert (table["tau"], table["one"]) == (math.tau, 1.0)
    broken = Table("morec.metrics", {"none": Deferred[int]("math", "no_such_number")})
    assert "none" in list(broken)
    with pytest.raises(AttributeError, match="no_such_number"):
        broken["none"]
