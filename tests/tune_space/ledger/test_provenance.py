import platform
from importlib.metadata import version

from tune_space.ledger.provenance import git_state, machine, versions


def test_versions_are_those_installed() -> None:
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["ray"] == version("ray")
    assert found["torch"] == version("torch")


def test_the_checkout_is_named_by_revision_and_state() -> None:
    found = git_state()
    assert found == {} or (len(found["revision"]) == 40 and found["state"] in ("clean", "modified"))


def test_the_machine_is_named_with_its_cores() -> None:
    assert f"{platform.machine()}, " in machine()
    assert " cores, " in machine()
