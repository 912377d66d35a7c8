"""Which of Ray's servers a session of this machine starts, and that nothing of it stays changed."""

import pytest
from ray._private import parameter, services

from tune_space.execution.ray_limits import lifted_limits
from tune_space.execution.ray_servers import needed_servers


@pytest.mark.parametrize("logs", [False, True])
def test_a_node_starts_no_monitor_and_the_monitor_of_logs_where_they_are_printed(
    logs: bool,
) -> None:
    before = parameter.RayParams, services.start_api_server
    with needed_servers(dashboard=False, logs=logs):
        made = parameter.RayParams(num_cpus=1, include_log_monitor=True)
        # What Ray's node takes for "no process was started".
        assert services.start_api_server(False, True, "127.0.0.1", port=None) == ("", None)
    assert (parameter.RayParams, services.start_api_server) == before
    assert (made.num_cpus, made.no_monitor, made.include_log_monitor) == (1, True, logs)


def test_a_dashboard_that_is_needed_is_rays_own() -> None:
    before = services.start_api_server
    with needed_servers(dashboard=True, logs=False):
        assert services.start_api_server is before


def test_limits_are_lifted_within() -> None:
    with needed_servers(dashboard=False, logs=False), lifted_limits():
        made = parameter.RayParams(metrics_export_port=None)
    assert made.no_monitor
    assert made.metrics_export_port


def test_a_ray_that_has_other_parts_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(services, "start_api_server")
    before = parameter.RayParams
    with needed_servers(dashboard=False, logs=False):
        assert parameter.RayParams is before
