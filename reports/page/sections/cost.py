"""Cost: the paper's columns, what they hide, prepared artefacts, accuracy against time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from morec.results import PACKAGE_COUNTER
from reports.page.section import Context, Drawing, Section, drawing
from reports.plots.losses import losses
from reports.plots.pareto import pareto
from reports.study.costs import ArmCost, arm_costs, study_cost
from reports.study.places import Place
from reports.study.preparations import preparation_costs
from reports.study.report import Report
from reports.study.summary import StudySummary
from tune_space.ledger.manifest import Preparation

_LEGEND = (
    "The stepped line is the Pareto front; arms on it are bold. Bars are standard deviations over "
    "seeds. The time does not contain prepared artefacts."
)


def _context(report: Report) -> Context:
    summary = report.summary
    costs = arm_costs(summary)
    return {
        "conditions": [(one.place, _by_dataset(one)) for one in summary.by_condition if costs],
        "memory_kinds": list(dict.fromkeys(cost.memory_kind for cost in costs)),
        "energy": energy_sources(costs),
        "shares_gpus": summary.manifest.study.resources.gpus % 1 > 0,
        "has_search_costs": any(cost.is_from_search for cost in costs),
        "uncounted": sorted({operation for cost in costs for operation in cost.uncounted_ops}),
        "preparations": preparation_costs(summary),
        "counted": [(one, _counted(one)) for one in summary.manifest.preparations if one.counts],
        "losses": [(one, _losses(one)) for one in summary.manifest.preparations if one.losses],
        "spent": study_cost(summary),
        "tabs": {metric: list(_fronts(summary, costs, metric)) for metric in summary.metrics},
        "num_devices": len(device_costs(costs)),
    }


@dataclass(frozen=True)
class EnergySources:
    """What the energies of a study were read of, and why others are n/a."""

    counters: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def is_of_packages(self) -> bool:
        """Whether any was read of a CPU's packages."""
        return PACKAGE_COUNTER in self.counters


def energy_sources(costs: Iterable[ArmCost]) -> EnergySources:
    """The distinct counters and reasons of all arms."""
    rows = list(costs)
    counters = dict.fromkeys(one for cost in rows for one in cost.energy_counters)
    reasons = dict.fromkeys(one for cost in rows for one in cost.energy_missing)
    return EnergySources(tuple(counters), tuple(reasons))


def _by_dataset(condition: StudySummary) -> dict[str, list[ArmCost]]:
    costs = arm_costs(condition)
    return {name: list(rows) for name, rows in groupby(costs, lambda cost: cost.dataset)}


def _counted(made: Preparation) -> dict[str, int]:
    """What was counted, in words, without what concerned nothing."""
    return {rule.replace("_", " "): number for rule, number in made.counts.items() if number}


def _losses(made: Preparation) -> Drawing:
    return Drawing(f"losses {made.key}", f"{made.name}: loss by epoch.", losses(made.losses))


def _fronts(
    summary: StudySummary, costs: Iterable[ArmCost], metric: str
) -> Iterator[tuple[Place, Drawing | None]]:
    """Accuracy against training time, a figure for each device of each place."""
    for part in summary.parts:
        where = part.dataset, part.place.condition
        own = [cost for cost in costs if (cost.dataset, cost.condition) == where]
        for device, on_device in device_costs(own).items():
            caption = f"test {metric} against training time on {device}. {_LEGEND}"
            figure = pareto(part, on_device, metric)
            yield part.place, drawing(f"pareto {metric} {device}", caption, figure, part.key)


def device_costs(costs: Iterable[ArmCost]) -> dict[str, list[ArmCost]]:
    """Arms by where they ran: different devices are never ranked together."""
    found: dict[str, list[ArmCost]] = {}
    for cost in costs:
        found.setdefault(" + ".join(cost.devices), []).append(cost)
    return found


SECTION = Section("cost", "Cost", _context, ("cost.csv",))
