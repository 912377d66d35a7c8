"""What a trial's dataset may be: one of our specifications or an installed package's.

Imported after the other specifications, since a package's module may import them.
"""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from morec.config.datasets import OwnDatasetSpec, WindowSpec
from morec.config.installed import with_installed

if TYPE_CHECKING:
    DatasetSpec = OwnDatasetSpec
else:
    DatasetSpec = Annotated[
        with_installed(OwnDatasetSpec, "morec.readers", WindowSpec), Field(discriminator="kind")
    ]
