"""The points of an arm's search space, numbered: how many there are, and one not tried yet.

A point is what ``draw`` gives: a value for each parameter that applies. Points are counted without
being listed, so that a space of any size has a number.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from random import Random

from morec.config import canonical_json
from tune_space.study.arm import Arm, with_values
from tune_space.study.config_paths import get_path
from tune_space.study.domains import ParamSpec, Value
from tune_space.study.when import applies, options


def num_points(arm: Arm) -> int | None:
    """How many points an arm's search may try: 0 where nothing is searched, None if endless."""
    return Points(arm).count() if arm.space else 0


@dataclass(frozen=True)
class _Numbers:
    """The whole numbers from ``first`` to before ``end``, without ``holes``, which rise."""

    first: int
    end: int
    holes: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return self.end - self.first - len(self.holes)

    def at(self, place: int) -> int:
        number = self.first + place
        for hole in self.holes:
            number += hole <= number
        return number

    def place_of(self, number: int) -> int:
        return number - self.first - sum(hole < number for hole in self.holes)

    def has(self, number: int) -> bool:
        return self.first <= number < self.end and number not in self.holes


_ABSENT = _Numbers(-1, 0)
"""Stands for the value of a parameter that does not apply."""
_Branch = tuple[_Numbers, int | None]
"""Values of a parameter that no later condition tells apart, by number, and how many points there
are below each of them (None: endless)."""


class Points:
    """The points of one arm's space; those of a finite space are numbered from 0."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._params = tuple(arm.space.items())
        self._counts: dict[str, int | None] = {}

    def count(self) -> int | None:
        """How many different points there are; None if the space is endless."""
        return self._below(0, {})

    def point(self, number: int) -> dict[str, Value]:
        """The point of a finite space with this number."""
        chosen: dict[str, Value] = {}
        for level, (path, param) in enumerate(self._params):
            for values, below in self._finite_branches(level, chosen):
                if number < values.size * below:
                    place, number = divmod(number, below)
                    if values != _ABSENT:
                        chosen[path] = param.value_at(values.at(place))
                    break
                number -= values.size * below
        return chosen

    def number_of(self, point: Mapping[str, Value]) -> int:
        """The number of a point of a finite space."""
        number, chosen = 0, dict[str, Value]()
        for level, (path, param) in enumerate(self._params):
            index = param.index_of(point[path]) if path in point else -1
            for values, below in self._finite_branches(level, chosen):
                if values.has(index):
                    number += values.place_of(index) * below
                    break
                number += values.size * below
            chosen |= {path: point[path]} if path in point else {}
        return number

    def draw_untried(self, tried: Iterable[int], random: Random) -> dict[str, Value] | None:
        """A point of a finite space whose number is none of ``tried``, each as likely as any other.

        None where all were tried.
        """
        end = self.count()
        assert end is not None, "an endless space has no numbers"
        untried = _Numbers(0, end, tuple(sorted(set(tried))))
        return self.point(untried.at(random.randrange(untried.size))) if untried.size else None

    def _below(self, level: int, chosen: Mapping[str, Value]) -> int | None:
        """How many points begin with these values of the first ``level`` parameters."""
        if level == len(self._params):
            return 1
        # Points below depend on the values before only through the conditions still to come.
        config = with_values(self._arm, chosen)
        read = {path for _, param in self._params[level:] for path in param.when}
        key = canonical_json([level, [get_path(config, path) for path in sorted(read)]])
        if key not in self._counts:
            self._counts[key] = _total(self._branches(level, chosen))
        return self._counts[key]

    def _finite_branches(
        self, level: int, chosen: Mapping[str, Value]
    ) -> Iterator[tuple[_Numbers, int]]:
        for values, below in self._branches(level, chosen):
            assert below is not None, "an endless space has no numbers"
            yield values, below

    def _branches(self, level: int, chosen: Mapping[str, Value]) -> Iterator[_Branch]:
        path, param = self._params[level]
        if not applies(param, with_values(self._arm, chosen)):
            yield _ABSENT, self._below(level + 1, chosen)
        elif param.size is None:
            yield _ABSENT, None
        else:
            for values in self._alike(level, param.size):
                value = param.value_at(values.at(0))
                yield values, self._below(level + 1, {**chosen, path: value})

    def _alike(self, level: int, size: int) -> Iterator[_Numbers]:
        """The values of a parameter, apart where a later condition may tell them apart."""
        path, param = self._params[level]
        if param.choice is not None:
            named = list(range(size))
        else:
            later = (wanted for _, one in self._params[level:] for wanted in one.when.items())
            named = sorted({i for wanted in later for i in _named(path, param, *wanted)})
        for index in named:
            yield _Numbers(index, index + 1)
        if len(named) < size:
            yield _Numbers(0, size, tuple(named))


def _named(path: str, param: ParamSpec, condition: str, wanted: Value) -> Iterator[int]:
    """Numbers of the parameter's values that a condition names, itself or in a mapping above."""
    for option in options(wanted):
        if condition == path:
            value = option
        elif path.startswith(f"{condition}.") and isinstance(option, dict):
            value = get_path(option, path.removeprefix(f"{condition}."))
        else:
            continue
        if param.contains(value):
            yield param.index_of(value)


def _total(branches: Iterable[_Branch]) -> int | None:
    """Points of all branches together; None if any is endless."""
    total = 0
    for values, below in branches:
        if below is None:
            return None
        total += values.size * below
    return total
