"""Which processes run trials on this machine, and that nothing of Ray stays changed."""

import os
from types import ModuleType

import pytest
from ray._private import services
from ray.tune.execution import class_cache, tune_controller

from tune_space.execution.ray_workers import (
    IDLE_MS,
    VARIABLES,
    Kept,
    started_ahead,
    used_by_trials,
)


def test_the_raylet_alone_starts_as_many_processes_as_asked_and_keeps_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def start(command: list[str], kind: str) -> tuple[list[str], str]:
        return command, os.environ[IDLE_MS]

    monkeypatch.setattr(services, "start_ray_process", start)
    monkeypatch.delenv(IDLE_MS, raising=False)
    with started_ahead(3):
        raylet, idle_ms = services.start_ray_process(["r", "--num_prestart=64"], "raylet")
        server, _ = services.start_ray_process(["s"], "gcs_server")
    assert raylet == ["r", "--num_prestart=64", "--num_prestart_python_workers=3"]
    assert server == ["s"]
    assert int(idle_ms) > 10_000
    assert services.start_ray_process is start
    assert IDLE_MS not in os.environ


def test_a_time_that_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(IDLE_MS, "5")
    with started_ahead(1):
        assert os.environ[IDLE_MS] == "5"


class Trainable:
    """What a trial's process runs."""


def asked_for(*, is_local: bool) -> dict[str, str]:
    """The variables that Ray Tune asks of a trial's process."""
    with used_by_trials(lambda: 1, is_local=is_local):
        actor = class_cache._ActorClassCache().get(Trainable)
    options: dict[str, dict[str, str]] = actor._default_options["runtime_env"] or {}
    return options.get("env_vars", {})


def test_trials_of_this_machine_ask_for_no_process_of_their_own() -> None:
    assert asked_for(is_local=True) == {}
    assert asked_for(is_local=False) != {}


def test_nothing_of_ray_tune_stays_changed() -> None:
    before = [getattr(class_cache, name) for name in VARIABLES], tune_controller._ObjectCache
    with used_by_trials(lambda: 7, is_local=True):
        cache = tune_controller._ObjectCache(may_keep_one=True)
        assert isinstance(cache, Kept)
    assert ([getattr(class_cache, name) for name in VARIABLES], tune_controller._ObjectCache) == (
        before
    )


def test_idle_processes_stay_until_all_are_ended() -> None:
    cache = Kept(lambda: 3)
    assert all(cache.cache_object("1 CPU", process) for process in (1, 2, 3))
    assert list(cache.flush_cached_objects()) == []
    assert cache.pop_cached_object("1 CPU") == 1
    assert cache.num_cached_objects == 2
    assert list(cache.flush_cached_objects(force_all=True)) == [2, 3]
    assert cache.num_cached_objects == 0


def test_processes_that_are_too_many_are_ended_the_oldest_first() -> None:
    num_idle = 3
    cache = Kept(lambda: num_idle)
    assert all(cache.cache_object("1 CPU", process) for process in (1, 2, 3, 4))
    assert list(cache.flush_cached_objects()) == [1]
    num_idle = 1
    assert list(cache.flush_cached_objects()) == [2, 3]
    assert cache.has_cached_object("1 CPU")
    assert list(cache.flush_cached_objects(force_all=True)) == [4]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (services, "start_ray_process"),
        (class_cache, "DEFAULT_ENV_VARS"),
        (tune_controller, "_ObjectCache"),
    ],
)
def test_a_ray_that_has_other_parts_is_left_as_it_is(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    monkeypatch.delattr(module, name)
    with started_ahead(1), used_by_trials(lambda: 1, is_local=True):
        assert not hasattr(module, name)
