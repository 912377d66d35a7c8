"""What a trial's ``dataset`` may be: one of our specifications, or an installed package's.

Installed packages are loaded when this module is. A package's module may import everything of
``morec.config`` except ``DatasetSpec``, ``ModelSpec`` and what is defined in ``trial.py``.
"""

from typing import TYPE_CHECKING, Annotated, Any, Union, get_args

from pydantic import BeforeValidator, Field

from morec.config.datasets import OurDatasetSpec, WindowSpec
from morec.extensions import refuse_left_out, spec_classes

_OURS = {
    kind: spec
    for spec in get_args(OurDatasetSpec)
    for kind in get_args(spec.model_fields["kind"].annotation)
}
_CLASSES, _LEFT_OUT = spec_classes("morec.readers", _OURS, WindowSpec)

if TYPE_CHECKING:
    _AnySpec = OurDatasetSpec
else:
    _AnySpec = Union[_CLASSES]  # noqa: UP007  (as many as there are)


def _refuse_left_out(value: Any) -> Any:
    refuse_left_out(value, _LEFT_OUT)
    return value


DatasetSpec = Annotated[_AnySpec, Field(discriminator="kind"), BeforeValidator(_refuse_left_out)]
