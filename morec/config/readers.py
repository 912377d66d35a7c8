"""What a trial's ``dataset`` may be: one of our specifications, or an installed package's.

Installed packages are loaded when this module is. A package's module may import everything of
``morec.config`` except ``DatasetSpec``, ``ModelSpec`` and what is defined in ``trial.py``.
"""

from typing import TYPE_CHECKING

from morec.config.dataset_options import WindowSpec
from morec.config.datasets import OurDatasetSpec
from morec.config.kinds import union_of_kinds

if TYPE_CHECKING:
    DatasetSpec = OurDatasetSpec
else:
    DatasetSpec = union_of_kinds("morec.readers", OurDatasetSpec, WindowSpec)
