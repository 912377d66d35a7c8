"""What arms are ranked against: whether their metrics compare, and cut-offs that tell nothing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from morec.config import RANKING, TrialConfig
from tune_space.study.config_paths import overlap
from tune_space.study.spec import Placed, place_of

if TYPE_CHECKING:
    from tune_space.study.arm import Arm


class Evaluated(Placed, Protocol):
    """An arm, or its entry in the manifest."""

    @property
    def config(self) -> TrialConfig:
        """What is evaluated, and at which cut-offs."""


def ranking_problems(arms: Sequence["Arm"]) -> Iterator[str]:
    """Options of the ranking that are searched, or that differ between arms which are compared."""
    for option in sorted(RANKING):
        path = f"evaluation.{option}"
        for arm in arms:
            for searched in arm.space:
                if overlap(searched, path):
                    yield (
                        f"arm {arm.name!r}: search: {searched} changes what is ranked, so the "
                        "scores of trials do not compare. Set it in base"
                    )
        yield from _unlike(arms, option)


def _unlike(arms: Sequence["Arm"], option: str) -> Iterator[str]:
    firsts: dict[str, Arm] = {}
    for arm in arms:
        first = firsts.setdefault(place_of(arm), arm)
        one, other = (
            each.config.evaluation.model_dump(mode="json")[option] for each in (arm, first)
        )
        if one != other:
            yield (
                f"arm {arm.name!r}: evaluation.{option} is {_plain(one)}, arm {first.name!r} has "
                f"{_plain(other)}: their metrics do not compare. Set it in base, or make two "
                "studies"
            )


def _plain(value: Any) -> str:
    """A value as YAML writes it."""
    return json.dumps(value).replace('"', "")


def format_wide_cutoffs(
    arms: Iterable[Evaluated], num_items: Mapping[str, int | None]
) -> tuple[str, ...]:
    """A sentence per data set whose arms have such cut-offs.

    ``num_items`` are by ``place_of``, if known. With ``candidates: trained`` there may be fewer
    candidates than items.
    """
    wide: dict[str, dict[tuple[str, int], set[int]]] = {}
    for arm in arms:
        known = num_items.get(place_of(arm))
        if known is not None:
            ks = (k for k in arm.config.evaluation.ks if k >= known)
            wide.setdefault(arm.dataset, {}).setdefault((arm.condition, known), set()).update(ks)
    return tuple(text for dataset, found in wide.items() for text in _sentences(dataset, found))


def _sentences(dataset: str, wide: Mapping[tuple[str, int], set[int]]) -> Iterator[str]:
    """One for each number of candidates; conditions are named where they do not agree."""
    same: dict[tuple[int, tuple[int, ...]], list[str]] = {}
    for (condition, num_items), ks in wide.items():
        same.setdefault((num_items, tuple(sorted(ks))), []).append(condition)
    for (num_items, cutoffs), conditions in same.items():
        under = f" under {', '.join(conditions)}" if len(same) > 1 else ""
        if cutoffs:
            yield _sentence(f"{f' on {dataset}' if dataset else ''}{under}", num_items, cutoffs)


def _sentence(where: str, num_items: int, ks: Sequence[int]) -> str:
    names = ", ".join(f"HR@{k}" for k in ks)
    ranks = "rank" if len(ks) > 1 else "ranks"
    return (
        f"{names} {ranks} {num_items:,} candidates{where}: every target that is ranked hits, so no "
        f"arm can be better there. Set evaluation.ks well below {num_items:,}."
    )
