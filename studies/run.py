"""Run a study: ``python studies/run.py studies/smoke.yaml``. Running it again continues it."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from morec.errors import MorecError, SpecError
from tune_space.commands.status import read_status
from tune_space.execution.options import RunOptions
from tune_space.execution.ray_env import set_switches
from tune_space.ledger.locks import set_aside
from tune_space.ledger.records import Ledger
from tune_space.schedule.changes import find_changes
from tune_space.schedule.plan import make_plan
from tune_space.study.arm_names import select_arms
from tune_space.study.expand import Arm, expand
from tune_space.study.load import load_study, read_study_file
from tune_space.study.spec import StudySpec
from tune_space.terminal import print_plan, print_status

if TYPE_CHECKING:
    from tune_space.capacity.admission import Slots
    from tune_space.commands.clean import Kind

# Ray, torch and the report are imported where they are used: a typo is answered at once.


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Returns:
        0 all went well, 1 a trial failed, 2 the study, its data or its folder is not right (said on
        stderr), 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _main(parse(words), shlex.join(["python", "studies/run.py", *words]))
    except MorecError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(_format_disk_error(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _format_disk_error(error: OSError) -> str:
    """A full disk, a folder that cannot be written: what, where, and what to do about it."""
    where = f"{error.filename}: " if error.filename else ""
    return (
        f"{where}{error.strerror or error}. What had finished is recorded; once the disk can be "
        "written, the same command continues"
    )


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2, as argparse does."""
    parser = argparse.ArgumentParser("studies/run.py", description="Run or continue a study.")
    parser.add_argument("study", type=Path, metavar="STUDY.yaml", nargs="?")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="default: runs/<study name>[-quick]"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--plan", action="store_true", help="say what would run, and how long")
    instead.add_argument("--status", action="store_true", help="say how the study stands")
    instead.add_argument("--report", action="store_true", help="write the report of what is there")
    instead.add_argument("--audit", action="store_true", help="recheck every choice and number")
    instead.add_argument("--doctor", action="store_true", help="check this installation")
    instead.add_argument(
        "--clean",
        nargs="*",
        choices=("artefacts", "checkpoints"),
        help="say what the cache takes; with words, delete that; never results",
    )
    instead.add_argument("--reproduce", metavar="TRIAL", help="train it again and compare")
    only = "arms to run: by name, by data set, or DATASET/ARM"
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
    if args.study is None and not args.doctor and args.clean is None:
        parser.error("the following arguments are required: STUDY.yaml")
    return args


def _main(args: argparse.Namespace, command: str) -> int:
    if args.doctor:
        return _doctor(args.out or Path("runs"))
    if args.clean is not None:
        return _clean(args.out or Path("runs"), args.clean)
    study = load_study(args.study, args.set)
    out = args.out or Path("runs") / study.folder
    if args.status:
        print_status(Console(), read_status(out))
        return 0
    if args.report:
        return _report(out)
    if args.audit:
        return _audit(out)
    if args.reproduce:
        return _reproduce(args.reproduce, out, args.study.parent)
    arms = _expand(study, args)
    options = run_options(args, out, command)
    if args.plan:
        return _plan(study, arms, options)
    if args.fresh and (aside := set_aside(out)):
        print(f"earlier results are now in {aside}")
    return _run(study, arms, options)


def run_options(args: argparse.Namespace, out: Path, command: str) -> RunOptions:
    """What the runner needs to know besides the study."""
    return RunOptions(
        out=out,
        root=args.study.parent,
        study_file_text=read_study_file(args.study),
        command=command,
        only=tuple(args.only),
        address=args.address,
        retry_failed=args.retry_failed,
        verbose=args.verbose,
    )


def _expand(study: StudySpec, args: argparse.Namespace) -> tuple[Arm, ...]:
    try:
        arms = expand(study)
    except SpecError as error:
        raise SpecError([f"{args.study}: {problem}" for problem in error.problems]) from error
    args.only = select_arms(study, args.only)
    return arms


def _plan(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> int:
    from morec.encoders.artefacts import ArtefactStore
    from morec.encoders.weights.hub import offline
    from tune_space.capacity.admission import (
        Room,
        format_concurrency,
        memory_estimates,
        num_concurrent,
    )
    from tune_space.capacity.forecast import make_forecast
    from tune_space.capacity.model_profiles import model_profiles
    from tune_space.inputs.missing import find_missing, format_missing, inactive_arms
    from tune_space.inputs.prepare import Prepared
    from tune_space.ledger.layout import ARTEFACTS

    shared = Prepared(options.root, ArtefactStore(options.out.parent / ARTEFACTS))
    ledger, retry_failed = Ledger(options.out), options.retry_failed
    resting = inactive_arms(arms, options.only)
    with offline():
        missing = find_missing(study, [a for a in arms if a.name not in resting], shared)
        resting = inactive_arms(arms, options.only, missing)
        plan = make_plan(
            study, arms, ledger, shared.sources, inactive=resting, retry_failed=retry_failed
        )
        changes = find_changes(study, arms, ledger, shared.sources, inactive=resting)
    plan = replace(plan, edits=changes)
    kept = plan.restricted(options.only)
    names = {arm.name for arm in kept.arms}
    shown = [arm for arm in arms if arm.name in names]
    manifest, records = ledger.read_manifest(), ledger.read_all()
    memory = memory_estimates(study, shown, manifest, records)
    slots, num_bytes = _capacity(study, options)
    room = Room(num_bytes, memory, study.resources)
    num_parallel = num_concurrent(slots, room, shown)
    sizes = model_profiles(study, shown, manifest.datasets if manifest else ())
    store = shared.store.folder
    needs = make_forecast(study, shown, kept, manifest, records, sizes, store, memory, num_parallel)
    print_plan(Console(), kept, len(study.seeds), num_parallel, sizes)
    beside = format_concurrency(slots, room, shown)
    short = needs.shortages(options.out, is_local=options.address is None)
    for line in (*needs.lines(options.out), beside, *short, *format_missing(missing)):
        print(line)
    return 0


def _capacity(study: StudySpec, options: RunOptions) -> tuple["Slots", int]:
    """What this machine holds, or the cluster that is to be used."""
    if options.address is None:
        from tune_space.capacity.admission import free_bytes, planned_slots

        return planned_slots(study.resources), free_bytes()
    set_switches(is_local=False)
    from tune_space.execution.cluster import capacity

    return capacity(study.resources, options)


def _doctor(runs: Path) -> int:
    from tune_space.commands.doctor import examine

    facts, broken = examine(runs)
    print("\n".join([*facts, *(f"wrong: {problem}" for problem in broken)]))
    return 1 if broken else 0


def _clean(runs: Path, kinds: "Sequence[Kind]") -> int:
    from tune_space.commands.clean import clean

    print("\n".join(clean(runs, kinds)))
    return 0


def _audit(out: Path) -> int:
    from tune_space.commands.audit import audit

    found = audit(out)
    print("\n".join(found.format_lines()))
    return 1 if found.problems else 0


def _reproduce(trial_id: str, out: Path, root: Path) -> int:
    from morec.encoders.artefacts import ArtefactStore
    from tune_space.commands.reproduce import reproduce
    from tune_space.inputs.prepare import Prepared
    from tune_space.ledger.layout import ARTEFACTS

    found = reproduce(trial_id, Ledger(out), Prepared(root, ArtefactStore(out.parent / ARTEFACTS)))
    print(found.format())
    return 1 if found.difference else 0


def _run(study: StudySpec, arms: Sequence[Arm], options: RunOptions) -> int:
    set_switches(is_local=options.address is None)
    from reports.live_page import LivePage
    from tune_space.execution.runner import run_study
    from tune_space.schedule.arm_plan import MAX_FAILURES

    live = LivePage(options.out)
    outcome = run_study(study, arms, replace(options, on_progress=live.refresh))
    for trial_id, reason in outcome.failed.items():
        print(f"failed: {trial_id} ({reason})", file=sys.stderr)
    for arm in outcome.unlocked:
        print(f"no search trial of arm {arm!r} completed", file=sys.stderr)
    for arm in outcome.given_up:
        print(
            f"arm {arm!r} is given up: {MAX_FAILURES} trials failed, none did not", file=sys.stderr
        )
    if not outcome.is_finished:
        print("not finished: run the same command again to continue", file=sys.stderr)
    _report(options.out)
    return outcome.exit_code


def _report(out: Path) -> int:
    from reports.write import write_report

    print(f"report: {write_report(out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
