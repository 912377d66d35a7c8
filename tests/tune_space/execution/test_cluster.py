"""Addresses that are no cluster, with what was tried, and the slots of a cluster's nodes."""

import socket
from collections.abc import Iterator

import pytest

from morec.errors import ClusterError
from tune_space.execution import cluster
from tune_space.execution.ray_env import NICENESS, SWITCHES
from tune_space.study.spec import ResourcesSpec


@pytest.fixture
def listener() -> Iterator[str]:
    """The address of something that takes connections and is no cluster."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", "http://h:1"])
def test_a_malformed_address_is_refused_with_what_is_allowed(address: str) -> None:
    with pytest.raises(ClusterError) as caught:
        cluster._reach(address)
    assert str(caught.value).startswith(f"--address {address}: give HOST:PORT of the cluster's")
    assert "auto" in str(caught.value)


def test_an_address_without_a_server_is_refused_with_the_number_of_tries(listener: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ClusterError) as caught:
        cluster._reach(closed)
    assert str(caught.value) == (
        f"--address {closed}: nothing takes a connection there, tried 3 times for up to 5 s. Is "
        "the head running, is this its port (6379 unless `ray start --head --port` says "
        "otherwise), is the port open to this machine?"
    )


def test_a_server_that_is_no_cluster_is_given_up_in_bounded_time(
    listener: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "JOIN_S", 4.0)
    with pytest.raises(ClusterError) as caught:
        cluster._reach(listener)
    said = str(caught.value)
    assert said.startswith(f"--address {listener}: this machine could not join the cluster: not ")
    assert "not within 4 s. Does a node of the cluster run on this machine" in said
    assert "Ray said: " in said


def test_whatever_ray_raises_while_it_joins_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**settings: object) -> None:
        # An OSError, which the command line would take for a full disk.
        raise ConnectionError(f"no way\nto {settings['address']}")

    monkeypatch.setattr(cluster.ray, "init", refuse)
    with pytest.raises(ClusterError) as caught:
        cluster._join("h:6379", {"runtime_env": {}})
    said = str(caught.value)
    assert said.startswith("--address h:6379: this machine could not join the cluster: refused. ")
    assert said.endswith("Ray said: to h:6379")


def test_a_clusters_nodes_get_the_niceness_of_the_study_where_it_has_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster.os, "environ", {**dict.fromkeys(SWITCHES, "x"), NICENESS: "4"})
    switches = dict.fromkeys(SWITCHES, "x")
    assert cluster._runtime_env(ResourcesSpec())["env_vars"] == switches
    nice = ResourcesSpec(niceness=4)
    assert cluster._runtime_env(nice)["env_vars"] == switches | {NICENESS: "4"}


@pytest.mark.parametrize(
    ("nodes", "resources", "held"),
    [
        ([{"CPU": 8.0}], {}, 8),
        # Three CPUs have to be on one node: 2 + 1 trials, though there are 13 CPUs.
        ([{"CPU": 8.0}, {"CPU": 5.0}], {"cpus": 3}, 3),
        ([{"CPU": 2.0}, {"CPU": 2.0}], {"cpus": 3}, 0),
        # Two workers of a trial may be on two nodes.
        ([{"CPU": 1.0}, {"CPU": 1.0}], {"workers": 2}, 1),
        ([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 8.0}], {"gpus": 1}, 2),
        ([{"CPU": 8.0, "GPU": 1.0}], {"gpus": 0.25, "cpus": 4}, 2),
        ([{"CPU": 8.0}, {"GPU": 8.0}], {"gpus": 1}, 0),
        ([{}], {}, 0),
    ],
)
def test_every_worker_of_a_trial_has_to_fit_into_one_node(
    nodes: list[dict[str, float]], resources: dict[str, float], held: int
) -> None:
    assert cluster.slots_of(nodes, ResourcesSpec.model_validate(resources)).num == held
