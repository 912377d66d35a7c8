"""What a trial's ``model`` may be: one of our specifications, or an installed package's.

Installed packages are loaded when this module is. A package's module may import everything of
``morec.config`` except ``ModelSpec`` and what is defined in ``trial.py``.
"""

from typing import TYPE_CHECKING

from morec.config.kinds import union_of_kinds
from morec.config.models import OurModelSpec, RecommenderSpec

if TYPE_CHECKING:
    ModelSpec = OurModelSpec
else:
    ModelSpec = union_of_kinds("morec.recommenders", OurModelSpec, RecommenderSpec, kind="sasrec")
