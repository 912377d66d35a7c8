"""Which data sets and pretrained weights a study needs and cannot have, and what to do about it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from morec.config import Spec, canonical_json
from morec.encoders.weights.hub import is_uncached
from morec.errors import DataError
from tune_space.inputs.prepare import Prepared, item_variants
from tune_space.study.expand import Arm
from tune_space.study.spec import StudySpec


@dataclass(frozen=True)
class Missing:
    """Data sets, or encoders' weights, that cannot be had for one and the same reason."""

    kind: str
    """``data set``, ``text encoder`` or ``image encoder``."""
    names: tuple[str, ...]
    reason: str
    """What was looked for, and where."""
    download: str | None
    """Where a data set comes from and where it is put, as the study says it."""
    arms: tuple[str, ...]
    """Names of the arms that need them."""


def find_missing(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> tuple[Missing, ...]:
    """Look for everything that ``arms`` read; what is not there comes back, nothing is raised.

    Weights on the model hub are fetched, unless this runs inside ``offline`` of
    ``morec.encoders.weights.hub``.
    """
    reasons: dict[str, str] = {}
    found: dict[tuple[str, str, str | None], tuple[dict[str, None], dict[str, None]]] = {}
    for need in _needs(study, arms, prepared):
        if need.key not in reasons:
            reasons[need.key] = _reason(need.look)
        if reason := reasons[need.key]:
            names, users = found.setdefault((need.kind, reason, need.download), ({}, {}))
            names[need.name] = users[need.arm] = None
    return tuple(
        Missing(kind, tuple(names), reason, download, tuple(users))
        for (kind, reason, download), (names, users) in found.items()
    )


def inactive_arms(
    arms: Sequence[Arm], only: Collection[str], missing: Sequence[Missing] = ()
) -> frozenset[str]:
    """Names of the arms that are left as they are: not in ``only`` (if given), or lacking data."""
    lacking = {name for one in missing for name in one.arms}
    return frozenset(a.name for a in arms if a.name in lacking or (only and a.name not in only))


def format_missing(missing: Sequence[Missing]) -> list[str]:
    """What is missing, why, and where it comes from, a line each."""
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
class _Need:
    arm: str
    kind: str
    name: str
    download: str | None
    key: str
    look: Callable[[], object]


def _needs(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> Iterator[_Need]:
    for arm in arms:
        choice = study.datasets.get(arm.dataset)
        download = choice.download if choice else None
        for config in item_variants(arm):
            data = config.dataset
            label, look = arm.dataset or data.kind, partial(prepared.data_hash, data)
            yield _Need(arm.name, "data set", label, download, _key(data), look)
            for part, spec in config.item.modalities.items():
                weights = partial(prepared.weights_hash, spec)
                yield _Need(arm.name, f"{part} encoder", spec.name, None, _key(spec), weights)


def _key(spec: Spec) -> str:
    return canonical_json(spec.model_dump(mode="json"))


def _reason(look: Callable[[], object]) -> str:
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
