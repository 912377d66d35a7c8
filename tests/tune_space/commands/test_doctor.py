"""The doctor prints versions and free space, and what is missing or is not the pinned file."""

import pytest

from morec.encoders.weights import text as weights
from studies.run import main
from tune_space.commands import doctor
from tune_space.commands.doctor import examine


def test_versions_machine_and_free_disk_are_printed(tmp_path) -> None:
    facts, _ = examine(tmp_path / "runs")
    text = "\n".join(facts)
    for part in ("python 3", "torch 2", "ray 2", "machine: ", f"disk free at {tmp_path}: "):
        assert part in text


def test_a_package_that_cannot_be_imported_is_named(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MODULES", {"numpy": "numpy", "no-such": "no_such_package"})
    _, broken = examine(tmp_path)
    assert "no_such_package cannot be imported: No module named 'no_such_package'" in broken


def test_weights_with_another_hash_are_named_and_the_exit_code_is_1(monkeypatch, capsys) -> None:
    packaged = weights.PACKAGED["minilm"]
    other = packaged.__class__(
        **{**vars(packaged), "sha256": dict.fromkeys(packaged.sha256, "0" * 64)}
    )
    monkeypatch.setitem(weights.PACKAGED, "minilm", other)
    assert main(["--doctor"]) == 1
    said = capsys.readouterr().out
    assert "wrong: " in said
    assert f"{packaged.distribution}=={packaged.version}" in said
