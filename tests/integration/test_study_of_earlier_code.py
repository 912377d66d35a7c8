"""A ledger written by the code of 2026-11-27 is read, continued and audited by today's.

``earlier_ledger/`` holds the study and what ``python studies/run.py study.yaml --only text`` left
behind at commit 4251679, before modules moved into rooms.
"""

import shutil
from pathlib import Path

import pytest

from morec.results import TrialStatus
from reports.study.report import read_report
from studies.run import main
from tune_space.ledger.records import Ledger

EARLIER = Path(__file__).with_name("earlier_ledger")
OTHER_ARM = {
    "sasrec-id-s0-09c3a6fa",
    "sasrec-id-s0-c45621f6",
    "sasrec-id-s1-f9507084",
    "sasrec-id-s2-9246a959",
}
"""The trials that the same commit ran for the arm ``ID`` when the study was continued there."""


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
        assert record.config.trial_id(record.sources) == trial_id


@pytest.mark.ray
@pytest.mark.usefixtures("ray_session")
def test_the_earlier_ledger_is_continued_and_audited(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = str(EARLIER / "study.yaml")
    before = {path.name: path.read_bytes() for path in (out / "trials").iterdir()}
    assert main([study, "--out", str(out)]) == 0
    after = {path.name: path.read_bytes() for path in (out / "trials").iterdir()}
    assert before.items() <= after.items()
    assert {name.removesuffix(".json") for name in after.keys() - before.keys()} == OTHER_ARM
    assert {r.status for r in Ledger(out).read_all().values()} == {TrialStatus.COMPLETED}
    capsys.readouterr()
    assert main([study, "--out", str(out), "--audit"]) == 0, capsys.readouterr().out
