"""Which data sets and pretrained weights a study needs and cannot have, and what to do about it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from morec.config import Spec, canonical_json
from morec.encoders.hub import is_uncached
from morec.errors import DataError
from tune_space.expand import Arm
from tune_space.prepare import Prepared, item_variants
from tune_space.study import StudySpec


@dataclass(frozen=True)
class Missing:
    """A data set, or an encoder's weights, that cannot be had."""

    what: str
    reason: str
    """What was looked for, and where."""
    download: str | None
    """Where a data set comes from and where it is put, as the study says it."""
    arms: tuple[str, ...]
    """Names of the arms that need it."""


def find_missing(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> tuple[Missing, ...]:
    """Look for everything that ``arms`` read; what is not there comes back, nothing is raised.

    Weights on the model hub are fetched, unless this runs inside ``morec.encoders.hub.offline``.
    """
    reasons: dict[str, str] = {}
    found: dict[tuple[str, str, str | None], dict[str, None]] = {}
    for need in _needs(study, arms, prepared):
        if need.key not in reasons:
            reasons[need.key] = _reason(need.look)
        if reason := reasons[need.key]:
            found.setdefault((need.what, reason, need.download), {})[need.arm] = None
    return tuple(Missing(*about, tuple(names)) for about, names in found.items())


def resting_arms(
    arms: Sequence[Arm], only: Collection[str], missing: Sequence[Missing] = ()
) -> frozenset[str]:
    """Names of the arms that are left as they are: not in ``only`` (if given), or lacking data."""
    lacking = {name for one in missing for name in one.arms}
    return frozenset(a.name for a in arms if a.name in lacking or (only and a.name not in only))


def spell_missing(missing: Sequence[Missing]) -> list[str]:
    """What is missing, why, and where it comes from, a line each."""
    lines = []
    for one in missing:
        count = f"{len(one.arms)} arm{'s' if len(one.arms) > 1 else ''}"
        lines += [f"not here yet: {one.what}, for {count}"]
        lines += [f"  {line}" for line in one.reason.splitlines()]
        lines += [f"  download: {one.download}"] if one.download else []
    return lines


@dataclass(frozen=True)
class _Need:
    arm: str
    what: str
    download: str | None
    key: str
    look: Callable[[], object]


def _needs(study: StudySpec, arms: Sequence[Arm], prepared: Prepared) -> Iterator[_Need]:
    for arm in arms:
        choice = study.datasets.get(arm.dataset)
        download = choice.download if choice else None
        for config in item_variants(arm):
            data = config.dataset
            what = f"data set {arm.dataset or data.kind}"
            yield _Need(arm.name, what, download, _key(data), partial(prepared.data_hash, data))
            for part, spec in config.item.modalities.items():
                what, look = f"{part} encoder {spec.name}", partial(prepared.weights_hash, spec)
                yield _Need(arm.name, what, None, _key(spec), look)


def _key(spec: Spec) -> str:
    return canonical_json(spec.model_dump(mode="json"))


def _reason(look: Callable[[], object]) -> str:
    try:
        look()
    except DataError as error:
        if is_uncached(error):
            return (
                "not in the local cache of the model hub; a run fetches it where there is a "
                "network, or fill the cache before (HF_HOME)"
            )
        return str(error)
    return ""
