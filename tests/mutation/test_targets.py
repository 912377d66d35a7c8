"""Modules are found with their mirrored tests."""

from pathlib import Path

from tests.mutation.equivalent.table import EQUIVALENT
from tests.mutation.mutants import mutants_of
from tests.mutation.targets import ROOT, TARGETS, mirrored_tests, modules, third_party


def test_every_pattern_names_a_module_and_none_is_in_two_groups() -> None:
    for patterns in TARGETS.values():
        assert all(list(ROOT.glob(pattern)) for pattern in patterns)
    found = [module for group in TARGETS for module in modules(group)]
    assert len(found) == len(set(found))


def test_a_module_has_its_own_tests_and_those_of_its_folder_that_import_it() -> None:
    assert mirrored_tests(Path("morec/metrics.py"))[0] == Path("tests/morec/test_metrics.py")
    assert Path("tests/morec/test_evaluation.py") in mirrored_tests(Path("morec/metrics.py"))
    assert Path("tests/morec/losses/test_losses.py") in mirrored_tests(Path("morec/losses/bce.py"))


def test_every_module_has_tests_that_are_there() -> None:
    for group in TARGETS:
        for module in modules(group):
            files = mirrored_tests(module)
            assert files and all((ROOT / file).is_file() for file in files), module


def test_what_the_parent_imports_is_not_ours() -> None:
    names = third_party()
    assert {"numpy", "torch", "ray"} <= set(names)
    assert not any(name.startswith(("morec", "tune_space", "reports", "tests")) for name in names)


def test_every_equivalent_change_is_still_possible() -> None:
    paths = {key[0] for key in EQUIVALENT}
    known = {
        one.key
        for path in sorted(paths)
        for one in mutants_of((ROOT / path).read_text(encoding="utf-8"), path)
    }
    assert set(EQUIVALENT) - known == set()
    assert all(EQUIVALENT.values())
