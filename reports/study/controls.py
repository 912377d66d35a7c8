"""Arms that are controls, in words: their items do not have their own contents."""

from collections.abc import Iterator, Mapping

from morec.config import Control
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
        for place in _controls_of(arm):
            found.setdefault(place, []).append(arm.name)
    for (part, control), names in found.items():
        words = _WORDS[control].format(_contents_of(part))
        kind = "This arm is a control" if len(names) == 1 else "These arms are controls"
        yield f"{', '.join(names)}: {words} (item.{part}.control: {control}). {kind}."


def _contents_of(part: str) -> str:
    """``titles``, ``images``, or the vectors of a name: ``vectors.audio``."""
    return _CONTENTS.get(part) or f"vectors of {part.removeprefix('vectors.')}"


def _controls_of(arm: ArmSummary) -> Iterator[tuple[str, Control]]:
    """Parts with a control and which, as tested; before that, as the study file has them."""
    configs = [result.config for result in arm.tested.values()] or [arm.entry.config]
    for part, spec in configs[0].item.modalities.items():
        if spec.control is not None:
            yield part, spec.control
