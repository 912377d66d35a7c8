"""Example users as the report shows them: their last items, titles and small pictures."""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir

import numpy as np
from PIL import Image

from morec.data.dataset import Dataset
from morec.data.images.open import RawImage, open_image
from morec.data.images.rgb import as_rgb
from morec.data.images.sources import for_each_image
from morec.results import TrialResult
from tune_space.inputs.example_pairs import Drawn, Pair, Side, draw_users, pairs_of
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.examples import (
    ExampleItem,
    ExamplePair,
    ExampleSide,
    ExampleUser,
    StudyExamples,
)
from tune_space.ledger.manifest import Manifest
from tune_space.ledger.records import Ledger

NUM_LAST = 5
"""Items of a user's history that are shown, and places of each list."""
MAX_TITLE = 100
"""Characters of a title."""
PICTURE_SIDE = 48
"""Pixels."""
MAX_PICTURE_BYTES = 250_000
"""Of all pictures of a pair, before base64; what would exceed it has no picture."""


def store_examples(
    prepared: Prepared, ledger: Ledger, manifest: Manifest, results: Mapping[str, TrialResult]
) -> None:
    """Write the study's example users, unless those of the same trials are there.

    Without any, or with ``examples: false``, what an earlier run stored is removed.

    Raises:
        DataError: the data set, or what is stored, cannot be read.
        OSError: it cannot be written.
    """
    pairs = list(pairs_of(manifest, results)) if manifest.study.examples else []
    before = ledger.read_examples()
    wanted = [tuple(one.trial_id for one in pair.results) for pair in pairs]
    if before is not None and [one.trial_ids for one in before.pairs] == wanted:
        return
    found = tuple(one for pair in pairs if (one := _example(prepared, pair)))
    ledger.write_examples(StudyExamples(pairs=found) if found else None)


def _example(prepared: Prepared, pair: Pair) -> ExamplePair | None:
    drawn = draw_users(*pair.results)
    if drawn is None:
        return None
    dataset = prepared.dataset(pair.results[0].config)
    sides = tuple(
        _side(dataset, arm.own_name, side) for arm, side in zip(pair.arms, drawn.sides, strict=True)
    )
    shown = sorted(set(_shown(pair, sides)))
    with chdir(prepared.root):
        items = tuple(_items(dataset, shown))
    return _joined(pair, drawn, (sides[0], sides[1]), items)


def _joined(
    pair: Pair,
    drawn: Drawn,
    sides: tuple[ExampleSide, ExampleSide],
    items: tuple[ExampleItem, ...],
) -> ExamplePair:
    arm, result = pair.arms[0], pair.results[0]
    return ExamplePair(
        dataset=arm.dataset,
        condition=arm.condition,
        kind=pair.kind,
        seed=result.config.seed,
        num_seeds=pair.num_seeds,
        trial_ids=(result.trial_id, pair.results[1].trial_id),
        num_users=drawn.num_users,
        num_equal=drawn.num_equal,
        sides=sides,
        items=items,
    )


def _side(dataset: Dataset, arm: str, side: Side) -> ExampleSide:
    return ExampleSide(
        arm=arm,
        num_users=side.num_users,
        num_drawn_from=side.num_drawn_from,
        least_ratio=side.least_ratio,
        users=tuple(_user(dataset, user) for user in side.users),
    )


def _user(dataset: Dataset, user: int) -> ExampleUser:
    rows = dataset.rows_of("test")
    start, end = int(rows.starts_R[user]), int(rows.ends_R[user])
    history = dataset.item_ids[max(start, end - NUM_LAST) : end]
    return ExampleUser(
        user=user, history=tuple(history.tolist()), target=int(dataset.item_ids[end])
    )


def _shown(pair: Pair, sides: Iterable[ExampleSide]) -> Iterator[int]:
    """Every item that is shown, some of them more than once."""
    users = [user for side in sides for user in side.users]
    for user in users:
        yield from (*user.history, user.target)
    for result in pair.results:
        assert result.test and result.test.kept_lists
        kept = result.test.kept_lists
        rows = np.searchsorted(kept.users_V, [user.user for user in users])
        yield from filter(None, kept.items_VK[rows, :NUM_LAST].ravel().tolist())


def _items(dataset: Dataset, items: list[int]) -> Iterator[ExampleItem]:
    pictures = _pictures(dataset, items)
    left = MAX_PICTURE_BYTES
    for item in items:
        picture = pictures.get(item, b"")
        left -= len(picture)
        text = base64.b64encode(picture).decode("ascii") if left >= 0 else ""
        yield ExampleItem(item=item, title=_title(dataset, item), picture=text)


def _title(dataset: Dataset, item: int) -> str:
    title = dataset.titles[item - 1].strip() if dataset.titles else ""
    title = title or dataset.name_of(item)
    return title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 1].rstrip()}…"


def _pictures(dataset: Dataset, items: list[int]) -> dict[int, bytes]:
    """Item -> its small JPEG; items without a readable image are left out."""
    if dataset.image_array is not None:
        drawn = dataset.image_array
        return {item: _jpeg(Image.fromarray(np.asarray(drawn[item - 1]))) for item in items}
    found: dict[int, bytes] = {}

    def keep(index: int, raw: RawImage) -> None:
        with open_image(raw) as image:
            found[items[index]] = _jpeg(as_rgb(image))

    if dataset.images is not None:
        for_each_image(dataset.images.select(item - 1 for item in items), keep)
    return found


def _jpeg(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=70)
    return stream.getvalue()
