"""The section on cost: arms that ran on different devices."""

from pathlib import Path

from reports.page.render import render
from reports.page.sections.cost import device_costs
from reports.study.costs import arm_costs
from reports.study.report import read_report
from reports.study.summary import summarise
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.records import Ledger


def test_arms_on_different_devices_are_kept_apart(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for result in ledger.read_all().values():
        if result.config.item.text is not None and result.cost is not None:
            cost = result.cost.model_copy(update={"device": "another device"})
            ledger.write(result.model_copy(update={"cost": cost}))
    grouped = device_costs(arm_costs(summarise(tmp_path)))
    assert {device: [cost.arm for cost in costs] for device, costs in grouped.items()} == {
        "made-up device": ["ID"],
        "another device": ["TS"],
    }


def test_what_was_counted_when_an_artefact_was_made_is_shown_in_words(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    manifest = ledger.manifest()
    counts = {"vectors": 1234, "vectors_without_id": 0, "vectors_of_items_not_in_the_data": 2}
    made = manifest.preparations[0].model_copy(update={"name": "vectors.own", "counts": counts})
    ledger.write_manifest(manifest.model_copy(update={"preparations": (made,)}))
    page = " ".join(render(read_report(tmp_path), {}).split())
    assert f"vectors.own <code>{made.key}</code>: 1,234 vectors, 2 vectors of items not in" in page
    assert "vectors without id" not in page
