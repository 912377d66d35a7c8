"""``python -m reports DIR [DIR ...]``: write each study's report; of several, a page of all.

With ``--to TRACKER:ADDRESS`` the trials are sent there instead.
"""

import argparse
import sys
from pathlib import Path

from morec.errors import ExitCode, MorecError, SpecError, did_you_mean
from reports.trackers.table import TRACKERS, send
from reports.write import FORMATS, STUDIES_PAGE, write_reports
from tune_space.study.tracking import parse_tracker


def main(words: list[str] | None = None) -> int:
    """Write the reports, or send the trials to trackers.

    Returns:
        ``REFUSED`` if a folder holds no readable study, ``FAILED`` if a tracker did not take all.
    """
    arguments = _parse(words)
    try:
        if arguments.to:
            return _send(arguments.folders, arguments.to)
        for path in write_reports(arguments.folders, arguments.format, arguments.out):
            print(path)
    except MorecError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return ExitCode.OK


def _send(folders: list[Path], trackers: list[tuple[str, str]]) -> ExitCode:
    """Send every study to every tracker; what is wrong with one of them keeps no other waiting."""
    code = ExitCode.OK
    for folder in folders:
        for name, address in trackers:
            sent = send(folder, name, address)
            if sent.problem:
                print(sent.problem, file=sys.stderr)
                code = ExitCode.FAILED
            else:
                print(f"{folder}: {sent.number} trials sent to {name}:{address}")
    return code


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="output folders of studies"
    )
    parser.add_argument(
        "--to",
        type=_tracker,
        action="append",
        metavar="TRACKER:ADDRESS",
        help="send the trials there instead of writing reports, as `tracking:` of a study says it; "
        f"several times for several of {', '.join(TRACKERS)}",
    )
    parser.add_argument(
        "--format",
        type=_formats,
        metavar="NAME[,NAME...]",
        help=f"some of {', '.join(FORMATS)}; default: all of them",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the page of several studies; default: {STUDIES_PAGE} in the folder they share",
    )
    arguments = parser.parse_args(words)
    if arguments.to and (arguments.format or arguments.out):
        parser.error("--format and --out have no effect with --to, which writes no report")
    arguments.format = arguments.format or FORMATS
    return arguments


def _tracker(word: str) -> tuple[str, str]:
    try:
        return parse_tracker(word)
    except SpecError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _formats(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in FORMATS:
            raise argparse.ArgumentTypeError(
                f"{name!r} is not a format; allowed: {', '.join(FORMATS)}"
                f"{did_you_mean(name, FORMATS)}"
            )
    return names


if __name__ == "__main__":
    sys.exit(main())
