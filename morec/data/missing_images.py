"""Items without a readable image: an error, or dropped and counted; no image is made up."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from morec.data.images.open import RawImage, check_whole
from morec.data.images.sources import NUM_SHOWN, ImageSource, for_each_image
from morec.data.interactions import Interactions
from morec.errors import DataError


def check_images(source: ImageSource, item_names: Sequence[str]) -> None:
    """Check that every item has an image that can be decoded; see ``check_whole``.

    Raises:
        DataError: counts missing and broken images and names the first of each.
    """
    unreadable = for_each_image(source, _check)
    problems = []
    if unreadable.missing:
        names = [_named(index, source, item_names) for index in unreadable.missing[:NUM_SHOWN]]
        problems.append(f"{len(unreadable.missing):,} have no image: {', '.join(names)}")
    if unreadable.broken:
        shown = [
            f"{item_names[index]!r} ({why})"
            for index, why in list(unreadable.broken.items())[:NUM_SHOWN]
        ]
        problems.append(f"{len(unreadable.broken):,} have a broken image: {'; '.join(shown)}")
    if problems:
        raise DataError(
            f"of {len(item_names):,} items, {'; '.join(problems)}. Set dataset.missing_images: "
            "drop to go on without these items"
        )


def drop_items_without_images(interactions: Interactions) -> Interactions:
    """Drop the items that have no readable image, and their interactions.

    Counts are ``items_without_image``, ``items_with_broken_image`` and
    ``interactions_dropped_by_images``. Items without interactions are not checked.
    """
    source = interactions.images
    assert source is not None
    used = np.unique(interactions.item_ids)
    unreadable = for_each_image(source.select(used.tolist()), _check)
    is_kept = np.ones(len(interactions.item_names), dtype=bool)
    is_kept[used[[*unreadable.missing, *unreadable.broken]]] = False
    kept = _with_items(interactions, is_kept)
    counts = {
        "items_without_image": len(unreadable.missing),
        "items_with_broken_image": len(unreadable.broken),
        "interactions_dropped_by_images": len(interactions.item_ids) - len(kept.item_ids),
    }
    return replace(kept, counts={**interactions.counts, **counts})


def _check(_index: int, raw: RawImage) -> None:
    check_whole(raw)


def _named(index: int, source: ImageSource, item_names: Sequence[str]) -> str:
    name = repr(item_names[index])
    return name if source.keys[index] is None else f"{name} ({source.location(index)})"


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
        images=None if images is None else images.select(codes),
    )
