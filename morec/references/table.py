"""The references that stand beside trained models in every accuracy table; no gradient trains them.

A reference that is left out (too many items, no clock times) gives the reason instead of scores.
"""

from morec.references.chance import chance
from morec.references.content_knn import content_knn
from morec.references.ease import ease
from morec.references.item_knn import item_knn
from morec.references.popularity import popularity
from morec.references.recent_popularity import recent_popularity
from morec.references.scored import ReferenceFunction, on_both_splits

REFERENCES: dict[str, ReferenceFunction] = {
    "popularity": on_both_splits(popularity),
    "recent popularity": recent_popularity,
    "chance": on_both_splits(chance),
    "ItemKNN": item_knn,
    "EASE": ease,
}
"""Every reference of interactions alone by the name of its row, in the order of the rows."""

ENCODER_REFERENCES: dict[str, ReferenceFunction] = {"content kNN": content_knn}
"""References that read an encoder's frozen features: a row per encoder, after the others."""
