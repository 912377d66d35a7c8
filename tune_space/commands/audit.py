"""Does a finished study keep what its report promises? Computed again from its records alone.

Every choice is made again from the validation ranks, without the test split. Every metric is
computed again from its ranks, every trial's name from its configuration and sources. Needs neither
Ray nor the data nor the weights.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from morec.config import canonical_json
from morec.errors import DataError, ExitCode, SpecError, first_line
from morec.results import Evaluation, TrialResult
from tune_space.commands.audit_arms import ArmAudit
from tune_space.commands.audit_lists import target_problems
from tune_space.commands.audit_records import record_problems, reference_problems
from tune_space.commands.request import Answer, StudyRequest
from tune_space.ledger.manifest import Manifest, trials_of
from tune_space.ledger.provenance import other_code, other_schema
from tune_space.ledger.records import Ledger
from tune_space.study.domains import Value
from tune_space.study.expand import expand

Split = Literal["valid", "test"]

PROMISES = (
    "choices by validation alone, names of trials, equal tuning effort, paired seeds, full ranking "
    "of the same users, metrics and kept lists of their ranks, test split seen by locked finals "
    "only"
)


@dataclass(frozen=True)
class Audit:
    """What an audit found."""

    num_records: int
    num_arms: int
    problems: tuple[str, ...]
    """Every point that is off: where it is, what was found, what should be there."""
    notes: tuple[str, ...] = ()
    """What is allowed, but a reader should know."""

    def format_lines(self) -> list[str]:
        """Every point that is off, every note, and whether the study passes; a line each."""
        seen = f"{self.num_records} records, {self.num_arms} arms"
        end = [f"note: {note}" for note in self.notes]
        if self.problems:
            count = len(self.problems)
            off = [f"off: {problem}" for problem in self.problems]
            return [*off, *end, f"audit: {count} point{'s' * (count > 1)} off ({seen})"]
        return [*end, f"audit: pass ({seen}): {PROMISES}"]


def answer(request: StudyRequest) -> Answer:
    """Check the study's output folder; ``FAILED`` if a point is off."""
    found = audit(request.out)
    exit_code = ExitCode.FAILED if found.problems else ExitCode.OK
    return Answer(tuple(found.format_lines()), exit_code=exit_code)


def audit(folder: Path) -> Audit:
    """Check a study's output folder.

    Raises:
        DataError: there is no manifest, or it cannot be read.
    """
    ledger = Ledger(folder)
    manifest = ledger.manifest()
    records, problems = _read_records(ledger)
    if manifest.state != "finished":
        problems.append(f"manifest: the study is {manifest.state}, not finished")
    problems += reference_problems(manifest)
    found = {trial_id: list(record_problems(record)) for trial_id, record in records.items()}
    problems += [f"{trial_id}: {text}" for trial_id, texts in found.items() for text in texts]
    sound = [record for trial_id, record in records.items() if not found[trial_id]]
    problems += _ranking_problems(manifest, sound)
    arms, unbuildable = _arms(manifest, records)
    problems += unbuildable
    for arm in arms:
        problems += [f"arm {arm.arm.name!r}: {text}" for text in arm.problems()]
    problems += _peeks(manifest, records, arms)
    notes = (*_left_overs(manifest, records), *_exhausted(arms), *_codes(manifest, records))
    return Audit(len(records), len(manifest.arms), tuple(problems), notes)


def _read_records(ledger: Ledger) -> tuple[dict[str, TrialResult], list[str]]:
    """Every record that can be read, and why the others cannot."""
    records: dict[str, TrialResult] = {}
    problems = []
    for trial_id in ledger.recorded():
        try:
            record = ledger.read(trial_id)
        except DataError as error:
            problems.append(first_line(error))
            continue
        if record is not None:
            records[trial_id] = record
    return records, problems


# ---- the same ranking for everyone


def _ranking_problems(manifest: Manifest, records: Sequence[TrialResult]) -> Iterator[str]:
    """All trials on one data set, split alike and under one condition, rank the same users.

    They rank them against the same candidates.
    """
    groups: dict[str, list[TrialResult]] = {}
    conditions = _conditions(manifest)
    for record in records:
        spec, split = record.config.dataset.model_dump(mode="json"), _split_of(record)
        for condition in conditions.get(record.trial_id, {""}):
            key = canonical_json([spec, split, record.sources.get("data"), condition])
            groups.setdefault(key, []).append(record)
    found = (text for group in groups.values() for text in _group_problems(manifest, group))
    # Conditions may share trials.
    yield from dict.fromkeys(found)


def _conditions(manifest: Manifest) -> dict[str, set[str]]:
    """Trial id -> the conditions of the arms that ask for it."""
    found: dict[str, set[str]] = {}
    for entry in manifest.arms:
        for trial_id in entry.trial_ids:
            found.setdefault(trial_id, set()).add(entry.condition)
    return found


def _group_problems(manifest: Manifest, group: Sequence[TrialResult]) -> Iterator[str]:
    is_left_over = manifest.study.conditions and group[0].trial_id in manifest.orphaned
    # What is left over may be of several conditions.
    for name, values in _protocol([] if is_left_over else group).items():
        yield from _differences(name, values)
    yield from target_problems(group)
    yield from _against_data(manifest, group)


def _protocol(group: Sequence[TrialResult]) -> dict[str, dict[str, Value]]:
    """What all trials must have the same -> trial id -> its value."""
    found: dict[str, dict[str, Value]] = {}
    for record in group:
        evaluation = record.config.evaluation
        for name in ("candidates", "mask_history", "select", "ks"):
            found.setdefault(name, {})[record.trial_id] = getattr(evaluation, name)
        for split, result in _results(record):
            users = found.setdefault(f"users ranked in {split}", {})
            users[record.trial_id] = result.num_users
    return found


def _results(record: TrialResult) -> Iterator[tuple[Split, Evaluation]]:
    """The evaluations that a record has, by their split."""
    if record.valid is not None:
        yield "valid", record.valid
    if record.test is not None:
        yield "test", record.test


def _split_of(record: TrialResult) -> dict[str, Any]:
    """A record's ``evaluation.split`` as plain values."""
    return record.config.evaluation.model_dump(mode="json", include={"split"})


def _differences(name: str, values: Mapping[str, Value]) -> Iterator[str]:
    """Trials whose value is not that of most others."""
    texts = [repr(value) for value in values.values()]
    usual = max(texts, key=texts.count)
    for trial_id, value in values.items():
        if repr(value) != usual:
            yield f"{trial_id}: {name}: {value!r}; other trials on the same data: {usual}"


def _against_data(manifest: Manifest, group: Sequence[TrialResult]) -> Iterator[str]:
    """Trials whose users or ranks cannot be those of the data that the manifest describes."""
    data = group[0].sources.get("data")
    split = group[0].config.evaluation.split
    of_data = [entry for entry in manifest.datasets if entry.sha256 == data]
    entries = [entry for entry in of_data if entry.split == split] or of_data
    if not entries:
        asked_for = [r.trial_id for r in group if r.trial_id not in manifest.orphaned]
        for trial_id in asked_for if manifest.datasets else ():
            yield f"{trial_id}: its data {data} is none of the study's"
        return
    num_items = max(entry.num_items for entry in entries)
    for record in group:
        for name, result in _results(record):
            users = sorted({entry.num_targets(name) for entry in entries})
            where = f"{record.trial_id}: {name}"
            if result.num_users not in users:
                has = " or ".join(map(str, users))
                yield f"{where}: {result.num_users} users ranked, the data has {has}"
            if _worst_rank(result) > num_items:
                yield f"{where}: a rank beyond the data's {num_items} items"


def _worst_rank(result: Evaluation) -> int:
    """The largest rank of a target that is not masked; 0 where all are."""
    return int(result.ranks[~result.is_forced_miss_U].max(initial=0))


# ---- arms, and who saw the test split


def _arms(
    manifest: Manifest, records: Mapping[str, TrialResult]
) -> tuple[list[ArmAudit], list[str]]:
    """The arms that both the study and the manifest have, and a problem for each other arm."""
    try:
        built = {arm.name: arm for arm in expand(manifest.study)}
    except SpecError as error:
        return [], [f"manifest: study: {problem}" for problem in error.problems]
    entries = {entry.name: entry for entry in manifest.arms}
    problems = [f"arm {name!r}: not in the manifest" for name in built if name not in entries]
    problems += [f"arm {name!r}: not in the study" for name in entries if name not in built]
    both = [name for name in built if name in entries]
    audits: dict[str, ArmAudit] = {}
    for name in sorted(both, key=lambda name: bool(built[name].members)):
        arm, entry = built[name], entries[name]
        members = tuple(audits[one.name] for one in arm.members if one.name in audits)
        audits[name] = ArmAudit(manifest.study, arm, entry, records, members)
    return [audits[name] for name in both], problems


def _peeks(
    manifest: Manifest, records: Mapping[str, TrialResult], arms: Sequence[ArmAudit]
) -> Iterator[str]:
    """Trials that saw the test split although they are no final trials of a locked choice."""
    final = {trial_id for entry in manifest.arms for trial_id in entry.final}
    for trial_id, record in records.items():
        if trial_id in final or not (record.test or record.config.evaluation.test):
            continue
        arm = next((arm.arm.name for arm in arms if arm.is_earlier_choice(record)), None)
        if arm is not None:
            yield (
                f"{trial_id}: arm {arm!r} was tested with values it is not locked to: its test "
                "split was looked at more than once"
            )
        elif trial_id not in manifest.orphaned:
            yield f"{trial_id}: has test metrics and is no final trial of a locked choice"


def _left_overs(manifest: Manifest, records: Mapping[str, TrialResult]) -> Iterator[str]:
    """Records of trials that the study does not ask for."""
    others = sorted(records.keys() - trials_of(manifest.arms))
    if others:
        yield f"{len(others)} records are not the study's (any more): {', '.join(others)}"


def _codes(manifest: Manifest, records: Mapping[str, TrialResult]) -> Iterator[str]:
    """Trials of the study of another schema, or made by other code than most of them."""
    mine = [records[i] for i in sorted(trials_of(manifest.arms) & records.keys())]
    yield from other_schema(mine)
    codes = Counter(tuple(record.code.items()) for record in mine)
    if len(codes) > 1:
        (usual, _), *_ = codes.most_common()
        yield from other_code(mine, dict(usual))


def _exhausted(arms: Sequence[ArmAudit]) -> Iterator[str]:
    """Arms whose search space has fewer points than the budget has trials."""
    for arm in arms:
        if (points := arm.whole_space()) is not None and len(arm.entry.search) == len(points):
            yield f"arm {arm.arm.name!r}: all {len(points)} points of its search space were tried"
