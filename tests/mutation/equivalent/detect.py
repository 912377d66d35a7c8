"""Recognising data sets and reading their files."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {}
