"""The section on reproducibility: the seal on the test split, and trials counted by node."""

from pathlib import Path

from reports.page.sections.reproducibility import seal, trials_per_node
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.records import Ledger


def test_seal_holds_while_no_search_trial_has_test_metrics(tmp_path: Path) -> None:
    statuses = {("ID", "final", 0): "failed"}
    summary = summarise(FakeStudy(statuses=statuses).write(tmp_path))
    assert (seal(summary, "search"), seal(summary, "final")) == ((0, 12), (8, 9))
    assert "Selected on validation" in write_report(tmp_path).read_text()


def test_seal_breaks_when_a_final_trial_poses_as_a_search_trial(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    ledger = Ledger(tmp_path)
    manifest = ledger.read_manifest()
    assert manifest is not None
    arm = manifest.arms[0]
    posing = arm.search[0].model_copy(update={"trial_id": arm.final[0]})
    arm = arm.model_copy(update={"search": (posing, *arm.search[1:])})
    ledger.write_manifest(manifest.model_copy(update={"arms": (arm,)}))
    assert seal(summarise(tmp_path), "search")[0] == 1
    assert "The seal is broken" in write_report(tmp_path).read_text()


def test_a_trial_on_two_nodes_counts_on_both(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    ledger = Ledger(tmp_path)
    assert trials_per_node(summarise(tmp_path).trials) == {}
    for number, record in enumerate(ledger.read_all().values()):
        assert record.cost is not None
        nodes = [("b (02)",), ("a (01)", "b (02)"), ("a (01)", "a (01)")][min(number, 2)]
        cost = record.cost.model_copy(update={"nodes": nodes})
        ledger.write(record.model_copy(update={"cost": cost}))
    count = len(ledger.read_all())
    assert trials_per_node(summarise(tmp_path).trials) == {"a (01)": count - 1, "b (02)": 2}
    page = write_report(tmp_path).read_text()
    assert f"<dd>a (01): {count - 1} trials; b (02): 2 trials</dd>" in page
