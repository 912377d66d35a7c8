"""The model card of an exported arm, as the Hugging Face Hub reads it: a YAML header, Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from huggingface_hub import EvalResult, ModelCardData

from morec.results import TrialResult
from reports import formats
from reports.export.markdown_parts import Raw, bullets, plain, table
from reports.study import verdict
from reports.study.arm_interval import interval_on_test
from reports.study.caveats import caveats
from reports.study.progress import unfinished
from reports.study.report import Report
from reports.study.summary import ArmSummary, StudySummary
from tune_space.ledger.manifest import DatasetEntry

LIBRARY = "morec-studies"
TASK = "recommendation"
TAGS = ("recommender-system", "sequential-recommendation")
UNKNOWN = "unknown"
"""The Hub's word for a licence that nobody has named."""
HOW_TO_LOAD = """\
## How to load

```python
from morec import Recommender

model = Recommender.load("this folder")
model.recommend({"a user": ["an item", "a later item"]}, k=10)  # items by their own ids
```

```bash
morec --recommend "this folder" --histories histories.csv --k 10 --out recs.parquet
```"""


@dataclass(frozen=True)
class CardFacts:
    """What the card says that the report does not hold."""

    record: TrialResult
    """Of the exported trial."""
    why: str
    """Which seed it is, and why."""
    agreement: str
    """How the exported weights rank the test users, compared with the record."""
    license: str = UNKNOWN


def model_card(report: Report, arm_name: str, facts: CardFacts) -> str:
    """The card of the arm with this full name."""
    part = _part_of(report.summary, arm_name)
    (arm,) = (one for one in part.arms if one.name == arm_name)
    lines = [f"---\n{_header(part, arm, facts)}\n---\n", *_lines(report, part, arm, facts)]
    return "\n".join(lines) + "\n"


def _part_of(summary: StudySummary, arm_name: str) -> StudySummary:
    """What of the study has the arm's data set and condition."""
    return next(part for part in summary.parts if arm_name in {arm.name for arm in part.arms})


def _header(part: StudySummary, arm: ArmSummary, facts: CardFacts) -> str:
    test = facts.record.test
    results = [
        EvalResult(
            task_type=TASK,
            dataset_type=facts.record.config.dataset.kind,
            dataset_name=part.dataset,
            dataset_split="test",
            metric_type=metric,
            metric_value=round(test.value(metric), 6),
        )
        for metric in part.metrics
        if test
    ]
    data = ModelCardData(
        library_name=LIBRARY,
        license=facts.license,
        tags=[*TAGS, facts.record.config.model.kind],
        datasets=[part.dataset],
        model_name=f"{arm.name} of {part.manifest.study.name}",
        eval_results=results,
    )
    return data.to_yaml().rstrip()


def _lines(report: Report, part: StudySummary, arm: ArmSummary, facts: CardFacts) -> Iterator[str]:
    study = part.manifest.study
    yield f"# {plain(arm.name)} of {plain(study.name)}\n"
    yield f"{plain(study.question)} This is the model of one of the study's arms.\n"
    yield f"{plain(facts.why)}. {plain(facts.agreement)}\n"
    warnings = [formats.QUICK_FORM] if report.summary.is_quick else []
    warnings += ["Synthetic data."] if part.is_synthetic else []
    for line in (*warnings, *unfinished(report.summary)):
        yield f"> {plain(line)}\n"
    yield HOW_TO_LOAD
    yield "\n## Verdict"
    yield from bullets(_verdict(report, arm))
    yield "\n## Test metrics\n"
    yield "Percent, with 95% intervals: over users, and for the arm over seeds too.\n"
    yield from _metrics(part, arm, facts.record)
    yield "\n## Data"
    yield from bullets(line for one in part.manifest.datasets for line in _data(one))
    yield "\n## Protocol"
    yield from bullets(_protocol(arm, facts.record, len(study.seeds)))
    yield "\n## Cost"
    yield from bullets(_cost(facts.record))
    yield "\n## Limits"
    yield from bullets([*_limits(facts.record), *caveats(report.summary, report.contrasts)])


def _verdict(report: Report, arm: ArmSummary) -> Iterator[str]:
    """The study's headline, then the arm's other comparisons with arms on the main metric."""
    headline = verdict.headline(report.summary, report.contrasts)
    yield from headline
    main = report.summary.main_metric
    for one in report.contrasts:
        is_here = one.place.has(arm.entry) and one.metric == main and one.kind != "reference"
        sentence = verdict.sentence(one)
        if is_here and arm.label in (one.better, one.than) and not _is_said(sentence, headline):
            yield sentence


def _is_said(sentence: str, headline: Iterable[str]) -> bool:
    return any(line.endswith(sentence) for line in headline)


def _metrics(part: StudySummary, arm: ArmSummary, record: TrialResult) -> Iterator[str]:
    finished = list(arm.tested.values())
    header = ["Metric", "This model", f"Arm, {formats.plural(len(finished), 'seed')}"]
    rows = (
        [metric, *(_with_interval(metric, results) for results in ([record], finished))]
        for metric in part.metrics
    )
    yield from table(header, rows)


def _with_interval(metric: str, results: Sequence[TrialResult]) -> str:
    found = interval_on_test(metric, results)
    mean, low, high = map(formats.percent, (found.mean, found.low, found.high))
    return Raw(f"{mean} [{low}, {high}]")


def _data(entry: DatasetEntry) -> Iterator[str]:
    made_up = ", made up" if entry.is_synthetic else ""
    yield (
        f"{entry.name}{made_up}: {entry.num_users:,} users, {entry.num_items:,} items, "
        f"{entry.num_interactions:,} interactions; hash {entry.sha256}"
    )


def _protocol(arm: ArmSummary, record: TrialResult, num_seeds: int) -> Iterator[str]:
    spec = record.config.evaluation
    split = "leave-one-out" if isinstance(spec.split, str) else "by time"
    seen = "left out" if spec.mask_history else "ranked too"
    yield f"Split: {split}. Candidates: {spec.candidates} items; items of the history are {seen}"
    select = spec.select
    if arm.searches:
        number = formats.plural(len(arm.searches), "search trial")
        yield f"Tuned on validation {select} with {number}; then locked"
    seeds = formats.plural(num_seeds, "seed")
    yield f"The locked configuration was trained with {seeds}; each looked at the test split once"
    yield f"Best epoch by validation {select}: {record.best_epoch} of {len(record.epochs)}"


def _cost(record: TrialResult) -> Iterator[str]:
    cost = record.cost
    if cost is None:
        yield "Not recorded"
        return
    total, trainable = formats.count(cost.params_total), formats.count(cost.params_trainable)
    yield f"Parameters: {total}, of which {trainable} were trained"
    train_s = sum(epoch.train_s for epoch in record.epochs)
    yield f"Training: {formats.duration(train_s)} on {cost.device}"
    yield f"Peak memory: {formats.size(cost.peak_memory_bytes)} ({cost.memory_kind})"
    energy = f"{formats.energy(cost.energy_j)} (GPU, an estimate)" if cost.energy_j else "n/a"
    yield f"Energy: {energy}"


def _limits(record: TrialResult) -> Iterator[str]:
    config = record.config
    yield f"It reads the last {config.dataset.max_seq_len} items of a history"
    yield "It recommends items of its catalogue only; scores compare within one user only"
    if any(one.item.id for one in config.parts):
        yield "It has vectors of item IDs: items that were not in its training data have none"
