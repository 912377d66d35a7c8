"""Run a study: ``morec smoke``, or ``python studies/run.py studies/smoke.yaml``.

Running it again continues it.
"""

import argparse
import importlib
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from morec.errors import ExitCode, MorecError
from studies.command_line import parse, program
from studies.commands import COMMANDS, Command
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


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        One of ``morec.errors.EXIT_CODES``, which says what each means. What is wrong is said on
        stderr.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(parse(words), shlex.join([*program().split(), *words]))
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
    return Request(
        args.out or Path("runs"), getattr(args, args.command), _own(args, command), program()
    )


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
        root=args.root,
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
    from reports.live_trackers import LiveTrackers
    from reports.write import write_report
    from tune_space.execution.runner import run_study

    live = LivePage(options.out)
    with LiveTrackers(options.out, study.spec.tracking) as trackers:

        def refresh() -> None:
            live.refresh()
            trackers.refresh()

        outcome = run_study(study.spec, study.arms, replace(options, on_progress=refresh))
        for line in outcome.format_problems():
            print(line, file=sys.stderr)
        print(f"report: {write_report(options.out)}")
        if outcome.signal is None:
            trackers.finish()
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
