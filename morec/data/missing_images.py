"""Items without an image that can be read: an error, or dropped and counted; never grey."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from morec.data.images.open import RawImage, open_image
from morec.data.images.sources import NUM_SHOWN, ImageSource, for_each_image
from morec.data.interactions import Interactions
from morec.errors import DataError


def check_images(source: ImageSource, item_names: Sequence[str]) -> None:
    """Check that every item has an image whose header can be read.

    Raises:
        DataError: counts the missing and the broken ones and names the first of each.
    """
    unreadable = for_each_image(source, _identify)
    problems = []
    if unreadable.missing:
        names = [_named(place, source, item_names) for place in unreadable.missing[:NUM_SHOWN]]
        problems.append(f"{len(unreadable.missing):,} have no image: {', '.join(names)}")
    if unreadable.broken:
        shown = list(unreadable.broken.values())[:NUM_SHOWN]
        problems.append(f"{len(unreadable.broken):,} have a broken image: {'; '.join(shown)}")
    if problems:
        raise DataError(
            f"of {len(item_names):,} items, {'; '.join(problems)}. Set dataset.missing_images: "
            "drop to go on without these items"
        )


def drop_items_without_images(interactions: Interactions) -> Interactions:
    """Take items without a readable image out of the catalogue, and what was done with them.

    Counted are items with interactions, ``items_without_image`` and ``items_with_broken_image``,
    and ``interactions_dropped_by_images``. Items nobody interacted with are not looked at. An
    image whose header is whole and whose pixels are not is found when it is decoded.
    """
    source = interactions.images
    assert source is not None
    used = np.unique(interactions.item_ids)
    unreadable = for_each_image(source.of(used.tolist()), _identify)
    is_kept = np.ones(len(interactions.item_names), dtype=bool)
    is_kept[used[[*unreadable.missing, *unreadable.broken]]] = False
    kept = _with_items(interactions, is_kept)
    counts = {
        "items_without_image": len(unreadable.missing),
        "items_with_broken_image": len(unreadable.broken),
        "interactions_dropped_by_images": len(interactions.item_ids) - len(kept.item_ids),
    }
    return replace(kept, counts={**interactions.counts, **counts})


def _identify(_place: int, raw: RawImage) -> None:
    open_image(raw).close()


def _named(place: int, source: ImageSource, item_names: Sequence[str]) -> str:
    name = repr(item_names[place])
    return name if source.keys[place] is None else f"{name} ({source.where(place)})"


def _with_items(interactions: Interactions, is_kept: npt.NDArray[np.bool_]) -> Interactions:
    stays = is_kept[interactions.item_ids]
    codes = np.flatnonzero(is_kept).tolist()
    titles, images = interactions.titles, interactions.images
    return replace(
        interactions,
        user_ids=interactions.user_ids[stays],
        item_ids=(np.cumsum(is_kept) - 1)[interactions.item_ids[stays]],
        timestamps=interactions.timestamps[stays],
        item_names=[interactions.item_names[code] for code in codes],
        titles=None if titles is None else tuple(titles[code] for code in codes),
        images=None if images is None else images.of(codes),
    )
