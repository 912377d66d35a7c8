"""What every specification has in common, and the two spellings that must exist only once."""

import json
from typing import Any, Literal, get_args

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


MetricName = Literal["HR", "NDCG"]
METRICS: tuple[MetricName, ...] = get_args(MetricName)
"""Every metric there is; each has a value at every cut-off."""


def metric_name(metric: MetricName, k: int) -> str:
    """``HR@10``: the key of a metric in results, studies and reports; spelled only here."""
    return f"{metric}@{k}"


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no blanks; what every hash here is taken of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
