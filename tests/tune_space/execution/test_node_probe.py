"""Questions to a node: its software, whether it reads and writes a place, its encoders' weights."""

import hashlib
from importlib.metadata import version
from pathlib import Path

import pytest

from morec.config import TextSpec
from morec.storage import Storage
from tune_space.execution import node_probe as node
from tune_space.execution.node_probe import QUESTION


def test_software_is_a_version_or_not_installed() -> None:
    found = node.software(["numpy", "torch", "no-such-package"], ["no_such_module"])
    assert found["numpy"] == version("numpy")
    assert found["torch"] == version("torch").split("+")[0]
    assert found["no-such-package"] == "not installed"
    assert found["the code of no_such_module"] == "not installed"


def test_packages_of_one_name_differ_by_the_hash_of_their_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for name, text in (("one", "X = 1\n"), ("same", "X = 1\n"), ("other", "X = 2\n")):
        package = tmp_path / name / "shipped_package"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(text)
        (package / "__pycache__").mkdir()
        with monkeypatch.context() as here:
            here.syspath_prepend(str(tmp_path / name))
            found.append(node.software([], ["shipped_package"])["the code of shipped_package"])
    assert found[0] == found[1] != found[2]
    assert found[0] == hashlib.sha256(b"__init__.py\0X = 1\n").hexdigest()[:8]


def test_a_node_answers_only_at_a_place_with_the_drivers_question(tmp_path: Path) -> None:
    asked = Storage(str(tmp_path / "asked"))
    assert node.answer(asked.place) == "is not the driver's there"
    question = tmp_path / "q"
    question.touch()
    asked.put(question, QUESTION)
    assert node.answer(asked.place) is None
    assert len(asked.sizes()) == 2


def test_a_place_that_cannot_be_opened_is_named_with_the_reason() -> None:
    place = "hdfs://namenode:8020/studies"
    refused = node.answer(place)
    assert refused is not None
    assert refused.startswith(f"cannot be used there: {place} cannot be opened on this machine: ")
    assert "libhdfs" in refused or "libjvm" in refused


def test_weights_are_a_hash_or_the_reason_why_they_cannot_be_loaded(tmp_path: Path) -> None:
    words = tmp_path / "glove.txt"
    words.write_text("the 0.1 0.2\n")
    specs = [TextSpec(name="word-average", word_vectors=path) for path in ("glove.txt", "no.txt")]
    found = node.weights(str(tmp_path), specs)
    assert found == [
        hashlib.sha256(words.read_bytes()).hexdigest(),
        f"item.text.word_vectors: there is no file {tmp_path / 'no.txt'}",
    ]
    nowhere = node.weights(str(tmp_path / "not on this machine"), specs[:1])
    assert nowhere == [f"item.text.word_vectors: there is no file {Path('glove.txt').absolute()}"]
