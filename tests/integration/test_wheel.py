"""A shipped study runs from an installed wheel to its report, in a folder with nothing in it."""

from pathlib import Path

import pytest

from morec.code_version import sources_hash
from tests.integration.command import PATIENCE_S
from tests.wheels import build_wheel, install, run_installed
from tune_space.ledger.records import Ledger


@pytest.mark.ray
def test_a_shipped_study_runs_by_its_name_to_its_report(tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    installed = install(build_wheel(tmp_path / "built"), tmp_path)
    here = tmp_path / "here"
    here.mkdir()
    words = ["smoke", "--set", "seeds=[1]", "budget.trials=1", "resources.niceness=0"]
    done = run_installed(installed, words, cwd=here, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stdout + done.stderr
    out = here / "runs" / "smoke"
    assert (out / "report.html").is_file()
    manifest = Ledger(out).manifest()
    assert manifest.command == "morec smoke --set 'seeds=[1]' budget.trials=1 resources.niceness=0"
    assert manifest.git == {}
    codes = {record.code["morec"] for record in Ledger(out).read_all().values()}
    assert codes == {sources_hash(installed[0] / "morec")}
