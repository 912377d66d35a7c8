"""``python -m reports DIR [DIR ...]``: write each study's report; of several, a page of all."""

import argparse
import sys
from pathlib import Path

from morec.errors import ExitCode, MorecError, did_you_mean
from reports.write import FORMATS, STUDIES_PAGE, write_reports


def main(words: list[str] | None = None) -> int:
    """Write the reports; ``REFUSED`` if a folder holds no readable study."""
    arguments = _parse(words)
    try:
        for path in write_reports(arguments.folders, arguments.format, arguments.out):
            print(path)
    except MorecError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return ExitCode.OK


def _parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="output folders of studies"
    )
    parser.add_argument(
        "--format",
        type=_formats,
        default=FORMATS,
        metavar="NAME[,NAME...]",
        help=f"some of {', '.join(FORMATS)}; default: all of them",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"the page of several studies; default: {STUDIES_PAGE} in the folder they share",
    )
    return parser.parse_args(words)


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
