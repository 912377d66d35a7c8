"""How a text file is written: what separates its fields, and its encoding."""

from dataclasses import dataclass
from pathlib import Path

from morec.data.files.likely import quoted_for_yaml, separator_of_line
from morec.data.files.packed import PACKED, first_line
from morec.errors import DataError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
QUOTED = (",", ";", "|")
"""Separators of files whose fields may be quoted (RFC 4180); elsewhere a quote is text."""
UNIT = "\x1f"
"""Stands for separators of several characters, blanks, and characters beyond ASCII."""
ALLOWED = ".csv, .tsv (also packed: .csv.gz, .csv.xz, .tsv.gz, .tsv.xz)"


@dataclass(frozen=True)
class TextFormat:
    """The separator and the encoding of one file, and the options that say so."""

    separator: str
    """One or more characters; a blank stands for any number of blanks and tabs."""
    encoding: str = "utf-8"
    """The name of one of Python's codecs; a byte order mark is no part of the text."""
    separator_option: str | None = None
    """The option of the study that changes ``separator``; None if the kind fixes it."""
    encoding_option: str | None = None

    @property
    def is_quoted(self) -> bool:
        """Whether fields may be quoted."""
        return self.separator in QUOTED

    @property
    def delimiter(self) -> str:
        """The one character that separates fields once the file is streamed."""
        is_plain = len(self.separator) == 1 and self.separator.isascii() and self.separator != " "
        return self.separator if is_plain else UNIT


def text_format(
    path: Path, separator: str | None = None, encoding: str | None = None, *, prefix: str = ""
) -> TextFormat:
    """Return the format of a file whose kind has the options ``separator`` and ``encoding``.

    Without ``separator`` the suffix decides. ``prefix`` precedes the names of the options.

    Raises:
        DataError: neither ``separator`` nor the suffix says what separates the fields.
    """
    options = f"{prefix}separator", f"{prefix}encoding"
    found = separator or SEPARATORS.get(suffix_of(path))
    if found is None:
        raise _unknown(path, options[0])
    return TextFormat(found, encoding or "utf-8", *options)


def other_separator(text: TextFormat, line: str) -> str | None:
    """Say what separates the fields of a line in which ``text.separator`` finds one only."""
    likely = separator_of_line(line, other_than=text.separator)
    if likely is None:
        return None
    option = text.separator_option
    cure = f"give `{option}: {quoted_for_yaml(likely)}`" if option else "save it as CSV or TSV"
    return f"the fields look separated by {likely!r}: {cure}"


def is_parquet(path: Path) -> bool:
    """Whether the name says that ``path`` is a Parquet file; those are packed within."""
    return path.suffix.lower() == ".parquet"


def suffix_of(path: Path) -> str:
    """Return the suffix in lower case, without that of a packed file."""
    suffixes = path.suffixes
    is_packed = bool(suffixes) and suffixes[-1].lower() in PACKED
    return "".join(suffixes[-2:-1] if is_packed else suffixes[-1:]).lower()


def _unknown(path: Path, option: str) -> DataError:
    is_packed = path.suffix.lower() in PACKED
    found = "".join(path.suffixes[-2 if is_packed else -1 :]) or "no suffix"
    likely = separator_of_line(first_line(path)) if path.is_file() else None
    cure = f", for example `{option}: {quoted_for_yaml(likely or chr(9))}`"
    return DataError(
        f"{path.name}: {found!r} does not say what separates the fields; allowed: {ALLOWED}, "
        f".parquet, or any name with the option `{option}`{cure}"
    )
