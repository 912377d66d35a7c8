"""A ledger written by the code of 2026-11-27 is read and audited; a run begins its trials anew.

``earlier_ledger/`` holds the study and what ``python studies/run.py study.yaml --only text`` left
behind at commit 4251679, before modules moved into rooms and schema 3 gave configurations another
meaning.
"""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from morec.config import SCHEMA_VERSION
from morec.results import TrialStatus
from reports.study.report import read_report
from studies.run import main
from tune_space.ledger.records import Ledger

EARLIER = Path(__file__).with_name("earlier_ledger")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EARLIER, tmp_path / "runs" / "study"))


def test_the_earlier_ledger_is_read_whole(out: Path) -> None:
    report = read_report(out)
    assert {arm.name for arm in report.summary.arms} == {"text", "ID"}
    records = Ledger(out).read_all()
    assert len(records) == 4
    assert {record.trial_id for record in records.values()} == set(records)
    for trial_id, record in records.items():
        assert record.schema_version == 2
        assert record.config.trial_id(record.sources, schema=2) == trial_id
        assert record.config.trial_id(record.sources) != trial_id


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_the_earlier_records_are_kept_and_their_trials_run_again(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = str(EARLIER / "study.yaml")
    before = {path.name: path.read_bytes() for path in (out / "trials").iterdir()}
    assert main([study, "--out", str(out)]) == 0
    after = {path.name: path.read_bytes() for path in (out / "trials").iterdir()}
    assert before.items() <= after.items()
    records = Ledger(out).read_all().values()
    assert Counter(record.schema_version for record in records) == {2: 4, SCHEMA_VERSION: 8}
    assert {record.status for record in records} == {TrialStatus.COMPLETED}
    assert "4 records of schema 2" in capsys.readouterr().out
    assert main([study, "--out", str(out), "--audit"]) == 0, capsys.readouterr().out
