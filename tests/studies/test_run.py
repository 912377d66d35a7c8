"""The command line: located mistakes, exit codes, and what each option asks for."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from studies.run import COMMANDS, Command, main, parse, run_options
from tune_space.execution.options import RunOptions
from tune_space.ledger.locks import hold
from tune_space.study.load import open_study

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
        "Allowed: amazon, files, hm, mind, movielens, pairs, recbole, sequences, synthetic",
        f"{study}:5: arms.small.model.dm: unknown key 'dm'. Did you mean 'model.dim'? "
        "Allowed in model: dilations, dim, dropout, kernel_size, kind, mask_share, mlp_layers, "
        "num_blocks, num_heads",
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
def test_mistakes_are_printed_on_stderr_with_exit_code_2(
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


def test_a_plan_is_printed_and_nothing_is_written(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(study), "--plan", "--only", "large", "--set", "seeds=[4, 5]"]) == 0
    printed = capsys.readouterr().out.splitlines()
    start = next(at for at, line in enumerate(printed) if line.startswith("data: "))
    *said, beside = printed[:start]
    assert printed[start + 1].startswith("  read: ")
    needs = [line for line in said if line.startswith(("disk: ", "memory: "))]
    assert len(needs) == 2
    assert [line for line in said if line not in needs] == [
        "Plan of dims",
        "Arm    Search             Final (2 seeds)  To run  #Param  FLOPs",
        "large  nothing to search  2 new            2       ?       ?",
        "2 trials to run, no estimate yet: no trial has finished",
        "not all counted, since sizes are not known yet: large",
    ]
    assert re.fullmatch(
        r"\d+ concurrent: CPUs allow \d+, memory \d+ "
        r"\(0\.8 GB each of [\d.]+ GB, estimated\)",
        beside,
    )
    assert sorted(path.name for path in study.parent.iterdir()) == ["dims.yaml"]


SEARCHED = """\
search:
  model.num_blocks: {int: [1, 5], step: 2}
  training.loss: {choice: [bce, in_batch_ce]}
"""


@pytest.mark.parametrize(
    ("fields", "num_trials", "words"),
    [
        (
            "budget: {trials: 40}",
            6,
            "search space of small, large: 6 points, all of which are tried; budget.trials 40 "
            "allows more",
        ),
        ("budget: {trials: 6}\nsampler: grid", 6, None),
        ("budget: {trials: 4}", 4, None),
        (
            "budget: {trials: 4}\nsampler: grid",
            4,
            "search space of small, large: 6 points, of which sampler: grid tries 4 "
            "(budget.trials)",
        ),
    ],
)
def test_a_plan_counts_what_can_run_of_a_finite_space(
    study: Path, capsys: pytest.CaptureFixture[str], fields: str, num_trials: int, words: str | None
) -> None:
    study.write_text(STUDY + SEARCHED + fields + "\nseeds: [1]\n")
    assert main([str(study), "--plan"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert f"{2 * (num_trials + 1)} trials to run, no estimate yet: no trial has finished" in said
    assert [line for line in said if line.startswith("search space")] == ([words] if words else [])


def test_a_plan_names_cutoffs_above_the_number_of_items_where_that_is_known(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sized = "datasets: {shop: {dataset: {kind: synthetic}, num_items: 12}}\n"
    base = "base: {item: {id: true}, evaluation: {ks: [10, 20]}}\n"
    study.write_text(re.sub(r"base: .*\n", base + sized, STUDY))
    assert main([str(study), "--plan"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "HR@20 ranks 12 candidates on shop: every target that is ranked hits, so no arm can be "
        "better there. Set evaluation.ks well below 12."
    )


LABELLED = """\
question: Which?
baseline: ID
base: {item: {id: true}}
datasets:
  drawn: {dataset: {kind: synthetic}}
  shop:
    dataset: {kind: files, interactions: data/sales.csv}
    download: sales.csv from the shop into data/
arms:
  ID: {}
  deep: {model.num_blocks: 3}
  TS: {item.id: false, item.text: {name: org/nowhere-bert}}
seeds: [1]
quick:
  datasets: {shop: {dataset: {kind: synthetic, seed: 1}}}
  arms: {TS: {item.text: {name: tiny-random, pretrained: false}}}
"""


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "both.yaml"
    path.write_text(LABELLED)
    return path


def test_a_plan_needs_neither_data_nor_weights_and_says_what_to_download(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(labelled), "--plan"]) == 0
    said = capsys.readouterr().out.splitlines()
    planned = ["drawn/ID", "drawn/deep", "drawn/TS", "shop/ID", "shop/deep", "shop/TS"]
    assert [line.split()[0] for line in said[2:8]] == planned
    assert [line.split(":")[0] for line in said[9:12]] == [
        "disk",
        "memory",
        "not all counted, since sizes are not known yet",
    ]
    assert " concurrent: " in said[12]
    assert said[13:18] == [
        "not here yet: text encoder org/nowhere-bert; for 2 arms",
        "  not in the local cache of the model hub (HF_HOME); a run fetches them from the hub "
        "where there is a network",
        "not here yet: data set shop; for 3 arms",
        f"  {labelled.parent}/data/sales.csv: the folder {labelled.parent}/data does not exist",
        "  download: sales.csv from the shop into data/",
    ]
    assert [line.split(":")[:2] for line in said[18:] if line.startswith("data:")] == [
        ["data", " drawn (synthetic) (made-up data)"]
    ]
    assert list(labelled.parent.iterdir()) == [labelled]


def test_a_run_without_its_data_starts_nothing_and_prints_what_the_plan_prints(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(labelled), "--only", "shop/ID", "shop/deep"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "nothing was started",
        "not here yet: data set shop; for 2 arms",
        f"  {labelled.parent}/data/sales.csv: the folder {labelled.parent}/data does not exist",
        "  download: sales.csv from the shop into data/",
    ]
    assert list(labelled.parent.iterdir()) == [labelled]


@pytest.mark.parametrize(
    ("words", "planned"),
    [
        (["drawn"], ["drawn/ID", "drawn/deep", "drawn/TS"]),
        (["deep"], ["drawn/deep", "shop/deep"]),
        (["shop/TS", "drawn/ID"], ["drawn/ID", "shop/TS"]),
    ],
)
def test_only_takes_an_arm_on_every_data_set_or_every_arm_of_a_data_set(
    labelled: Path, capsys: pytest.CaptureFixture[str], words: list[str], planned: list[str]
) -> None:
    assert main([str(labelled), "--plan", "--quick", "--only", *words]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in said[2 : 2 + len(planned)]] == planned
    assert said[2 + len(planned)].split()[1:3] == ["trials", "to"]


def test_the_quick_form_needs_no_data_and_has_a_folder_of_its_own(
    labelled: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(labelled), "--plan", "--quick", "--set", "seeds=[1, 2]"]) == 0
    assert "12 trials to run" in capsys.readouterr().out
    assert main([str(labelled), "--status", "--set", "profile=quick"]) == 2
    assert capsys.readouterr().err.startswith("runs/both-quick: no study has run here")


def test_options_reach_the_runner(study: Path) -> None:
    words = [str(study), "--only", "large", "--address", "auto", "--retry-failed", "--verbose"]
    options = run_options(parse(words), open_study(study), Path("o"), "the command")
    assert options == RunOptions(
        out=Path("o"),
        root=study.parent,
        study_file_text=STUDY,
        command="the command",
        only=("large",),
        address="auto",
        retry_failed=True,
        verbose=True,
    )


def test_a_new_command_is_a_module_and_a_line_in_the_table(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "toy_command.py").write_text(
        "from tune_space.commands.request import Answer\n"
        "def answer(request):\n"
        "    arms = [arm.name for arm in request.study.arms]\n"
        "    return Answer((f'{request.argument}: {arms}',), exit_code=1)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    toy = Command("toy_command", "name the arms", {"metavar": "WORD"}, needs="arms")
    monkeypatch.setitem(COMMANDS, "toy", toy)
    assert main([str(study), "--toy", "arms", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().out.startswith("arms: ['")
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--toy WORD" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_module_that_answers(name: str) -> None:
    assert callable(importlib.import_module(COMMANDS[name].module).answer)


def test_a_command_reads_the_study_file_once(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, count = Path.read_text, []

    def counted(path: Path, *args: str, **options: str) -> str:
        count.extend([path] if path == study else [])
        return read(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", counted)
    assert main([str(study), "--plan"]) == 0
    assert count == [study]


def test_the_report_of_a_folder_without_a_study_is_refused(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(study), "--report", "--out", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_fresh_does_not_move_a_folder_that_another_study_runs_in(
    study: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = Path("runs/dims")
    with hold(out):
        assert main([str(study), "--fresh"]) == 2
    assert f"process {os.getpid()} runs a study here" in capsys.readouterr().err
    assert out.exists()
