"""Ray's environment variables and token file; tests/integration sees what Ray makes of them."""

import os
import stat

import pytest

from tune_space.execution.ray_env import NICENESS, PATIENCE, hide_token, set_niceness, set_switches

LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith(("RAY_", "TUNE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_a_local_session_listens_on_loopback_and_a_clusters_on_the_network() -> None:
    set_switches(is_local=True)
    assert os.environ[LOOPBACK] == "0"
    set_switches(is_local=False)
    assert os.environ[LOOPBACK] == "1"


def test_a_variable_that_is_set_stays_and_the_token_is_never_switched_off() -> None:
    os.environ |= {LOOPBACK: "1", "OMP_WAIT_POLICY": "ACTIVE"}
    set_switches(is_local=True)
    assert (os.environ[LOOPBACK], os.environ["OMP_WAIT_POLICY"]) == ("1", "ACTIVE")
    assert "RAY_AUTH_MODE" not in os.environ


def test_ray_waits_longer_for_its_own_processes_unless_somebody_said_how_long() -> None:
    mine, *others = PATIENCE
    os.environ[mine] = "1"
    set_switches(is_local=True)
    assert os.environ[mine] == "1"
    assert {name: os.environ[name] for name in others} == {n: PATIENCE[n] for n in others}
    assert all(int(seconds) >= 60 for seconds in PATIENCE.values())


@pytest.mark.parametrize("niceness", [0, 19])
def test_the_studys_niceness_replaces_that_of_the_environment(niceness: int) -> None:
    assert NICENESS == "RAY_worker_niceness"
    os.environ[NICENESS] = "7"
    set_niceness(None)
    assert os.environ[NICENESS] == "7"
    set_niceness(niceness)
    assert os.environ[NICENESS] == str(niceness)


def test_the_token_is_readable_by_its_owner_only(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("pathlib.Path.home", lambda: tmp_path)
    hide_token()
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("secret")
    token.chmod(0o644)
    hide_token()
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
