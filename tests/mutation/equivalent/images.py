"""Encoders of images, their weights, and item encoders."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {}
