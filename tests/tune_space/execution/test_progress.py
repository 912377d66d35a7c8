"""What a running study prints, read from a real conductor."""

import io
from types import SimpleNamespace

from rich.console import Console

from morec.results import Reason, TrialStatus
from tests.tune_space.made_up_trials import COST, conductor_of, curve, end, play, study
from tune_space.execution.progress import COUNT_S, StudyProgress
from tune_space.schedule.arm_plan import MAX_FAILURES
from tune_space.schedule.outcomes import MAX_ATTEMPTS


def shown(conductor, is_terminal: bool) -> tuple[StudyProgress, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=is_terminal, width=200)
    return StudyProgress(conductor, max_concurrent=2, console=console), stream


def test_outside_a_terminal_every_ended_trial_is_one_line(tmp_path) -> None:
    conductor = conductor_of(tmp_path, study(budget={"trials": 1}, seeds=[1]))
    progress, stream = shown(conductor, is_terminal=False)
    with progress:
        play(conductor)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(conductor.results) == 6
    assert "[6/6]" in lines[0]
    for trial_id, result in conductor.results.items():
        (line,) = (line for line in lines if trial_id in line)
        assert f"completed, validation HR@10 {result.best_score():.4f}, 4 epochs, 5.0 s" in line


def test_a_failed_trials_line_gives_the_last_line_of_its_reason(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    progress, stream = shown(conductor, is_terminal=False)
    for _ in range(MAX_ATTEMPTS):
        job = conductor.next_job()
        conductor.lose(job.trial_id, Reason.PROCESS_LOST, "Traceback ...\nValueError: the reason")
    progress.refresh()
    assert (
        "failed, process lost: ValueError: the reason, 0 epochs, no cost recorded"
        in stream.getvalue()
    )


def test_a_trial_of_a_cluster_names_its_nodes(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    progress, stream = shown(conductor, is_terminal=False)
    cost = COST.model_copy(update={"nodes": ("gpu-1 (0a1b)", "gpu-2 (2c3d)")})
    conductor.finish(end(conductor.next_job()).model_copy(update={"cost": cost}))
    progress.refresh()
    assert ", 5.0 s on gpu-1 (0a1b), gpu-2 (2c3d), left" in stream.getvalue()


def test_other_busy_processes_are_said_beside_the_trials_and_counted_now_and_then(
    tmp_path, monkeypatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("tune_space.execution.progress.time.monotonic", lambda: now[0])
    told = iter(["beside 1", "beside 2", None])
    competition = SimpleNamespace(format=lambda: next(told))
    conductor = conductor_of(tmp_path)
    progress = StudyProgress(conductor, 2, Console(), competition=competition)
    lines = []
    for seconds in (COUNT_S, 1, 1, COUNT_S, COUNT_S + 1):
        now[0] += seconds
        result = end(conductor.next_job())
        conductor.finish(result)
        lines.append(progress.line(result).rpartition(", ")[2])
        caption = progress.table().caption
        assert caption == (lines[-1] if lines[-1].startswith("beside") else None)
    assert lines[1:4] == ["beside 1", "beside 1", "beside 2"]
    assert [line.startswith("left ") for line in lines] == [True, False, False, False, True]


def test_results_of_an_earlier_run_are_not_printed_again(tmp_path) -> None:
    play(conductor_of(tmp_path))
    progress, stream = shown(conductor_of(tmp_path), is_terminal=False)
    progress.refresh()
    assert stream.getvalue() == ""


def test_the_time_left_is_the_remaining_trials_at_the_mean_so_far_over_the_concurrent_ones(
    tmp_path,
) -> None:
    conductor = conductor_of(tmp_path)
    progress, _ = shown(conductor, is_terminal=False)
    assert progress.time_left() == "not known yet"
    conductor.finish(end(conductor.next_job()))
    num_left = 3 * (3 + 2) - 1
    assert progress.time_left() == f"about 0:00:{round(num_left * COST.total_s / 2):02}"


def test_a_search_with_nothing_else_to_try_has_no_trials_to_come(tmp_path) -> None:
    space = {"model.num_blocks": {"choice": [1, 2]}}
    conductor = conductor_of(tmp_path, study(search=space, budget={"trials": 9}, seeds=[1]))
    progress, stream = shown(conductor, is_terminal=False)
    play(conductor)
    progress.refresh()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3 * (2 + 1)
    assert all("[9/9]" in line and line.endswith("left about 0:00:00") for line in lines)


def test_trials_that_conditions_share_are_shown_once_with_all_their_arms(tmp_path) -> None:
    conditions = {"published": {}, "heads": {"set": {"model.num_heads": 4}}}
    arms = {"ID": {}, "GRU": {"set": {"model.kind": "gru4rec"}}}
    conductor = conductor_of(tmp_path, study(arms=arms, conditions=conditions))
    progress, stream = shown(conductor, is_terminal=False)
    job = next(job for job in iter(conductor.next_job, None) if job.arm == "published/GRU")
    columns = {column.header: [*column.cells] for column in progress.table().columns}
    running = dict(zip(columns["Arm"], columns["Running"], strict=True))
    assert (running["published/GRU"], running["heads/GRU"]) == ("1", "1")
    conductor.finish(end(job))
    progress.refresh()
    (line,) = stream.getvalue().splitlines()
    assert f"[1/15] published/GRU, heads/GRU: {job.trial_id}" in line
    assert "left about 0:00:35" in line  # 14 trials of 5 s, 2 at a time


def test_an_arm_that_is_given_up_has_no_trials_to_come(tmp_path) -> None:
    arms = {"ID": {}, "wide": {"set": {"model.dim": 1024}}}
    conductor = conductor_of(tmp_path, study(arms=arms, budget={"trials": 8}))
    progress, _ = shown(conductor, is_terminal=True)
    play(conductor, fail={"wide"})
    assert progress.table().title == (
        f"s: {8 + 2 + MAX_FAILURES}/{8 + 2 + MAX_FAILURES} trials, left about 0:00:00"
    )


def test_in_a_terminal_a_table_shows_every_arms_counts_best_score_and_epoch(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    failed, running = conductor.next_job(), conductor.next_job()
    conductor.finish(end(failed, TrialStatus.FAILED))
    conductor.report(running.trial_id, curve(running.config)[:3], COST)
    progress, stream = shown(conductor, is_terminal=True)
    with progress:
        pass
    text = stream.getvalue()
    assert "s: 1/15 trials" in text
    rows = {line.split()[1]: line.split() for line in text.splitlines() if "/3" in line}
    assert rows[failed.arm][3:10:2] == ["1/3", "0/2", "0", "1"]
    assert rows[running.arm][3:10:2] == ["0/3", "0/2", "1", "0"]
    assert rows[running.arm][13] == "3"
