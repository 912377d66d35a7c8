"""Readers, images and everything else of data."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {}
