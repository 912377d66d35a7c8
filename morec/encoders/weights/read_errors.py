"""What libraries raise about files of an encoder that are damaged, as one error that says where."""

from collections.abc import Iterator
from contextlib import contextmanager

from morec.errors import DataError, MorecError, first_line


@contextmanager
def as_data_error(what: str) -> Iterator[None]:
    """Let a library read files; ``what`` begins the sentence if it cannot.

    Any error counts: transformers checks little of what it reads and raises what Python happens to
    raise; its tokenizers raise plain ``Exception``.

    Raises:
        DataError: the library raised anything; memory that runs out is no fault of a file.
    """
    try:
        yield
    except (MorecError, MemoryError):
        raise
    except Exception as error:
        raise DataError(f"{what}: {first_line(error)}") from error
