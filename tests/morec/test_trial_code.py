"""A record names the installed packages that its trial uses, and no others."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from morec.code_version import code_version
from morec.config import ItemSpec, TrialConfig
from morec.extensions import installed
from morec.trial_code import extensions_used, trial_code
from tests.installed_package import write_package
from tests.morec.tiny_trials import FROZEN_TEXT, TRAINED_TEXT, tiny_config


@pytest.fixture
def configs() -> tuple[TrialConfig, TrialConfig]:
    """Made before any name in them is claimed twice, which a configuration refuses."""
    return tiny_config(), tiny_config(item=TRAINED_TEXT)


@pytest.fixture
def home(
    configs: tuple[TrialConfig, TrialConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder on Python's path with entries of every kind, named like what trials use or not."""
    monkeypatch.syspath_prepend(tmp_path)
    entries = {
        "morec.losses": {"bce": "toy_all:X", "other": "toy_all:X"},
        "morec.recommenders": {"sasrec": "toy_all:X", "other": "toy_all:X"},
        "morec.readers": {"synthetic": "toy_all:X", "other": "toy_all:X"},
        "morec.encoders": {"tiny-random": "toy_all:X", "other": "toy_all:X"},
        "morec.metrics": {"RBP": "toy_all:X"},
    }
    write_package(tmp_path, "toy-all", modules={"toy_all.py": "X = 0\n"}, entries=entries)
    installed.cache_clear()
    yield tmp_path
    installed.cache_clear()


def test_without_installed_packages_the_code_is_ours_and_the_libraries() -> None:
    assert trial_code(tiny_config()) == code_version()


@pytest.mark.usefixtures("home")
def test_every_installed_name_in_a_configuration_and_every_installed_metric_is_used(
    configs: tuple[TrialConfig, TrialConfig],
) -> None:
    config, trained = configs
    used = extensions_used(config)
    assert list(used) == [
        "morec.losses:bce",
        "morec.recommenders:sasrec",
        "morec.readers:synthetic",
        "morec.metrics:RBP",
    ]
    assert {value.rpartition(" ")[0] for value in used.values()} == {"toy-all 1.2"}
    assert "morec.encoders:tiny-random" in extensions_used(trained)
    item = ItemSpec.model_validate({"id": True, "id_init": FROZEN_TEXT})
    started = config.model_copy(update={"item": item})
    assert "morec.encoders:tiny-random" in extensions_used(started)
    assert trial_code(config) == {**code_version(), **used}
