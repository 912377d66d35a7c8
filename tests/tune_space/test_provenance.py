import platform
from importlib.metadata import version

from tune_space.provenance import git_state, machine, versions


def test_versions_are_those_installed():
    found = versions()
    assert found["python"] == platform.python_version()
    assert found["ray"] == version("ray")
    assert found["torch"] == version("torch")


def test_the_checkout_is_named_by_revision_and_state():
    found = git_state()
    assert found == {} or (len(found["revision"]) == 40 and found["state"] in ("clean", "modified"))


def test_the_machine_is_named_with_its_cores():
    assert f"{platform.machine()}, " in machine()
    assert " cores, " in machine()
