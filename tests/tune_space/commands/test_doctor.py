"""The doctor prints versions and free space, and what is missing or is not the pinned file."""

import re

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


def test_the_rates_of_matrix_products_say_whether_bf16_can_save_time(tmp_path) -> None:
    facts, _ = examine(tmp_path)
    (line,) = [fact for fact in facts if fact.startswith("matrix products: ")]
    found = re.search(r": (\S+) GFLOP/s of a core in fp32, (\S+) in bf16, (\S+)x as fast", line)
    fp32, bf16, ratio = (float(number.replace(",", "")) for number in found.groups())
    assert min(fp32, bf16) > 0
    assert ratio == pytest.approx(bf16 / fp32, rel=0.01)


@pytest.mark.parametrize(
    ("number", "text"), [(1415.3, "1,420"), (217.4, "217"), (0.9312, "0.931"), (6.5, "6.5")]
)
def test_rates_have_three_digits_and_no_exponent(number: float, text: str) -> None:
    assert doctor._short(number) == text


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
