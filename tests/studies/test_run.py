"""The command line: located mistakes, exit codes, and one outcome per way of ending."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studies.run import main, parse, run_options
from tune_space.expand import expand
from tune_space.folder import hold
from tune_space.loader import load_study
from tune_space.options import RunOptions

ROOT = Path(__file__).parents[2]
STUDY = """\
question: Which?
baseline: small
base: {dataset: {kind: synthetic}, item: {id: true}}
arms:
  small: {model.dim: 8}
  large: {model.dim: 64}
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "dims.yaml"
    path.write_text(STUDY)
    return path


def test_three_typos_are_three_located_lines_and_exit_code_2_before_ray_or_torch(
    study: Path,
) -> None:
    typos = STUDY.replace("synthetic", "synthetik").replace("small: {model.dim", "small: {model.dm")
    study.write_text(typos.replace("baseline: small", "baseline: smal"))
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / "studies" / "run.py"), str(study)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    imported = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    said = [line for line in done.stderr.splitlines() if line not in imported]
    assert done.returncode == 2
    assert said == [
        f"{study}:2: baseline: unknown arm 'smal'. Did you mean 'small'? Allowed: small, large",
        f"{study}:3: base.dataset: unknown kind 'synthetik'. Did you mean 'synthetic'? "
        "Allowed: amazon, files, hm, mind, movielens, pairs, sequences, synthetic",
        f"{study}:5: arms.small.model.dm: unknown key 'dm'. Did you mean 'model.dim'? "
        "Allowed in model: dilations, dim, dropout, kernel_size, kind, mlp_layers, num_blocks, "
        "num_heads",
    ]
    packages = {line.rpartition("|")[2].strip().partition(".")[0] for line in imported}
    assert packages & {"yaml", "ray", "torch", "optuna", "plotly"} == {"yaml"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "model.dims=3"], "--set model.dims=3: base.model.dims: unknown key 'dims'. "
         "Did you mean 'dim'? Allowed: dim, dropout, kind, num_blocks, num_heads"),
        (["--only", "small", "larg"], "--only: unknown arm 'larg'. Did you mean 'large'? "
         "Allowed: small, large"),
        (["--set", "model.num_heads=5"], "{study}: arm 'small': model: dim 8 is not divisible by "
         "num_heads 5\n{study}: arm 'large': model: dim 64 is not divisible by num_heads 5"),
        (["--status"], "runs/dims: no study has run here (there is no manifest.json)"),
    ],
)  # fmt: skip
def test_mistakes_go_to_stderr_and_give_exit_code_2(
    study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([str(study), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err == message.format(study=study) + "\n"
    assert captured.out == ""


def test_wrong_options_are_refused_by_the_parser(study: Path) -> None:
    for arguments in ([], [str(study), "--plan", "--status"], [str(study), "--plann"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2


def test_the_plan_is_shown_and_nothing_is_started(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(study), "--plan", "--only", "large", "--set", "seeds=[4, 5]"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Plan of dims",
        "Arm    Search             Final (2 seeds)  To run",
        "large  nothing to search  2 new            2",
        "2 trials to run, no estimate yet: no trial has finished",
    ]
    assert sorted(path.name for path in study.parent.iterdir()) == ["dims.yaml"]


def test_options_reach_the_runner(study: Path) -> None:
    words = [str(study), "--only", "large", "--address", "auto", "--retry-failed", "--verbose"]
    assert run_options(parse(words), Path("o"), "the command") == RunOptions(
        out=Path("o"),
        root=study.parent,
        study_file_text=STUDY,
        command="the command",
        only=("large",),
        address="auto",
        retry_failed=True,
        verbose=True,
    )


def test_the_report_of_a_folder_without_a_study_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(study), "--report", "--out", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_fresh_leaves_a_folder_alone_that_another_study_runs_in(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path("runs/dims")
    with hold(out):
        assert main([str(study), "--fresh"]) == 2
    assert f"process {os.getpid()} runs a study here" in capsys.readouterr().err
    assert out.exists()


def test_every_study_in_the_repository_expands() -> None:
    num_arms = {p.stem: len(expand(load_study(p))) for p in (ROOT / "studies").glob("*.yaml")}
    assert num_arms["smoke"] == 2
    assert num_arms["fusion"] == 14
