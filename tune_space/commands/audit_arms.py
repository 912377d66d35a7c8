"""The audit of one arm: its search, the choice it was locked to, its final trials."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from morec.config import TrialConfig, canonical_json
from morec.errors import SpecError
from morec.results import TrialResult, TrialStatus
from tune_space.commands.audit_records import ensemble_problems, selected_score
from tune_space.ledger.manifest import ArmEntry, SearchEntry
from tune_space.schedule.arm_search import ArmSearch
from tune_space.study.arm import MEMBERS, Arm, draw, with_values
from tune_space.study.config_paths import get_path
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.expand import configure
from tune_space.study.spec import StudySpec
from tune_space.study.when import applies

IMPORTANCE_TOLERANCE = 1e-3
"""Shares of importance may differ by so much from one machine to another."""


@dataclass(frozen=True)
class ArmAudit:
    """One arm as the study file defines it, and as the manifest says it went."""

    study: StudySpec
    arm: Arm
    entry: ArmEntry
    records: Mapping[str, TrialResult]
    members: tuple["ArmAudit", ...] = ()
    """Of an arm that joins other arms' models: their audits."""

    def problems(self) -> Iterator[str]:
        """Every point that is off."""
        if self.entry.config != self.arm.config:
            yield "its configuration is not what the study says"
            return
        in_search = list(self._search_problems())
        yield from in_search
        yield from self._choice_problems()
        if not in_search:
            yield from self._importance_problems()
        yield from self._final_problems()

    def whole_space(self) -> frozenset[str] | None:
        """Every point of the arm's space as JSON text; None unless fewer than the budget.

        They are listed one after another, and no further than the budget: the search counts them
        in another way.
        """
        found: set[str] = set()
        for point in self._points({}, list(self.arm.space)):
            if point is None or len(found) + 1 >= self.study.budget.trials:
                return None
            found.add(canonical_json(point))
        return frozenset(found)

    def _points(
        self, chosen: Mapping[str, Value], paths: Sequence[str]
    ) -> Iterator[Mapping[str, Value] | None]:
        """Every point with these values, and with any at ``paths``; None where they are endless."""
        if not paths:
            yield chosen
            return
        path, *others = paths
        param = self.arm.space[path]
        if not applies(param, with_values(self.arm, chosen)):
            yield from self._points(chosen, others)
            return
        values = _values(param)
        for value in values:
            yield from self._points({**chosen, path: value}, others)
        if not values:
            yield None

    def is_earlier_choice(self, record: TrialResult) -> bool:
        """Whether a tested trial is this arm's with searched values that it is not locked to."""
        if self.entry.locked is not None and not list(
            self._differences(record, self.entry.locked.params, record.config.seed, test=True)
        ):
            return False
        config, test = record.config.model_dump(mode="json"), record.config.evaluation.test
        params = draw(self.arm, lambda path, _: get_path(config, path))
        try:
            return not list(self._differences(record, params, record.config.seed, test=test))
        except SpecError:
            return False

    def _search_problems(self) -> Iterator[str]:
        """The arm was searched as often as the budget says, and each trial is what it claims."""
        budget = self.study.budget.trials if self.arm.space else 0
        found, whole = len(self.entry.search), self.whole_space()
        tried = Counter(canonical_json(trial.params) for trial in self.entry.search)
        if found != budget and (whole is None or found < len(whole)):
            points = "" if whole is None else f", its space has {len(whole)} points"
            yield f"unequal tuning effort: {found} search trials, the budget is {budget}{points}"
        elif found != budget and tried.keys() != whole:
            yield "unequal tuning effort: its search trials are not the points of its space"
        if twice := [params for params, number in tried.items() if number > 1]:
            yield f"tried more than once: {', '.join(twice)}"
        for trial in self.entry.search:
            yield from self._trial(trial.trial_id, trial.params, self.study.search_seed, test=False)

    def _choice_problems(self) -> Iterator[str]:
        """The locked choice is the best on validation, the earliest of equals."""
        chosen, locked = self._choice(), self.entry.locked
        if chosen is None:
            yield "no search trial completed: there is nothing to choose"
        if locked != chosen:
            by_validation = _format_choice(chosen)
            yield f"locked to {_format_choice(locked)}; validation alone chooses {by_validation}"

    def _choice(self) -> SearchEntry | None:
        """The choice that the validation ranks give; None if no search trial completed."""
        if self.arm.members:
            chosen = [one._choice() for one in self.members]
            params = [one.params for one in chosen if one is not None]
            is_whole = len(params) == len(self.arm.members)
            return SearchEntry(trial_id="", params={MEMBERS: params}) if is_whole else None
        if not self.entry.search:
            return SearchEntry(trial_id="", params=dict(self.arm.start))
        best, best_score = None, -1.0
        for trial in self.entry.search:
            record = self.records.get(trial.trial_id)
            if record is not None and record.status is TrialStatus.COMPLETED:
                score = selected_score(record)
                if score > best_score:
                    best, best_score = trial, score
        return best

    def _importance_problems(self) -> Iterator[str]:
        """The importance of the searched values is what the arm's trials give again."""
        search = ArmSearch(self.arm, self.study)
        for trial in self.entry.search:
            search.ask(partial(_recorded_id, trial), trial.params)
            search.tell(self.records[trial.trial_id])
        found, written = search.importance(), self.entry.importance
        if found.keys() != written.keys() or any(
            abs(found[path] - written[path]) > IMPORTANCE_TOLERANCE for path in found
        ):
            yield f"importance {_format_shares(written)}; its trials give {_format_shares(found)}"

    def _final_problems(self) -> Iterator[str]:
        """There is one completed trial of the locked choice per seed, so that arms pair by seed."""
        final, seeds, locked = self.entry.final, self.study.seeds, self.entry.locked
        if locked is None:
            return
        if len(final) != len(seeds):
            yield f"{len(final)} final trials for the seeds {list(seeds)}"
            return
        for trial_id, seed in zip(final, seeds, strict=True):
            yield from self._trial(trial_id, locked.params, seed, test=True)
            record = self.records.get(trial_id)
            if record is not None and record.status is not TrialStatus.COMPLETED:
                yield f"{trial_id}: {record.status}, so seed {seed} has no pair"
            elif record is not None and self.arm.members:
                yield from ensemble_problems(record, self.records)

    def _trial(
        self, trial_id: str, params: Mapping[str, Value], seed: int, *, test: bool
    ) -> Iterator[str]:
        """The trial has a record, and its configuration is the arm's with these values and seed."""
        record = self.records.get(trial_id)
        if record is None:
            yield f"{trial_id}: no record"
            return
        try:
            changed = ", ".join(self._differences(record, params, seed, test=test))
        except SpecError as error:
            yield f"{trial_id}: its values do not fit the arm: {error}"
            return
        if changed:
            yield (
                f"{trial_id}: {changed}: not what the arm, its searched values and seed {seed} say"
            )

    def _differences(
        self, record: TrialResult, params: Mapping[str, Value], seed: int, *, test: bool
    ) -> Iterator[str]:
        """Sections of a record's configuration that are not the arm's with these values."""
        config = configure(self.arm, params, seed=seed, test=test)
        wanted, found = (c.model_dump(mode="json") for c in (config, record.config))
        return (key for key in wanted if wanted[key] != found[key])


def _recorded_id(trial: SearchEntry, _: TrialConfig) -> str:
    return trial.trial_id


def _values(param: ParamSpec) -> Sequence[Value]:
    """All values of a finite domain; nothing for an endless one."""
    if param.choice is not None:
        return param.choice
    if whole := param.int or param.logint:
        return range(whole[0], whole[1] + 1, int(param.step or 1))
    if param.uniform is None or param.step is None:
        return ()
    low, high = param.uniform
    first, step = Decimal(repr(low)), Decimal(repr(param.step))
    return [float(first + place * step) for place in range(round((high - low) / param.step) + 1)]


def _format_choice(choice: SearchEntry | None) -> str:
    if choice is None:
        return "nothing"
    return f"{choice.trial_id or 'its start'} {canonical_json(choice.params)}"


def _format_shares(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{path} {share:g}" for path, share in shares.items()) or "not computed"
