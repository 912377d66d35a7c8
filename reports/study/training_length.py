"""Whether training was long enough: arms whose trials the cap on epochs ended, not patience."""

from collections.abc import Iterator

from reports import formats
from reports.study.summary import ArmSummary, StudySummary


def about_length(summary: StudySummary) -> Iterator[str]:
    """Name the arms of which most final trials trained for all of their ``max_epochs``.

    Nothing of a quick form, whose few epochs its page says anyway, nor of late fusion.
    """
    trained = [arm for arm in summary.arms if not arm.entry.config.ensemble and arm.tested]
    cut = [arm for arm in trained if _is_cut(arm)]
    if not cut or summary.manifest.study.profile == "quick":
        return
    names = formats.listed(list(dict.fromkeys(arm.label for arm in cut)))
    yield (
        f"{'All trained arms' if len(cut) == len(trained) > 1 else names}: most final trials were "
        "ended by max_epochs, not by patience. Longer training may move the verdict."
    )


def _is_cut(arm: ArmSummary) -> bool:
    """Whether most of the tested trials had no epoch left."""
    results = arm.tested.values()
    num_cut = sum(len(one.epochs) >= one.config.training.max_epochs for one in results)
    return 2 * num_cut > len(results)
