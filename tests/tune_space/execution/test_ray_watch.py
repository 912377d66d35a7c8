"""The watch reports a server that is gone, not a busy one, and nothing after it was stopped."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.tune_space.made_up_trials import conductor_of
from tune_space.execution import ray_watch
from tune_space.execution.ray_watch import RayWatch, watched_session
from tune_space.ledger.records import Ledger


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_watch, "POLL_S", 0.01)


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Listens and never answers, as a process that is busy does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def watched(server: socket.socket) -> tuple[RayWatch, list[str], threading.Event]:
    said: list[str] = []
    happened = threading.Event()

    def when_gone(what: str) -> None:
        said.append(what)
        happened.set()

    return RayWatch({"raylet": server.getsockname()}, when_gone), said, happened


def test_a_busy_server_lives_and_a_closed_one_is_gone(server) -> None:
    watch, said, happened = watched(server)
    host, port = server.getsockname()
    watch.start()
    assert watch.is_intact()
    assert not happened.wait(0.2)
    server.close()
    assert happened.wait(10)
    assert said == [f"Ray's raylet at {host}:{port} is gone"]
    assert not watch.is_intact()
    watch.stop()


def test_a_stopped_watch_reports_nothing(server) -> None:
    watch, said, happened = watched(server)
    watch.start()
    watch.stop()
    server.close()
    assert not happened.wait(0.2)
    assert said == []


def test_a_session_that_dies_leaves_its_study_interrupted(server, tmp_path, monkeypatch) -> None:
    conductor_of(tmp_path)
    ended = threading.Event()
    codes: list[int] = []

    def end_process(code: int) -> None:
        codes.append(code)
        ended.set()

    monkeypatch.setattr(ray_watch.os, "_exit", end_process)
    monkeypatch.setattr(ray_watch, "_servers", lambda: {"raylet": server.getsockname()})
    host, port = server.getsockname()
    with watched_session(Ledger(tmp_path)):
        server.close()
        assert ended.wait(10)
    manifest = Ledger(tmp_path).manifest()
    assert codes == [3]
    assert manifest.state == "interrupted"
    assert manifest.interrupted_by == f"Ray's raylet at {host}:{port} is gone"
