"""Encoders of texts, and user encoders."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {}
