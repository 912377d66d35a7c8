"""Real Ray: one session for all tests here that call the command in this process."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.command import STUDY, Command

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """End the session where the tests of this folder end: others have no Ray below them."""
    if "ray" in sys.modules and (nextitem is None or HERE not in nextitem.path.parents):
        sys.modules["ray"].shutdown()


@pytest.fixture(scope="session")
def node_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of ``ray_session`` keep what they fetch."""
    return tmp_path_factory.mktemp("node") / "morec-studies" / "artefacts"


def open_session(node_cache: Path) -> None:
    """Start Ray in this process, as the product does, unless it runs already."""
    from tune_space.execution.ray_env import NICENESS, set_switches

    set_switches(is_local=True)
    import ray

    from tune_space.execution.ray_servers import needed_servers
    from tune_space.execution.ray_start import start_ray
    from tune_space.execution.ray_workers import started_ahead

    if ray.is_initialized():
        return
    settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    start = partial(ray.init, num_cpus=2, include_dashboard=True, **settings)
    with (
        pytest.MonkeyPatch.context() as environment,
        needed_servers(dashboard=True, logs=False),
        started_ahead(2),
    ):
        environment.setenv("HF_HOME", str(node_cache.parents[1]))
        environment.setenv(NICENESS, "0")
        start_ray(start)


@pytest.fixture
def ray_session(node_cache: Path) -> None:
    """An open Ray session in this process, the same for all tests of this folder."""
    open_session(node_cache)


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="session")
def uninterrupted(node_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The small study as it comes out when nobody disturbs it."""
    open_session(node_cache)
    return Command.finished(tmp_path_factory.mktemp("uninterrupted"), STUDY)
