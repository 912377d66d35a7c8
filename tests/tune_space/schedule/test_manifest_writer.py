"""The manifest as it is written: times by the system's clock, orphans by what the arms ask."""

from pathlib import Path

import pytest

from tests.tune_space.made_up_trials import conductor_of, study
from tune_space.ledger.records import Ledger
from tune_space.schedule.manifest_writer import ManifestWriter


def test_the_time_spent_adds_up_over_all_runs_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, then = [10.0], "2030-01-01T00:00:00+00:00"
    monkeypatch.setattr("tune_space.schedule.manifest_writer.monotonic", lambda: now[0])
    monkeypatch.setattr("tune_space.schedule.manifest_writer.utc_now", lambda: then)
    manifest = conductor_of(tmp_path, study()).manifest
    for spent in (5.0, 7.0):
        writer = ManifestWriter(Ledger(tmp_path), manifest)
        now[0] += spent
        assert writer.seconds_of_run() == spent
        writer.write_manifest("finished", arms=manifest.arms, running=(), recorded=())
        manifest = writer.manifest
    written = Ledger(tmp_path).read_manifest()
    assert written == manifest
    assert (written.elapsed_s, written.updated_at) == (5.0 + 7.0, then)


def test_records_that_no_arm_asks_for_are_orphans(tmp_path: Path) -> None:
    manifest = conductor_of(tmp_path, study()).manifest
    asked = manifest.arms[0].trial_ids[0]
    writer = ManifestWriter(Ledger(tmp_path), manifest)
    writer.write_manifest("running", arms=manifest.arms, running=(asked,), recorded=(asked, "old"))
    assert (writer.manifest.running, writer.manifest.orphaned) == ((asked,), ("old",))
