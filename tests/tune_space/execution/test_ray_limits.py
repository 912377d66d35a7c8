"""What is changed in Ray while it starts on a busy machine, and that nothing of it stays."""

from collections.abc import Callable

import pytest
from ray._private import parameter, services

from tune_space.execution import ray_limits
from tune_space.execution.ray_limits import AGENT_PORTS, flagged, free_ports, lifted_limits, patient


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_limits, "POLL_S", 0.001)
    monkeypatch.setattr(ray_limits, "has_raylet", lambda: True)


def known_after(calls: int) -> Callable[..., tuple[object, ...]]:
    """Ray's ``get_node``: raises so many times, then gives back its arguments."""
    left = [calls]

    def get_node(*arguments: object) -> tuple[object, ...]:
        left[0] -= 1
        if left[0] >= 0:
            raise RuntimeError("GCS cannot find the node")
        return arguments

    return get_node


@pytest.mark.parametrize("calls", [0, 1, 5])
def test_the_driver_waits_for_a_raylet_that_lives(calls: int) -> None:
    assert patient(known_after(calls))("address", "id") == ("address", "id")


def test_the_driver_does_not_wait_for_a_raylet_that_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ray_limits, "has_raylet", lambda: False)
    with pytest.raises(RuntimeError, match="cannot find the node"):
        patient(known_after(1))()


def test_the_driver_gives_up_a_raylet_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_limits, "RAYLET_S", 0.01)
    with pytest.raises(RuntimeError, match="cannot find the node"):
        patient(known_after(10**9))()


def test_a_process_without_children_has_no_raylet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert not ray_limits.has_raylet()


def test_the_raylet_alone_is_told_the_port_that_ray_forgets() -> None:
    def start_process(command: list[str], kind: str, fate_share: bool, *, cwd: str) -> object:
        return command, kind, fate_share, cwd

    start = flagged(start_process, "--p=1")
    command = ["x"]
    assert start(command, "raylet", True, cwd="/") == (["x", "--p=1"], "raylet", True, "/")
    assert start(command, "gcs_server", False, cwd="/") == (["x"], "gcs_server", False, "/")
    assert command == ["x"]


def test_a_node_gets_ports_that_are_free_for_the_time_of_the_start() -> None:
    before = parameter.RayParams, services.get_node, services.start_ray_process
    with lifted_limits():
        # ``ray.init`` names the second one itself.
        made = parameter.RayParams(num_cpus=1, metrics_export_port=None)
        ports = [getattr(made, name) for name in AGENT_PORTS]
        assert services.get_node is not before[1]
    assert (parameter.RayParams, services.get_node, services.start_ray_process) == before
    assert len(set(ports)) == len(AGENT_PORTS) == 4
    assert all(1024 <= port < 65536 for port in ports)
    assert made.num_cpus == 1
    assert len(set(free_ports(20))) == 20


def test_a_ray_that_has_other_parts_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(services, "start_ray_process")
    before = parameter.RayParams
    with lifted_limits():
        assert parameter.RayParams is before
