"""Real Ray: one session for the tests of a file that call the command in this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.command import STUDY, Command


@pytest.fixture(scope="session")
def node_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of ``ray_session`` keep what they fetch."""
    return tmp_path_factory.mktemp("node") / "morec-studies" / "artefacts"


@pytest.fixture(scope="module")
def ray_session(node_cache: Path) -> Iterator[None]:
    """One Ray session for every test of a file that calls the command in this process.

    It ends with the file: tests of other folders have no Ray processes below them.
    """
    from tune_space.execution.ray_env import set_switches

    set_switches(is_local=True)
    import ray

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_HOME", str(node_cache.parents[1]))
        ray.init(num_cpus=2, include_dashboard=True, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(STUDY)
    return path


@pytest.fixture(scope="session")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The small study as it comes out when nobody disturbs it."""
    return Command.finished(tmp_path_factory.mktemp("uninterrupted"), STUDY)
