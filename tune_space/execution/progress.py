"""What a running study shows: a live table in a terminal, one line per trial elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from morec.results import TrialResult, TrialStatus
from tune_space.schedule.conductor import Conductor
from tune_space.schedule.jobs import ArmState
from tune_space.schedule.plan import ArmPlan, Plan, State, mean_seconds
from tune_space.terminal import format_seconds

REFRESH_S = 0.5


class StudyProgress:
    """Shows a conductor's state; ``refresh`` may be called as often as one likes."""

    def __init__(self, conductor: Conductor, max_concurrent: int, console: Console) -> None:
        self._conductor = conductor
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
        )

    def table(self) -> Table:
        """Every arm's counts and best validation score."""
        done, total = self._count()
        table = Table(title=f"{self._conductor.study.name}: {done}/{total} trials, "
                      f"left {self.time_left()}")  # fmt: skip
        for name in ("Arm", "Search", "Final", "Running", "Failed", "Best validation", "Epoch"):
            table.add_column(name, justify="left" if name == "Arm" else "right")
        for state in self._conductor.arms:
            table.add_row(*self._row(state))
        return table

    def _row(self, state: ArmState) -> tuple[str, ...]:
        results = self._conductor.results
        searched = [results[e.trial_id] for e in state.search.entries if e.trial_id in results]
        final = [results[trial_id] for trial_id in state.final if trial_id in results]
        running = [job for job in self._conductor.running.values() if job.arm == state.arm.name]
        scores = [score for r in (*searched, *final) if (score := r.best_score()) is not None]
        epochs = [str(self._conductor.num_epochs(job.trial_id)) for job in running]
        failed = sum(r.status is TrialStatus.FAILED for r in (*searched, *final))
        return (
            state.arm.name,
            f"{len(searched)}/{state.search.num_trials}",
            f"{len(final)}/{len(self._conductor.study.seeds)}",
            str(len(running)),
            str(failed),
            f"{max(scores):.4f}" if scores else "-",
            " ".join(epochs) or "-",
        )

    def _count(self) -> tuple[int, int]:
        conductor = self._conductor
        planned = [s.search.num_trials + len(conductor.study.seeds) for s in conductor.arms]
        return sum(map(len, map(self._done, conductor.arms))), sum(planned)

    def _done(self, state: ArmState) -> list[TrialResult]:
        ids = [*(entry.trial_id for entry in state.search.entries), *state.final]
        return [self._conductor.results[i] for i in ids if i in self._conductor.results]

    def _arms_of(self, trial_id: str) -> str:
        names = [
            state.arm.name
            for state in self._conductor.arms
            if trial_id in state.final or trial_id in {e.trial_id for e in state.search.entries}
        ]
        return ", ".join(names)

    def time_left(self) -> str:
        """Estimated wall-clock time of what remains, as ``--plan`` estimates it."""
        plan = Plan(self._conductor.study.name, tuple(map(self._plan, self._conductor.arms)), ())
        seconds = plan.seconds_left(self._max_concurrent)
        return "not known yet" if seconds is None else f"about {format_seconds(seconds)}"

    def _plan(self, state: ArmState) -> ArmPlan:
        done = self._done(state)
        num_left = state.search.num_trials + len(self._conductor.study.seeds) - len(done)
        return ArmPlan(
            name=state.arm.name,
            search={State.NEW: num_left},
            final={},
            is_locked=state.is_searched,
            mean_s=mean_seconds(done),
        )


def _why(result: TrialResult) -> str:
    """Why a trial has no score, in a line."""
    last_line = (result.error or "no score").strip().splitlines()[-1]
    return f"{result.reason}: {last_line}" if result.reason else last_line
