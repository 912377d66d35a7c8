"""The section on cost: arms that ran on different devices."""

from pathlib import Path

from reports.page.sections.cost import device_costs
from reports.study.costs import arm_costs
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
