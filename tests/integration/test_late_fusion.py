"""Late fusion with real Ray: killed between members and ensemble, audited, reproduced, reported."""

from pathlib import Path

import pytest

from tests.integration.command import Command, kill_with_ray, study_numbers, wait_until
from tune_space.ledger.records import Ledger

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
STUDY = """
question: Is late fusion as good as one model?
baseline: ID
base:
  dataset: {kind: synthetic, num_users: 60, num_items: 40, max_seq_len: 10}
  item: {id: true}
  model: {dim: 16, num_blocks: 1}
  training: {max_epochs: 2, batch_size: 16}
arms:
  late: {ensemble: [ID, GRU]}
  ID: {}
  GRU: {model.kind: gru4rec}
  twice: {ensemble: [ID, ID]}
search: {optim.lr: {loguniform: [1e-3, 1e-2]}}
budget: {trials: 1}
resources: {niceness: 0}
seeds: [1, 2]
"""


def test_killed_between_members_and_ensemble_it_goes_on_to_the_same_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "late.yaml"
    file.write_text(STUDY)
    whole, cut = Command(file, tmp_path / "whole"), Command(file, tmp_path / "cut")
    assert whole.run_here() == 0
    process = cut.start()
    # Two searches and four final trials of members come before any ensemble.
    wait_until(lambda: len(cut.records()) >= 6, process)
    kill_with_ray(process)
    assert cut.run_here() == 0
    assert study_numbers(cut.out) == study_numbers(whole.out)
    assert cut.checkpoints() == []

    assert Command(file, cut.out, "--audit").run_here() == 0
    entries = {entry.name: entry for entry in Ledger(cut.out).manifest().arms}
    capsys.readouterr()
    assert Command(file, cut.out, "--reproduce", entries["late"].final[0]).run_here() == 0
    assert "identical over 11 epochs" in capsys.readouterr().out
    report = (cut.out / "report.html").read_text(encoding="utf-8")
    assert 'id="complementarity"' in report
