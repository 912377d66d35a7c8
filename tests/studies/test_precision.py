"""What the study of precisions says on this processor; seven minutes: ``.ci/nightly``."""

from pathlib import Path

import pytest

from reports.study.contrasts import Finding, compare
from reports.study.summary import summarise
from studies.run import main
from tests.studies.test_study_files import STUDIES

pytestmark = [pytest.mark.ray, pytest.mark.nightly]
(PRECISION,) = (path for path in STUDIES if path.stem == "precision")


def test_bf16_trains_as_accurately_as_fp32_within_the_interval(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(PRECISION), "--out", str(out)]) == 0
    named = [one for one in compare(summarise(out)) if one.kind == "named"]
    assert {(one.better, one.than) for one in named} == {
        ("ID bf16", "ID"),
        ("TS bf16", "TS"),
        ("E2E top-1 bf16", "E2E top-1"),
    }
    assert all(len(one.seeds) == 5 for one in named)
    assert {one.finding for one in named} == {Finding.OPEN}
