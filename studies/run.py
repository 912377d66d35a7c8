"""Run a study: ``python studies/run.py studies/smoke.yaml``. Running it again continues it."""

import argparse
import importlib
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console

from morec.errors import ExitCode, MorecError, format_exit_codes
from tune_space.commands.request import Answer, Request, StudyRequest
from tune_space.execution.options import RunOptions
from tune_space.execution.ray_env import set_switches
from tune_space.ledger.locks import set_aside
from tune_space.study.arm_names import select_arms
from tune_space.study.load import LoadedStudy, open_study
from tune_space.study.spec import ResourcesSpec
from tune_space.terminal import print_answer

if TYPE_CHECKING:
    from tune_space.capacity.admission import Capacity

# Ray, torch and the report are imported where they are used: a typo is answered at once.


@dataclass(frozen=True)
class Command:
    """An option that does something else than run the study."""

    module: str
    """Has ``answer(request)``."""
    help: str
    settings: Mapping[str, Any] = field(default_factory=lambda: {"action": "store_true"})
    """Of the option, as argparse takes them."""
    needs: Literal["nothing", "study", "arms"] = "study"
    """``arms``: impossible arms, and ``--only`` with unknown ones, are refused before it starts."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Further options that only this command reads, as argparse takes them."""


COMMANDS = {
    "plan": Command("tune_space.commands.plan", "say what would run, and how long", needs="arms"),
    "status": Command("tune_space.commands.status", "say how the study stands"),
    "report": Command("studies.report", "write the report of what is there"),
    "audit": Command("tune_space.commands.audit", "recheck every choice and number"),
    "new": Command(
        "tune_space.commands.new",
        "write a study of these files, or of a folder; of MovieLens without any",
        {"nargs": "*", "type": Path, "metavar": ("INTERACTIONS", "ITEMS")},
        needs="nothing",
        options={
            "images": {"type": Path, "metavar": "DIR", "help": "with --new: images by item id"}
        },
    ),
    "doctor": Command("tune_space.commands.doctor", "check this installation", needs="nothing"),
    "clean": Command(
        "tune_space.commands.clean",
        "say what the cache takes; with words, delete that; never results",
        {"nargs": "*", "choices": ("artefacts", "checkpoints")},
        needs="nothing",
    ),
    "reproduce": Command(
        "tune_space.commands.reproduce", "train it again and compare", {"metavar": "TRIAL"}
    ),
    "export": Command(
        "studies.export",
        "write the model of a finished arm into a folder that needs no study",
        {"metavar": "ARM"},
        options={
            "to": {
                "type": Path,
                "metavar": "DIR",
                "help": "with --export: a folder that does not exist; default: OUT/exports/ARM",
            },
            "license": {"metavar": "NAME", "help": "with --export: for its model card"},
        },
    ),
    "recommend": Command(
        "tune_space.commands.recommend",
        "recommend with an exported model, into --out FILE.parquet",
        {"type": Path, "metavar": "DIR"},
        needs="nothing",
        options={
            "histories": {
                "type": Path,
                "metavar": "FILE",
                "help": "with --recommend: a table of user_id, item_id and maybe timestamp",
            },
            "k": {"type": int, "metavar": "K", "help": "with --recommend: items a user (10)"},
        },
    ),
}
"""By option; a command is one file and one line here."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        One of ``morec.errors.EXIT_CODES``, which says what each means. What is wrong is said on
        stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(parse(words), shlex.join(["python", "studies/run.py", *words]))
    except MorecError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(_format_disk_error(error), file=sys.stderr)
        return ExitCode.REFUSED
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _format_disk_error(error: OSError) -> str:
    """A full disk, a folder that cannot be written: what, where, and what to do about it."""
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror or error}. What had finished is recorded; once the disk can be "
        "written, the same command continues"
    )


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2, as argparse does.

    The result's ``command`` is a name in ``COMMANDS``, or None to run the study.
    """
    parser = argparse.ArgumentParser(
        "studies/run.py", description="Run or continue a study.", epilog=format_exit_codes()
    )
    parser.add_argument("study", type=Path, metavar="STUDY.yaml", nargs="?")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/<study name>[-quick]"
    )
    instead = parser.add_mutually_exclusive_group()
    for name, command in COMMANDS.items():
        instead.add_argument(f"--{name}", help=command.help, **command.settings)
    for command in COMMANDS.values():
        for name, settings in command.options.items():
            parser.add_argument(f"--{name}", **settings)
    only = "arms to run: by name, data set or condition, or DATASET/CONDITION/ARM"
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="ARM", help=only)
    parser.add_argument("--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE")
    parser.add_argument(
        "--quick",
        dest="set",
        action="append_const",
        const="profile=quick",
        help="with the study's quick: block merged over it: minutes on two cores",
    )
    parser.add_argument("--address", metavar="RAY", help="of a Ray cluster; default: this machine")
    parser.add_argument("--retry-failed", action="store_true", help="run failed trials once more")
    parser.add_argument("--fresh", action="store_true", help="move earlier results aside, restart")
    parser.add_argument("--verbose", action="store_true", help="show Ray's own output")
    args = parser.parse_args(words)
    given = (name for name in COMMANDS if getattr(args, name) not in (None, False))
    args.command = next(given, None)
    for name, command in COMMANDS.items():
        for option in command.options:
            if getattr(args, option) is not None and args.command != name:
                parser.error(f"--{option} has no effect without --{name}")
    if args.study is None and (args.command is None or COMMANDS[args.command].needs != "nothing"):
        parser.error("the following arguments are required: STUDY.yaml")
    return args


def _main(args: argparse.Namespace, words: str) -> int:
    command = COMMANDS.get(args.command)
    if command and command.needs == "nothing":
        return _answer(command, _request(args, command))
    study = open_study(args.study, args.set)
    out = args.out or Path("runs") / study.spec.folder
    options = run_options(args, study, out, words)
    if command and command.needs == "study":
        return _answer(command, _study_request(args, command, study, options))
    _ = study.arms  # An impossible arm is answered at once, too.
    options = replace(options, only=select_arms(study.spec, options.only))
    if command:
        return _answer(command, _study_request(args, command, study, options))
    if args.fresh and (aside := set_aside(out)):
        print(f"earlier results are now in {aside}")
    return _run(study, options)


def _request(args: argparse.Namespace, command: Command) -> Request:
    return Request(args.out or Path("runs"), getattr(args, args.command), _own(args, command))


def _own(args: argparse.Namespace, command: Command) -> dict[str, Any]:
    """The options that only this command reads."""
    return {name: getattr(args, name) for name in command.options}


def _answer(command: Command, request: Request) -> int:
    answer: Answer = importlib.import_module(command.module).answer(request)
    print_answer(Console(), answer)
    return answer.exit_code


def run_options(
    args: argparse.Namespace, study: LoadedStudy, out: Path, command: str
) -> RunOptions:
    """What the runner needs to know besides the study."""
    return RunOptions(
        out=out,
        root=args.study.parent,
        study_file_text=study.text,
        command=command,
        only=tuple(args.only),
        address=args.address,
        retry_failed=args.retry_failed,
        verbose=args.verbose,
    )


def _study_request(
    args: argparse.Namespace, command: Command, study: LoadedStudy, options: RunOptions
) -> StudyRequest:
    return StudyRequest(
        out=options.out,
        argument=getattr(args, args.command),
        options=_own(args, command),
        study=study,
        root=options.root,
        only=options.only,
        retry_failed=options.retry_failed,
        find_capacity=lambda: _find_capacity(study.spec.resources, options),
    )


def _find_capacity(resources: ResourcesSpec, options: RunOptions) -> "Capacity":
    """What this machine has for trials, or the cluster at ``--address``."""
    if options.address is None:
        from tune_space.capacity.admission import machine_capacity

        return machine_capacity(resources)
    set_switches(is_local=False)
    from tune_space.execution.cluster import cluster_capacity

    return cluster_capacity(resources, options)


def _run(study: LoadedStudy, options: RunOptions) -> int:
    set_switches(is_local=options.address is None)
    from reports.live_page import LivePage
    from reports.write import write_report
    from tune_space.execution.runner import run_study

    live = LivePage(options.out)
    outcome = run_study(study.spec, study.arms, replace(options, on_progress=live.refresh))
    for line in outcome.format_problems():
        print(line, file=sys.stderr)
    print(f"report: {write_report(options.out)}")
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
