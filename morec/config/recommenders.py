"""What a trial's ``model`` may be: one of our specifications, or an installed package's.

Installed packages are loaded when this module is imported. So their modules can import from
``morec.config`` what comes before it, such as ``RecommenderSpec``, but not ``TrialConfig``.
"""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import BeforeValidator, Field

from morec.config.models import (
    OUR_MODELS,
    BERT4RecSpec,
    DSSMSpec,
    GRU4RecSpec,
    NextItNetSpec,
    RecommenderSpec,
    SASRecSpec,
)
from morec.extensions import refuse_left_out, spec_classes

_CLASSES, _LEFT_OUT = spec_classes("morec.recommenders", OUR_MODELS, RecommenderSpec)

if TYPE_CHECKING:
    _AnySpec = SASRecSpec | BERT4RecSpec | DSSMSpec | GRU4RecSpec | NextItNetSpec
else:
    _AnySpec = Union[_CLASSES]  # noqa: UP007  (as many as there are)


def _with_kind(value: Any) -> Any:
    """Fill in SASRec where no model is named; say what is wrong with an installed one."""
    if not isinstance(value, dict):
        return value
    refuse_left_out(value, _LEFT_OUT)
    return {"kind": "sasrec", **value}


ModelSpec = Annotated[_AnySpec, Field(discriminator="kind"), BeforeValidator(_with_kind)]
