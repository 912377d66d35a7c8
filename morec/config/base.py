"""What every specification has in common, and the spelling that every hash is taken of."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Base of everything that crosses a file or a process: frozen, strict, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no blanks; what every hash here is taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
