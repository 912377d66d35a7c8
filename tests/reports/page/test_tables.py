from pathlib import Path

from reports.page import tables
from reports.study.contrasts import compare
from reports.study.costs import arm_costs
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.records import Ledger


def test_contrasts_are_grouped_by_how_they_came_about(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "E2E", "than": "ID"}]}
    contrasts = compare(summarise(FakeStudy(overrides=named).write(tmp_path)))
    groups = tables.contrast_groups([c for c in contrasts if c.metric == "HR@10"], "ID")
    assert [(group.heading.split()[0], len(group.contrasts)) for group in groups] == [
        ("Named", 1),
        ("Exploratory:", 1),
        ("Against", 3),
    ]


def test_seal_holds_while_no_search_trial_has_test_metrics(tmp_path: Path) -> None:
    statuses = {("ID", "final", 0): "failed"}
    found = tables.seal(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    assert found == tables.Seal(True, 12, 0, 9, 8)


def test_seal_breaks_when_a_final_trial_poses_as_a_search_trial(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    ledger = Ledger(tmp_path)
    manifest = ledger.read_manifest()
    assert manifest is not None
    arm = manifest.arms[0]
    posing = arm.search[0].model_copy(update={"trial_id": arm.final[0]})
    arm = arm.model_copy(update={"search": (posing, *arm.search[1:])})
    ledger.write_manifest(manifest.model_copy(update={"arms": (arm,)}))
    found = tables.seal(summarise(tmp_path))
    assert (found.holds, found.searches_with_test) == (False, 1)


def test_effort_counts_search_trials_by_outcome(tmp_path: Path) -> None:
    statuses = {
        ("TS", "search", 0): "pruned",
        ("TS", "search", 1): "collapsed",
        ("TS", "search", 2): "failed",
    }
    rows = tables.effort_rows(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    row = next(row for row in rows if row.arm == "TS")
    assert (row.asked, row.completed, row.pruned, row.collapsed, row.failed) == (4, 1, 1, 1, 1)
    assert row.locked.startswith("optim.lr = ")


def test_an_arm_without_search_has_nothing_to_lock(tmp_path: Path) -> None:
    (row,) = tables.effort_rows(summarise(FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)))
    assert (row.locked, row.best_valid, row.time) == ("nothing to search", "n/a", "n/a")


def test_a_trial_row_shows_test_values_of_final_trials_only(tmp_path: Path) -> None:
    for row in tables.trial_rows(summarise(FakeStudy().write(tmp_path))):
        assert bool(row.test) == (row.trial.role == "final")


def test_a_missing_trial_says_why_its_row_is_empty(tmp_path: Path) -> None:
    statuses = {("ID", "final", 1): "missing"}
    rows = tables.trial_rows(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    (row,) = [row for row in rows if row.trial.status == "missing"]
    assert row.error.startswith("No record: the trial is running, has not started")
    assert (row.valid, row.test, row.epochs, row.time) == ("", "", "n/a", "n/a")


def test_arms_on_different_devices_are_kept_apart(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for result in ledger.read_all().values():
        if result.config.item.text is not None and result.cost is not None:
            cost = result.cost.model_copy(update={"device": "another device"})
            ledger.write(result.model_copy(update={"cost": cost}))
    grouped = tables.device_costs(arm_costs(summarise(tmp_path)))
    assert {device: [cost.arm for cost in costs] for device, costs in grouped.items()} == {
        "made-up device": ["ID"],
        "another device": ["TS"],
    }


def test_every_node_is_counted_with_its_trials_a_shared_trial_on_each(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    ledger = Ledger(tmp_path)
    assert tables.trials_per_node(summarise(tmp_path).trials) == {}
    for number, record in enumerate(ledger.read_all().values()):
        assert record.cost is not None
        nodes = [("b (02)",), ("a (01)", "b (02)"), ("a (01)", "a (01)")][min(number, 2)]
        cost = record.cost.model_copy(update={"nodes": nodes})
        ledger.write(record.model_copy(update={"cost": cost}))
    count = len(ledger.read_all())
    assert tables.trials_per_node(summarise(tmp_path).trials) == {"a (01)": count - 1, "b (02)": 2}
    page = write_report(tmp_path).read_text()
    assert f"<dd>a (01): {count - 1} trials; b (02): 2 trials</dd>" in page
