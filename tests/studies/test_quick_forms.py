"""The quick form of every study, run to its report; too long for every commit: ``.ci/nightly``."""

from pathlib import Path

import pytest

from studies.run import main
from tests.studies.test_study_files import WITH_QUICK_FORM
from tune_space.ledger.records import Ledger
from tune_space.study.expand import expand
from tune_space.study.load import load_study

pytestmark = [pytest.mark.ray, pytest.mark.nightly]


@pytest.mark.parametrize("path", WITH_QUICK_FORM, ids=lambda path: path.stem)
def test_a_quick_form_runs_to_its_report(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main([str(path), "--out", str(out), "--set", "profile=quick"]) == 0
    manifest = Ledger(out).read_manifest()
    assert manifest is not None
    assert manifest.state == "finished"
    assert len(manifest.arms) == len(expand(load_study(path, ["profile=quick"])))
    assert "Quick form" in (out / "report.html").read_text()
