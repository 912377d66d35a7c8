"""Arms that are controls, in words: their items do not have their own contents."""

from collections.abc import Iterator, Mapping

from morec.config import ID_INIT, Control
from reports.study.summary import ArmSummary, StudySummary

_CONTENTS = {"text": "titles", "image": "images"}
_WORDS: Mapping[Control, str] = {
    "shuffle": "{} are swapped between items",
    "noise": "noise of the same mean and deviation stands in for the features of the {}",
    "constant": "all items have the same content in place of their {}",
}


def control_sentences(summary: StudySummary) -> Iterator[str]:
    """One sentence for each control that arms have."""
    found: dict[tuple[str, Control], list[str]] = {}
    for arm in summary.arms:
        for which in _controls_of(arm):
            found.setdefault(which, []).append(arm.name)
    for (place, control), names in found.items():
        words = _WORDS[control].format(_contents_of(place))
        kind = "This arm is a control" if len(names) == 1 else "These arms are controls"
        yield f"{', '.join(names)}: {words} (item.{place}.control: {control}). {kind}."


def _contents_of(place: str) -> str:
    """``titles``, ``images``, or the vectors of a name: ``vectors.audio``."""
    kind, _, name = place.removeprefix(f"{ID_INIT}.").partition(".")
    return _CONTENTS.get(kind) or f"vectors of {name or ID_INIT}"


def _controls_of(arm: ArmSummary) -> Iterator[tuple[str, Control]]:
    """Encoders with a control and which, as tested; before that, as the study file has them.

    Of a late fusion, those of all its members.

    An encoder is named by its place in the item: ``text``, or ``id_init.text``.
    """
    configs = [result.config for result in arm.tested.values()] or [arm.entry.config]
    encoders = (one for part in configs[0].parts for one in part.item.encoders.items())
    named = (
        (f"{place}.{spec.part}" if place == ID_INIT else place, spec.control)
        for place, spec in encoders
        if spec.control is not None
    )
    yield from dict.fromkeys(named)
