"""Statistics, contrasts, verdict and summary."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {}
