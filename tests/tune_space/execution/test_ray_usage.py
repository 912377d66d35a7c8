"""Ray Tune counts no callbacks, imports no tracker for that, and is as before afterwards."""

import subprocess
import sys

import pytest
from ray.air._internal import usage

from tune_space.execution.ray_usage import uncounted_callbacks

COUNT = """
import sys
from contextlib import nullcontext
from ray.air._internal import usage
from ray.tune import Callback
from tune_space.execution.ray_usage import uncounted_callbacks

with {around}():
    usage.tag_callbacks([Callback()])
print("ray.air.integrations.wandb" in sys.modules)
"""


@pytest.mark.parametrize(
    ("around", "imports"), [("nullcontext", "True"), ("uncounted_callbacks", "False")]
)
def test_a_count_would_import_trackers_and_without_it_none_is(around: str, imports: str) -> None:
    code = COUNT.format(around=around)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == [imports]


def test_the_count_is_back_afterwards() -> None:
    before = usage.tag_callbacks
    with uncounted_callbacks():
        assert usage.tag_callbacks([]) is False
        assert usage.tag_callbacks is not before
    assert usage.tag_callbacks is before


def test_a_ray_without_the_count_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(usage, "tag_callbacks")
    with uncounted_callbacks():
        assert not hasattr(usage, "tag_callbacks")
