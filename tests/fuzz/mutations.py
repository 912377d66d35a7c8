"""How many inputs a fuzz test tries, and how inputs are damaged.

``MOREC_FUZZ_EXAMPLES=10000 pytest tests/fuzz`` is the long form.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

TOO_LONG_MS = 20_000
"""Longest time of one input; generous, since many tests share the machine."""
ASKED = os.environ.get("MOREC_FUZZ_EXAMPLES")
MAX_GROWTH_MB = 500 + int(ASKED or 0) / 10
"""Memory that all inputs of one test file together may add. In the long form hypothesis remembers
every input of a test: 40 kB of a damaged export, 20 kB of a table."""


def fuzzed(num_examples: int) -> Callable[[Any], Any]:
    """Try ``num_examples`` inputs, always the same; the long form draws new ones every time."""
    return settings(
        max_examples=int(ASKED or num_examples),
        deadline=TOO_LONG_MS,
        derandomize=ASKED is None,
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


class Files(dict[str, bytes]):
    """The contents of files, by name."""

    def __repr__(self) -> str:
        """Their names alone: hypothesis shows no failing input with a representation of 1.6 MB."""
        return f"Files({', '.join(self)})"


@st.composite
def damaged(draw: st.DrawFn, whole: Sequence[bytes], snippets: Sequence[bytes]) -> bytes:
    """One of ``whole`` with a few places cut, doubled, swapped, overwritten or cut off."""
    data = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        match draw(st.sampled_from(["snippet", "random", "double", "remove", "cut off", "lines"])):
            case "snippet":
                data = data[:start] + draw(st.sampled_from(snippets)) + data[end:]
            case "random":
                data = data[:start] + draw(st.binary(max_size=8)) + data[end:]
            case "double":
                data = data[:end] + data[start:end] + data[end:]
            case "remove":
                data = data[:start] + data[end:]
            case "cut off":
                data = data[:start]
            case "lines":
                data = b"\n".join(draw(st.permutations(data.split(b"\n")[:20])))
    return data
