"""A data set in lines of text: its size, the rules that applied, and its profile."""

from tune_space.ledger.records import DatasetEntry


def format_profile(entry: DatasetEntry) -> list[str]:
    """The line of ``format_dataset``, then a line per part of the profile, indented."""
    raise NotImplementedError
