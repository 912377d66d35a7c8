"""What arms are ranked against: whether their metrics compare, and cut-offs that tell nothing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from morec.config import RANKING, TrialConfig
from tune_space.study.config_paths import overlap

if TYPE_CHECKING:
    from tune_space.study.expand import Arm


class Evaluated(Protocol):
    """An arm, or its entry in the manifest."""

    @property
    def dataset(self) -> str:
        """Key of the study's data set; empty where it has one."""

    @property
    def config(self) -> TrialConfig:
        """What is evaluated, and at which cut-offs."""


def ranking_problems(arms: Sequence["Arm"]) -> Iterator[str]:
    """Options of the ranking that are searched, or that differ between arms on one data set."""
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
        first = firsts.setdefault(arm.dataset, arm)
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
    """A sentence per data set whose arms have such cut-offs; ``num_items``: by data set, if known.

    With ``candidates: trained`` there may be fewer candidates than items.
    """
    wide: dict[str, set[int]] = {}
    for arm in arms:
        known = num_items.get(arm.dataset)
        ks = {k for k in arm.config.evaluation.ks if known is not None and k >= known}
        wide.setdefault(arm.dataset, set()).update(ks)
    return tuple(_sentence(key, num_items[key], sorted(ks)) for key, ks in wide.items() if ks)


def _sentence(dataset: str, num_items: int | None, ks: list[int]) -> str:
    names = ", ".join(f"HR@{k}" for k in ks)
    ranks = "rank" if len(ks) > 1 else "ranks"
    where = f" on {dataset}" if dataset else ""
    return (
        f"{names} {ranks} {num_items:,} candidates{where}: every target that is ranked hits, so no "
        f"arm can be better there. Set evaluation.ks well below {num_items:,}."
    )
