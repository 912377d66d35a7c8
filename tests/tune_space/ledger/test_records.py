"""The ledger gives back what was written, and names the file that is not a record."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from morec.config import TrialConfig
from morec.errors import DataError
from morec.results import TrialResult, TrialStatus
from tune_space.ledger.examples import StudyExamples
from tune_space.ledger.manifest import ArmEntry, Manifest, SearchEntry
from tune_space.ledger.records import Ledger
from tune_space.study.spec import ArmSpec, StudySpec

CONFIG = TrialConfig.model_validate({"dataset": {"kind": "synthetic"}, "item": {"id": True}})
STUDY = StudySpec(
    name="s", question="?", base={"item": {"id": True}}, arms={"A": ArmSpec()}, baseline="A"
)


def failed(trial_id: str, error: str = "out of memory") -> TrialResult:
    return TrialResult(
        trial_id=trial_id,
        config=CONFIG,
        sources={"data": "d1"},
        status=TrialStatus.FAILED,
        error=error,
    )


def manifest(**fields: object) -> Manifest:
    return Manifest.model_validate(
        {
            "study": STUDY, "study_file": "question: ?", "command": "run", "state": "running",
            "started_at": "then", "updated_at": "now", "versions": {}, "git": {}, "device": "cpu",
            "num_cpus": 2, "datasets": (), "arms": (ArmEntry(name="A", config=CONFIG),), **fields,
        }
    )  # fmt: skip


def test_a_record_is_read_as_it_was_written_and_replaced_when_written_again(
    tmp_path: Path,
) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.read("t1") is None
    ledger.write(failed("t1"))
    assert ledger.read("t1") == failed("t1")
    ledger.write(failed("t1", "disk full"))
    assert ledger.read("t1") == failed("t1", "disk full")
    assert [path.name for path in (tmp_path / "trials").iterdir()] == ["t1.json"]


def test_examples_are_read_as_they_were_written_and_can_be_removed(tmp_path: Path) -> None:
    ledger, examples = Ledger(tmp_path), StudyExamples(pairs=())
    assert ledger.read_examples() is None
    ledger.write_examples(examples)
    assert ledger.read_examples() == examples
    ledger.examples_path.write_text("{")
    with pytest.raises(DataError, match=r"examples\.json: not a StudyExamples of this version"):
        ledger.read_examples()
    for _ in range(2):
        ledger.write_examples(None)
        assert ledger.read_examples() is None


def test_all_records_are_read_by_trial_id(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.read_all() == {}
    for trial_id in ("t2", "t1"):
        ledger.write(failed(trial_id))
    assert ledger.read_all() == {"t1": failed("t1"), "t2": failed("t2")}


def test_there_is_no_manifest_before_a_study_ran(tmp_path: Path) -> None:
    assert Ledger(tmp_path).read_manifest() is None
    nothing = f"{tmp_path}: no study has run here (there is no manifest.json)"
    with pytest.raises(DataError, match=re.escape(nothing)):
        Ledger(tmp_path).manifest()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(params=st.dictionaries(st.text(), json_values, max_size=3))
def test_a_manifest_is_read_as_it_was_written_whatever_values_were_searched(
    tmp_path_factory: pytest.TempPathFactory, params: dict[str, object]
) -> None:
    ledger = Ledger(tmp_path_factory.mktemp("study"))
    search = (SearchEntry(trial_id="t1", params=params),)
    written = manifest(arms=(ArmEntry(name="A", config=CONFIG, search=search, locked=search[0]),))
    ledger.write_manifest(written)
    assert ledger.read_manifest() == ledger.manifest() == written


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trial_id": "t1"}', "\x00"])
def test_a_file_that_is_no_record_is_named(tmp_path: Path, content: str) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(failed("t0"))
    (tmp_path / "trials" / "t1.json").write_text(content)
    (tmp_path / "manifest.json").write_text(content)
    for read in (lambda: ledger.read("t1"), ledger.read_all):
        with pytest.raises(DataError, match=r"t1\.json: not a TrialResult of this version"):
            read()
    with pytest.raises(DataError, match=r"manifest\.json: not a Manifest of this version"):
        ledger.read_manifest()


def test_an_unknown_key_in_a_record_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.write(failed("t1"))
    path = tmp_path / "trials" / "t1.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "note": "mine"}))
    with pytest.raises(DataError, match="note"):
        ledger.read("t1")


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("running", ("interrupted", "a full disk")),
        ("finished", ("finished", None)),
        ("interrupted", ("interrupted", None)),
    ],
)
def test_only_a_study_that_ran_is_interrupted(
    tmp_path: Path, state: str, after: tuple[str, str | None]
) -> None:
    ledger = Ledger(tmp_path)
    ledger.interrupt("no study has run here")
    assert ledger.read_manifest() is None
    ledger.write_manifest(manifest(state=state))
    ledger.interrupt("a full disk")
    found = ledger.manifest()
    assert (found.state, found.interrupted_by) == after
    assert found.arms == manifest().arms
