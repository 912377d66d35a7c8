"""What a searched parameter may be: its domain, its condition, and, where it is finite, its values.

The values of a finite domain are numbered from 0, so that no list of them is ever made.
"""

# ruff: noqa: RUF012  (pydantic copies mutable defaults)

import math
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any, Literal, Self, get_args

from pydantic import model_validator

from morec.config import Spec, canonical_json

Value = Any
"""A JSON value, as written in the study file."""
DomainKind = Literal["uniform", "loguniform", "int", "logint", "choice"]
Whole = int
"""``int`` by another name: inside ``ParamSpec`` that is a field."""
MAX_COMBINATIONS = 500
"""Combinations of searched values that are tried per arm; of a larger space, a fixed sample."""
_WHOLE = ("int", "logint")
_LOGARITHMIC = ("loguniform", "logint")


class ParamSpec(Spec):
    """One searched parameter: exactly one kind of domain, optionally only under a condition."""

    uniform: tuple[float, float] | None = None
    """[low, high], floats."""
    loguniform: tuple[float, float] | None = None
    """[low, high], floats, low > 0."""
    int: tuple[Whole, Whole] | None = None
    """[low, high], whole numbers, both ends included."""
    logint: tuple[Whole, Whole] | None = None
    """[low, high], whole numbers, both ends included, low > 0, on a logarithmic scale."""
    choice: tuple[Value, ...] | None = None
    """The values themselves, of any kind."""
    step: Whole | float | None = None
    """Distance between two values of ``int`` or ``uniform``; it leads from low to high exactly. Not
    given: every whole number, or any number."""
    when: dict[str, Value] = {}
    """Search this parameter only where every path has this value (or one of a list of values)."""

    @property
    def kind(self) -> DomainKind:
        """Which of the five domains this is."""
        return self._kinds()[0]

    @property
    def is_logarithmic(self) -> bool:
        """Whether a range's values are drawn on a logarithmic scale."""
        return self.kind in _LOGARITHMIC

    @property
    def size(self) -> Whole | None:
        """How many values the domain has; None if it is endless."""
        if self.choice is not None:
            return len(self.choice)
        if self._step is None:
            return None
        low, high = getattr(self, self.kind)
        return 1 + Whole(_steps(low, high, self._step))

    def value_at(self, index: Whole) -> Value:
        """The value with this number, of a finite domain."""
        if self.choice is not None:
            return self.choice[index]
        low, _ = getattr(self, self.kind)
        found = _exact(low) + index * _exact(self._step or 0)
        return Whole(found) if self.kind in _WHOLE else float(found)

    def index_of(self, value: Value) -> Whole:
        """The number of a value that the finite domain contains."""
        if self.choice is not None:
            return [canonical_json(one) for one in self.choice].index(canonical_json(value))
        low, _ = getattr(self, self.kind)
        return round(_steps(low, value, self._step or 1))

    def probes(self) -> tuple[Value, ...]:
        """Values that stand for the whole domain when it is checked.

        Every choice; the ends of a range; of a range in steps also the one above the lower end, so
        that odd and even ones are checked.
        """
        if self.choice is not None:
            return self.choice
        low, high = getattr(self, self.kind)
        return (low, high) if self.size is None else tuple({low: 0, self.value_at(1): 0, high: 0})

    def contains(self, value: Value) -> bool:
        """Whether ``value`` lies in this domain."""
        if self.choice is not None:
            return canonical_json(value) in map(canonical_json, self.choice)
        low, high = getattr(self, self.kind)
        is_number = type(value) is Whole or (type(value) is float and self.kind not in _WHOLE)
        if not is_number or not low <= value <= high:
            return False
        return self.size is None or bool(self.value_at(self.index_of(value)) == value)

    def format(self) -> str:
        """The domain in words, for a message."""
        if self.choice is not None:
            return f"one of {', '.join(map(repr, self.choice))}"
        low, high = getattr(self, self.kind)
        steps = "" if self.step is None else f" in steps of {self.step}"
        number = "a whole number" if self.kind in _WHOLE else "a number"
        return f"{number} between {low} and {high}{steps}"

    @property
    def _step(self) -> Whole | float | None:
        """Distance between two values of a range; None where any number between is one."""
        return 1 if self.step is None and self.kind in _WHOLE else self.step

    def _kinds(self) -> list[DomainKind]:
        return [kind for kind in get_args(DomainKind) if getattr(self, kind) is not None]

    @model_validator(mode="after")
    def _one_sensible_domain(self) -> Self:
        if len(self._kinds()) != 1:
            raise ValueError(f"give exactly one of {', '.join(get_args(DomainKind))}")
        if self.choice is None:
            self._check_range(*getattr(self, self.kind))
        elif not self.choice:
            raise ValueError("choice is empty")
        elif len(set(map(_spelling, self.choice))) != len(self.choice):
            raise ValueError(f"choice has a value twice: {list(self.choice)}")
        self._check_step()
        return self

    def _check_range(self, low: float, high: float) -> None:
        if low >= high:
            raise ValueError(f"{self.kind}: low {low} is not below high {high}")
        if self.is_logarithmic and low <= 0:
            raise ValueError(f"{self.kind}: low {low} is not above 0")

    def _check_step(self) -> None:
        if self.step is None:
            return
        if self.kind not in ("int", "uniform"):
            raise ValueError(f"step has no effect on {self.kind}; it goes with int and uniform")
        if self.step <= 0:
            raise ValueError(f"step {self.step} is not above 0")
        if self.kind == "int" and type(self.step) is not Whole:
            raise ValueError(f"step {self.step} is not a whole number")
        low, high = getattr(self, self.kind)
        if (steps := _steps(low, high, self.step)) % 1:
            last = self.value_at(Whole(steps))
            raise ValueError(
                f"{self.kind}: steps of {self.step} from {low} do not lead to {high}; write "
                f"{last if last > low else self.value_at(1)} or another step"
            )
        if low == self.value_at(1) or high == self.value_at(Whole(steps) - 1):
            raise ValueError(f"step {self.step} is too small beside {high}")


def combinations(space: Mapping[str, ParamSpec]) -> Iterator[dict[str, Value]]:
    """Combinations of the values that stand for each domain: all, or a fixed sample of many."""
    probes = [param.probes() for param in space.values()]
    if math.prod(map(len, probes)) <= MAX_COMBINATIONS:
        rows: Iterator[Sequence[Value]] = product(*probes)
    else:
        random = Random(0)
        rows = ([random.choice(values) for values in probes] for _ in range(MAX_COMBINATIONS))
    return (dict(zip(space, row, strict=True)) for row in rows)


def _spelling(value: Value) -> str:
    """The same text for choices that would give the same trial: 1 and 1.0, but not true."""
    return canonical_json(float(value) if type(value) is Whole else value)


def _exact(number: float) -> Fraction:
    """A number as it is written, so that 0.1 three times is 0.3."""
    return Fraction(repr(number))


def _steps(low: float, high: float, step: float) -> Fraction:
    return (_exact(high) - _exact(low)) / _exact(step)
