"""The command line: words -> what is asked for, or what is wrong with them."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from morec.errors import format_exit_codes
from studies.commands import COMMANDS, GROUPS
from studies.shipped import find_study


def program() -> str:
    """How this command was called: ``morec``, or ``python studies/run.py``."""
    script = Path(sys.argv[0])
    if script.stem == "morec":
        return "morec"
    return f"python {script}" if script.name == "run.py" else "python studies/run.py"


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2, as argparse does.

    The result's ``command`` is a name in ``COMMANDS``, or None to run the study; ``study`` is the
    study's file, and ``root`` the folder where its relative paths start.

    Raises:
        SpecError: the study is named by a word that means none.
    """
    parser = _parser()
    if "_ARGCOMPLETE" in os.environ:
        from studies.completion import complete

        complete(parser)
    args = parser.parse_args(words)
    args.command = _given_command(parser, args)
    args.root = Path()
    if args.study is not None:
        found = find_study(args.study)
        args.study, args.root = found.path, found.root
        if found.note:
            print(found.note, file=sys.stderr)
    elif args.command is None or COMMANDS[args.command].needs != "nothing":
        parser.error("the following arguments are required: STUDY (--list names those shipped)")
    return args


def _parser() -> argparse.ArgumentParser:
    alone = " | ".join(f"--{name}" for name, one in COMMANDS.items() if one.needs == "nothing")
    parser = argparse.ArgumentParser(
        program(),
        usage=f"%(prog)s STUDY [options]\n       %(prog)s {alone}",
        description="Run or continue a study; or, with one of the options that say so, look at it.",
        epilog=format_exit_codes(),
    )
    a_study = "a study file, or the name of a shipped study"
    parser.add_argument("study", type=Path, metavar="STUDY", nargs="?", help=a_study)
    groups = {group: parser.add_argument_group(title) for group, title in GROUPS.items()}
    for name, command in COMMANDS.items():
        groups[command.group].add_argument(f"--{name}", help=command.help, **command.settings)
        for option, settings in command.options.items():
            groups[command.group].add_argument(f"--{option}", **settings)
    _add_options(groups["run"])
    return parser


def _add_options(parser: "argparse._ArgumentGroup") -> None:
    """The options of a run, which most commands read as well."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/<study name>[-quick]"
    )
    only = "arms to run: by name, data set or condition, or DATASET/CONDITION/ARM"
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="ARM", help=only)
    change = "change the study for this run: optim.lr=3e-4"
    parser.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="KEY=VALUE", help=change
    )
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


def _given_command(parser: argparse.ArgumentParser, args: argparse.Namespace) -> str | None:
    """The one command that is given; two, or another's option, end the program."""
    given = [name for name in COMMANDS if getattr(args, name) not in (None, False)]
    if len(given) > 1:
        parser.error(f"{' and '.join(f'--{name}' for name in given)} exclude each other; give one")
    for name, command in COMMANDS.items():
        for option in command.options:
            if getattr(args, option) is not None and name not in given:
                parser.error(f"--{option} has no effect without --{name}")
    return given[0] if given else None
