"""The command line: help by what people do, the name it was called by, and what excludes what."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studies.command_line import parse, program
from studies.commands import COMMANDS, GROUPS
from studies.run import main

ROOT = Path(__file__).parents[2]
HEAVY = {"ray", "torch", "optuna", "plotly", "transformers", "argcomplete"}


def help_text(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    assert caught.value.code == 0
    return capsys.readouterr().out


def test_help_names_every_option_below_what_people_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = help_text(capsys)
    used = [group for group in GROUPS if any(one.group == group for one in COMMANDS.values())]
    places = [said.index(f"\n{GROUPS[group]}:\n") for group in used]
    assert places == sorted(places)
    ends = [*places[1:], len(said)]
    for name, command in COMMANDS.items():
        start, end = dict(zip(used, zip(places, ends, strict=True), strict=True))[command.group]
        assert f"\n  --{name}" in said[start:end]
    assert all(command.help in " ".join(said.split()) for command in COMMANDS.values())


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("/somewhere/bin/morec", "morec"),
        ("studies/run.py", "python studies/run.py"),
        ("../studies/run.py", "python ../studies/run.py"),
        ("/usr/bin/pytest", "python studies/run.py"),
    ],
)
def test_the_program_is_called_as_it_was_typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], script: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [script])
    assert program() == name
    assert help_text(capsys).startswith(f"usage: {name} STUDY [options]\n       {name} --new | ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smoke", "--plan", "--status"], "--plan and --status exclude each other; give one"),
        (["smoke", "--clean", "--doctor"], "--clean and --doctor exclude each other; give one"),
        (["smoke", "--images", "x"], "--images has no effect without --new"),
        ([], "the following arguments are required: STUDY (--list names those shipped)"),
        (["--plan"], "the following arguments are required: STUDY (--list names those shipped)"),
    ],
)
def test_what_excludes_or_needs_something_is_said(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {said}")


def test_the_file_that_is_taken_for_a_shipped_study_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("smoke.yaml").write_text("question: mine")
    args = parse(["smoke", "--plan"])
    assert (args.study, args.root, args.command) == (Path("smoke.yaml"), Path(), "plan")
    said = "smoke: the file smoke.yaml, not the shipped study of that name\n"
    assert capsys.readouterr().err == said


ASKED = (
    (["--help"], 0),
    (["--list"], 0),
    (["--schema"], 0),
    (["fusoin"], 2),
    (["smoke", "--plann"], 2),
    (["smoke", "--status"], 2),  # nothing has run there
)
ASK = """
import contextlib, io, json, sys
from studies.run import main
def code_of(words):
    try:
        return main(words)
    except SystemExit as end:
        return end.code
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()):
        code = code_of(words)
    print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
import reports.write
print(json.dumps("scipy.stats" in sys.modules))
"""
"""One process for all: what an earlier command has loaded, a later one would be blamed for."""


def test_what_needs_no_ray_loads_neither_ray_nor_torch(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([words for words, _ in ASKED])],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        check=False,
    )
    *answers, has_statistics = [json.loads(line) for line in done.stdout.splitlines()]
    assert [code for code, _ in answers] == [code for _, code in ASKED], done.stderr
    for (words, _), (_, packages) in zip(ASKED, answers, strict=True):
        assert "yaml" in packages
        assert HEAVY & {*packages} == set(), words
    # A second of a core, for two functions of the report that scipy.special has as well.
    assert not has_statistics
