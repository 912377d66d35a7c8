"""What a running study shows: a live table in a terminal, one line per trial elsewhere."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from morec.results import TrialResult, TrialStatus
from tune_space.capacity.busyness import Competition
from tune_space.schedule.arm_plan import State, distinct
from tune_space.schedule.arm_state import ArmState
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.plan import Plan
from tune_space.terminal import format_seconds

REFRESH_S = 0.5
COUNT_S = 20.0
"""Shortest time between two counts of other processes."""


class StudyProgress:
    """Shows a conductor's state; ``refresh`` may be called as often as one likes."""

    def __init__(
        self,
        conductor: Conductor,
        max_concurrent: int,
        console: Console,
        *,
        competition: Competition | None = None,
    ) -> None:
        """``competition`` is that of this machine; None where the trials run elsewhere."""
        self._conductor = conductor
        self._competition = competition
        self._competing: str | None = None
        self._counted_at = time.monotonic()
        self._max_concurrent = max_concurrent
        self._console = console
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown_at = 0.0
        self._known = set(conductor.results)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refresh(is_last=True)
        if self._live:
            self._live.stop()

    def refresh(self, *, is_last: bool = False) -> None:
        """Print what ended since the last call; redraw the table at most twice a second."""
        if self._live is None:
            self._print_new()
        elif is_last or time.monotonic() - self._shown_at > REFRESH_S:
            self._live.update(self.table(), refresh=True)
            self._shown_at = time.monotonic()

    def _print_new(self) -> None:
        for trial_id in list(self._conductor.results):
            if trial_id not in self._known:
                self._known.add(trial_id)
                line = self.line(self._conductor.results[trial_id])
                self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def line(self, result: TrialResult) -> str:
        """One ended trial in words."""
        done, total = self._count()
        score = result.best_score()
        select = result.config.evaluation.select
        outcome = f"validation {select} {score:.4f}" if score is not None else _why(result)
        spent = f"{result.cost.total_s:.1f} s" if result.cost else "no cost recorded"
        if result.cost and result.cost.nodes:
            spent += f" on {', '.join(result.cost.nodes)}"
        return (
            f"{time.strftime('%H:%M:%S')} [{done}/{total}] {self._arms_of(result.trial_id)}: "
            f"{result.trial_id} {result.status}, {outcome}, {len(result.epochs)} epochs, {spent}, "
            f"left {self.time_left()}"
            + (f", {competing}" if (competing := self._who_competes()) else "")
        )

    def table(self) -> Table:
        """Every arm's counts and best validation score."""
        done, total = self._count()
        table = Table(title=f"{self._conductor.study.name}: {done}/{total} trials, "
                      f"left {self.time_left()}", caption=self._who_competes())  # fmt: skip
        for name in ("Arm", "Search", "Final", "Running", "Failed", "Best validation", "Epoch"):
            table.add_column(name, justify="left" if name == "Arm" else "right")
        for state in self._conductor.arms:
            table.add_row(*self._row(state))
        return table

    def _who_competes(self) -> str | None:
        """A sentence about other busy processes, counted anew at most every ``COUNT_S``."""
        if self._competition and time.monotonic() - self._counted_at > COUNT_S:
            self._competing = self._competition.format()
            self._counted_at = time.monotonic()
        return self._competing

    def _row(self, state: ArmState) -> tuple[str, ...]:
        conductor, plan = self._conductor, self._conductor.plan(state)
        results = [conductor.results[i] for i in state.trial_ids if i in conductor.results]
        running = [job for job in conductor.running.values() if job.trial_id in state.trial_ids]
        scores = [score for result in results if (score := result.best_score()) is not None]
        epochs = [str(conductor.num_epochs(job.trial_id)) for job in running]
        return (
            state.arm.name,
            _format_done(plan.search),
            _format_done(plan.final),
            str(len(running)),
            str(sum(result.status is TrialStatus.FAILED for result in results)),
            f"{max(scores):.4f}" if scores else "-",
            " ".join(epochs) or "-",
        )

    def _count(self) -> tuple[int, int]:
        """Trials that are done, and those together with what is left."""
        plan = self._plan()
        num_done = sum(arm.num_done for arm in distinct(plan.arms))
        return num_done, num_done + plan.num_left

    def _arms_of(self, trial_id: str) -> str:
        """Arms that have or lock the same configuration share its trials."""
        arms = self._conductor.arms
        return ", ".join(state.arm.name for state in arms if trial_id in state.trial_ids)

    def time_left(self) -> str:
        """Estimated wall-clock time of what remains, as ``--plan`` estimates it."""
        seconds = self._plan().seconds_left(self._max_concurrent)
        return "not known yet" if seconds is None else f"about {format_seconds(seconds)}"

    def _plan(self) -> Plan:
        conductor = self._conductor
        return Plan(conductor.study.name, tuple(map(conductor.plan, conductor.arms)), ())


def _format_done(counts: Mapping[State, int]) -> str:
    return f"{counts.get(State.DONE, 0)}/{sum(counts.values())}"


def _why(result: TrialResult) -> str:
    """Why a trial has no score, in a line."""
    last_line = (result.error or "no score").strip().splitlines()[-1]
    return f"{result.reason}: {last_line}" if result.reason else last_line
