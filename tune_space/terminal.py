"""Prints plans and statuses: as tables in a terminal, as aligned text elsewhere."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tune_space.commands.request import Answer, PlanAnswer
from tune_space.commands.status import Status
from tune_space.schedule.arm_plan import State
from tune_space.schedule.plan import Plan

if TYPE_CHECKING:
    # It imports torch, which would delay the answer to a typo.
    from morec.model_profile import ModelProfile

MAX_NAMED = 5
"""Most orphaned trials that are named; the others are counted."""


def print_answer(console: Console, answer: Answer) -> None:
    """Print what a command found: the table of a plan or a status, then the lines."""
    if isinstance(answer, PlanAnswer):
        _print_plan(console, answer)
    if isinstance(answer, Status):
        _print_status(console, answer)
    _print_lines(console, *answer.lines)


def _print_plan(console: Console, answer: PlanAnswer) -> None:
    plan, num_seeds = answer.plan, answer.num_seeds
    headers = ("Arm", "Search", f"Final ({num_seeds} seeds)", "To run", "#Param", "FLOPs")
    rows = [
        (
            arm.name,
            _format_counts(arm.search) or "nothing to search",
            (_format_counts(arm.final) or "none: no search trial completed")
            + ("" if arm.is_locked else ", after the search"),
            str(arm.num_left),
            *_format_profile(answer.profiles.get(arm.name)),
        )
        for arm in plan.arms
    ]
    _print_table(console, f"Plan of {plan.study}", headers, rows)
    _print_lines(console, *(f"since the last run: {line}" for line in plan.edits))
    estimate = _format_estimate(plan, answer.num_concurrent)
    _print_lines(console, f"{plan.num_left} trials to run, {estimate}")
    if count := len(plan.orphaned):
        more = f" and {count - MAX_NAMED} more" if count > MAX_NAMED else ""
        names = ", ".join(plan.orphaned[:MAX_NAMED]) + more
        _print_lines(console, f"{count} recorded trials are no longer asked for: {names}")


def _print_status(console: Console, status: Status) -> None:
    unfinished = "Running" if status.state == "running" else "To continue"
    headers = ("Arm", "Done", "Failed", unfinished, "Locked", f"Best validation {status.select}")
    rows = [
        (
            arm.name,
            str(arm.num_done),
            str(arm.num_failed),
            str(arm.num_started),
            "yes" if arm.is_locked else "no",
            "-" if arm.best_valid is None else f"{arm.best_valid:.4f}",
        )
        for arm in status.arms
    ]
    _print_table(console, f"Status of {status.study}: {status.state}", headers, rows)
    holder = f"process {status.pid} runs it" if status.pid else "no process runs it"
    elapsed = format_seconds(status.elapsed_s)
    _print_lines(console, f"{elapsed} spent, last change {status.updated_at}, {holder}")


def format_seconds(seconds: float) -> str:
    """Seconds as ``1:02:03`` (hours, minutes, seconds)."""
    return str(timedelta(seconds=round(seconds)))


def _format_profile(profile: "ModelProfile | None") -> tuple[str, str]:
    """Parameters in millions, and multiply-accumulates (the paper's FLOPs) in billions."""
    if profile is None:
        return "?", "?"
    return f"{profile.params_total / 1e6:.3g}M", f"{profile.forward_macs_paper / 1e9:.3g}G"


def _format_counts(counts: Mapping[State, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _format_estimate(plan: Plan, num_concurrent: int) -> str:
    seconds = plan.seconds_left(num_concurrent)
    if seconds is None:
        return "no estimate yet: no trial has finished"
    return f"about {format_seconds(seconds)} at {num_concurrent} at a time"


def _print_table(
    console: Console, title: str, headers: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    if not console.is_terminal:
        _print_lines(console, title, *_aligned([headers, *rows]))
        return
    table = Table(*headers, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table, markup=False)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(n) for cell, n in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


def _print_lines(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
