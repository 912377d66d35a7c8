"""Places of names in a figure, so that they hide neither each other nor the points."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINE_PX = 15
LETTER_PX = 7.2
_POINT_PX = 6


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, y growing upwards."""

    left: float
    bottom: float
    width: float
    height: float

    def overlap(self, other: "Box") -> float:
        """Shared area in square pixels."""
        right = min(self.left + self.width, other.left + other.width)
        top = min(self.bottom + self.height, other.bottom + other.height)
        shared_x, shared_y = (
            right - max(self.left, other.left),
            top - max(self.bottom, other.bottom),
        )
        return max(0.0, shared_x) * max(0.0, shared_y)


@dataclass(frozen=True)
class Offset:
    """A name's place relative to its point: on which side, and how far up in pixels."""

    is_right: bool
    up_px: float


OFFSETS = tuple(
    Offset(is_right, up)
    for up in (-10, 10, -24, 24, -38, 38, -52, 52, -66, 66)
    for is_right in (True, False)
)
"""Places to try, the nearest first."""


def spread_out(heights: dict[str, float], *, gap: float, top: float) -> dict[str, float]:
    """Move labels until neighbours are ``gap`` apart and all are below ``top``.

    A label with enough space stays where it is.
    """
    order = sorted(heights, key=lambda name: heights[name])
    placed: list[float] = []
    for name in order:
        placed.append(max(heights[name], placed[-1] + gap) if placed else heights[name])
    ceiling = top
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return dict(zip(order, placed, strict=True))


def place_names(points: Sequence[tuple[float, float]], names: Sequence[str]) -> list[Offset]:
    """Place each name next to its point (x, y in pixels), away from points and earlier names."""
    taken = [Box(x - _POINT_PX, y - _POINT_PX, 2 * _POINT_PX, 2 * _POINT_PX) for x, y in points]
    chosen = []
    for (x, y), name in zip(points, names, strict=True):
        boxes = [label_box(x, y, name, offset) for offset in OFFSETS]
        hidden = [_hidden(box, taken) for box in boxes]
        best = hidden.index(min(hidden))
        taken.append(boxes[best])
        chosen.append(OFFSETS[best])
    return chosen


def _hidden(box: Box, taken: Iterable[Box]) -> float:
    outside = 1e6 if box.left < 0 else 0.0
    return outside + sum(box.overlap(other) for other in taken)


def label_box(x: float, y: float, name: str, offset: Offset) -> Box:
    """The area that a name covers next to the point (x, y)."""
    width = LETTER_PX * len(name)
    left = x + 8 if offset.is_right else x - 8 - width
    return Box(left, y + offset.up_px - LINE_PX / 2, width, LINE_PX)
