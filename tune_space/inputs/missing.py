"""The data sets and pretrained weights that a study lacks, and where they come from."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from morec.config import VectorsSpec
from morec.encoders.weights.hub import is_uncached
from morec.errors import DataError
from tune_space.inputs.prepare import Prepared, item_variants, key_of
from tune_space.study.arm import Arm
from tune_space.study.spec import StudySpec


@dataclass(frozen=True)
class Missing:
    """Data sets, or encoders' weights, that cannot be read, all for the same reason."""

    kind: str
    """``data set``, ``text encoder``, ``image encoder`` or ``vectors.NAME file``."""
    names: tuple[str, ...]
    reason: str
    """What was looked for, and where."""
    download: str | None
    """Where a data set comes from and where to put it, in the study file's words."""
    arms: tuple[str, ...]
    """Names of the arms that need them."""


def find_missing(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> tuple[Missing, ...]:
    """Look for everything that ``arms`` read; returns what is not there, without raising.

    Weights on the model hub are fetched, unless this runs inside ``offline`` of
    ``morec.encoders.weights.hub``.
    """
    reasons: dict[str, str] = {}
    lacking: dict[tuple[str, str, str | None], list[_Input]] = {}
    for one in _inputs(study, arms, prepared):
        if one.key not in reasons:
            reasons[one.key] = _reason(one.look)
        if reason := reasons[one.key]:
            lacking.setdefault((one.kind, reason, one.download), []).append(one)
    return tuple(
        Missing(
            kind,
            tuple(dict.fromkeys(one.name for one in inputs)),
            reason,
            download,
            tuple(dict.fromkeys(one.arm for one in inputs)),
        )
        for (kind, reason, download), inputs in lacking.items()
    )


def inactive_arms(
    arms: Sequence[Arm], only: Collection[str], missing: Sequence[Missing] = ()
) -> frozenset[str]:
    """Names of the arms not run now: they are not in ``only`` (if given), or lack an input."""
    lacking = {name for one in missing for name in one.arms}
    return frozenset(a.name for a in arms if a.name in lacking or (only and a.name not in only))


def format_missing(missing: Sequence[Missing]) -> list[str]:
    """What is missing, why, and where it comes from; one line each."""
    lines = []
    for one in missing:
        what = f"{_count(one.kind, one.names)} {', '.join(one.names)}"
        lines += [f"not here yet: {what}; for {len(one.arms)} {_count('arm', one.arms)}"]
        lines += [f"  {line}" for line in one.reason.splitlines()]
        lines += [f"  download: {one.download}"] if one.download else []
    return lines


def _count(noun: str, things: Sequence[str]) -> str:
    return noun if len(things) == 1 else f"{noun}s"


@dataclass(frozen=True)
class _Input:
    """A data set, or an encoder's weights, that an arm reads; the fields are as in ``Missing``."""

    arm: str
    kind: str
    name: str
    download: str | None
    key: str
    """The same for inputs that are looked for in the same place."""
    look: Callable[[], object]
    """Raises ``DataError`` where the input cannot be read."""


def _inputs(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> Iterator[_Input]:
    for arm in arms:
        choice = study.datasets.get(arm.dataset)
        download = choice.download if choice else None
        for config in item_variants(arm):
            data = config.dataset
            label, look = arm.dataset or data.kind, partial(prepared.data_hash, data)
            yield _Input(arm.name, "data set", label, download, key_of(data), look)
            for place, spec in config.item.encoders.items():
                weights = partial(prepared.weights_hash, spec)
                is_file = isinstance(spec, VectorsSpec)
                kind = f"{place} file" if is_file else f"{spec.part} encoder"
                yield _Input(arm.name, kind, spec.name, None, key_of(spec), weights)


def _reason(look: Callable[[], object]) -> str:
    """Why an input cannot be read; empty where it can."""
    try:
        look()
    except DataError as error:
        if is_uncached(error):
            return (
                "not in the local cache of the model hub (HF_HOME); a run fetches them from the "
                "hub where there is a network"
            )
        return str(error)
    return ""
