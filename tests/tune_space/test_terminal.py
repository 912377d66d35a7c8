"""Plans, statuses, data sets and durations as they are printed."""

import io
from collections.abc import Mapping

from rich.console import Console

from morec.model_profile import ModelProfile
from tune_space.commands.request import Answer, PlanAnswer
from tune_space.commands.status import ArmStatus, Status
from tune_space.ledger.records import DatasetEntry
from tune_space.schedule.arm_plan import ArmPlan, State
from tune_space.schedule.plan import Plan
from tune_space.terminal import format_dataset, format_seconds, print_answer

PLAN = Plan(
    study="fusion",
    arms=(
        ArmPlan("ID [1]", {State.DONE: 2, State.CONTINUE: 1}, {State.NEW: 3}, False, 90.0),
        ArmPlan("TS", {}, {State.DONE: 2, State.RETRY: 1}, True, None),
        ArmPlan("E2E", {State.DONE: 3}, {}, True, None),
    ),
    orphaned=("t1", "t2", "t3", "t4", "t5", "t6", "t7"),
)


def printed(answer: Answer, is_terminal: bool = False) -> str:
    stream = io.StringIO()
    print_answer(Console(file=stream, force_terminal=is_terminal, width=200), answer)
    return stream.getvalue()


def plan_answer(
    plan: Plan,
    num_seeds: int,
    num_concurrent: int,
    profiles: Mapping[str, ModelProfile | None] | None = None,
) -> PlanAnswer:
    return PlanAnswer(
        plan=plan, num_seeds=num_seeds, num_concurrent=num_concurrent, profiles=profiles or {}
    )


def status(state: str, pid: int | None, elapsed_s: float, updated_at: str) -> Status:
    return Status(
        study="smoke",
        state=state,
        pid=pid,
        select="HR@10",
        elapsed_s=elapsed_s,
        updated_at=updated_at,
        arms=(ArmStatus("A", 3, 1, 2, True, 0.25), ArmStatus("B", 0, 0, 0, False, None)),
    )


def test_a_plan_outside_a_terminal_is_aligned_text() -> None:
    sizes = {"ID [1]": ModelProfile(47_123_456, 47_123_456, 126_700_000, 8, 1_000), "TS": None}
    assert printed(plan_answer(PLAN, 3, 2, sizes)).splitlines() == [
        "Plan of fusion",
        "Arm     Search                 Final (3 seeds)                  To run  #Param  FLOPs",
        "ID [1]  2 done, 1 to continue  3 new, after the search          4       47.1M   0.127G",
        "TS      nothing to search      2 done, 1 to retry               1       ?       ?",
        "E2E     3 done                 none: no search trial completed  0       ?       ?",
        "5 trials to run, about 0:03:45 at 2 at a time",
        "7 recorded trials are no longer asked for: t1, t2, t3, t4, t5 and 2 more",
    ]


def test_a_plan_in_a_terminal_is_a_table_with_the_same_words() -> None:
    text = printed(plan_answer(PLAN, 3, 2), is_terminal=True)
    for words in ("ID [1]", "2 done, 1 to continue", "about 0:03:45 at 2 at a time"):
        assert words in text


def test_a_plan_says_when_there_is_no_estimate_yet() -> None:
    new = Plan("s", (ArmPlan("A", {State.NEW: 1}, {State.NEW: 2}, False, None),), ())
    assert "3 trials to run, no estimate yet: no trial has finished" in printed(
        plan_answer(new, 2, 1)
    )
    done = Plan("s", (ArmPlan("A", {}, {State.DONE: 2}, True, None),), ())
    assert "0 trials to run, about 0:00:00 at 1 at a time" in printed(plan_answer(done, 2, 1))


def test_a_status_shows_what_every_arm_has_and_who_runs_it() -> None:
    running = status("running", 77, 3723.4, "2030-01-01T00:00:00+00:00")
    assert printed(running).splitlines() == [
        "Status of smoke: running",
        "Arm  Done  Failed  Running  Locked  Best validation HR@10",
        "A    3     1       2        yes     0.2500",
        "B    0     0       0        no      -",
        "1:02:03 spent, last change 2030-01-01T00:00:00+00:00, process 77 runs it",
    ]
    text = printed(status("stopped", None, 1.0, "then"))
    assert "To continue" in text
    assert "no process runs it" in text


def test_seconds_are_printed_as_hours_minutes_and_seconds() -> None:
    assert format_seconds(59.6) == "0:01:00"


def test_a_dataset_is_printed_with_every_rule_that_applied() -> None:
    entry = DatasetEntry(
        name="movielens",
        sha256="0",
        is_synthetic=False,
        num_users=655,
        num_items=453,
        num_interactions=24434,
        counts={"rows_read": 100004, "broken_rows": 0, "time_ties": 7},
    )
    assert format_dataset(entry) == (
        "data: movielens: 655 users, 453 items, 24,434 interactions in their windows "
        "(rows_read 100,004, time_ties 7)"
    )
    assert "movielens (made-up data): " in format_dataset(
        entry.model_copy(update={"is_synthetic": True})
    )


def test_a_data_set_says_which_share_of_its_rows_repeats_a_pair() -> None:
    entry = DatasetEntry(
        name="shop",
        sha256="0" * 64,
        is_synthetic=False,
        num_users=100,
        num_items=200,
        num_interactions=1_500,
        counts={"rows_read": 1_500, "repeated_interactions_kept": 555},
    )
    assert format_dataset(entry).endswith(
        "(rows_read 1,500, repeated_interactions_kept 555; 37.0% of the rows are repeats)"
    )
