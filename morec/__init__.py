"""MoRec: trains one recommender trial; knows nothing of studies, Ray Tune or reports."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from morec.exports.recommender import Recommender

__all__ = ["Recommender"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import ``Recommender`` when it is first asked for, since torch takes seconds."""
    if name == "Recommender":
        from morec.exports.recommender import Recommender

        return Recommender
    raise AttributeError(f"module 'morec' has no attribute {name!r}")
