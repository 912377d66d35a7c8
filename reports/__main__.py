"""``python -m reports DIR``: write the report of the study in DIR, also while it runs."""

import argparse
import sys
from pathlib import Path

from morec.errors import MorecError
from reports.page import write_report


def main(arguments: list[str] | None = None) -> int:
    """Write one report; 0, or 2 where the folder holds no readable study."""
    parser = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    parser.add_argument("folder", type=Path, help="a study's output folder")
    try:
        print(write_report(parser.parse_args(arguments).folder))
    except MorecError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
