"""Which code makes a trial's numbers: ours, the libraries, and the installed packages it uses."""

from collections.abc import Collection, Mapping

from morec.code_version import code_version
from morec.config import TrialConfig
from morec.extensions import installed, provider


def trial_code(config: TrialConfig) -> dict[str, str]:
    """``code_version`` and, for every installed entry the trial uses, the package it comes from.

    An entry's key is its group and name, ``morec.losses:mine``; its value is the distribution, its
    version and the hash of its sources.
    """
    return {**code_version(), **extensions_used(config)}


def extensions_used(config: TrialConfig) -> dict[str, str]:
    """The installed entries among ``trial_code``."""
    return {
        f"{group}:{name}": str(provider(group, name))
        for group, names in _names(config).items()
        for name in names
        if name in installed(group)
    }


def _names(config: TrialConfig) -> Mapping[str, Collection[str]]:
    """The names in a configuration that may be installed entries; every metric is computed."""
    return {
        "morec.losses": [one.training.loss for one in config.parts],
        "morec.recommenders": [one.model.kind for one in config.parts],
        "morec.readers": [config.dataset.kind],
        "morec.encoders": [
            spec.name for one in config.parts for spec in one.item.encoders.values()
        ],
        "morec.metrics": installed("morec.metrics"),
    }
