"""Every study file of the project: both forms load and build, and the paper's numbers stand by."""

from functools import cache
from pathlib import Path

import pytest

from studies.run import main
from tune_space.study.load import LoadedStudy, open_study

STUDIES = sorted((Path(__file__).parents[2] / "studies").glob("*.yaml"))
WITH_QUICK_FORM = [path for path in STUDIES if "\nquick:\n" in path.read_text()]
NUM_PAPER_NUMBERS = {
    "regular": 42,
    "warm": 18,
    "cold": 12,
    "encoders": 16,
    "pretrained_vs_scratch": 20,
    "two_stage": 38,
    "cost": 40,
    "second_round": 12,
    "fusion_paper": 42,
    "loss": 24,
}
"""Numbers in the paper's table (of figure 4, those that table 2 prints)."""


@cache
def opened(path: Path, *overrides: str) -> LoadedStudy:
    return open_study(path, overrides)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_study_builds_every_arm_it_names(path: Path) -> None:
    study = opened(path)
    assert study.spec.profile == "full"
    assert {arm.name for arm in study.arms} >= set(study.spec.expected)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_arm_trains_as_its_base_says_but_for_keys_that_are_written_again(path: Path) -> None:
    study = opened(path)
    groups = (study.spec.arms, study.spec.datasets, study.spec.conditions)
    settings = [pair for group in groups for one in group.values() for pair in one.set.items()]
    again = {name.split(".")[-1] for name, _ in settings}
    again |= {key for _, value in settings if isinstance(value, dict) for key in value}
    wanted = {k: v for k, v in study.spec.base.get("training", {}).items() if k not in again}
    for arm in study.arms:
        found = arm.config.training.model_dump(mode="json")
        assert {key: found[key] for key in wanted} == wanted, arm.name


@pytest.mark.parametrize(("name", "number"), [("smoke", 2), ("fusion", 14)])
def test_a_study_has_so_many_arms(name: str, number: int) -> None:
    (path,) = (path for path in STUDIES if path.stem == name)
    assert len(opened(path).arms) == number


@pytest.mark.parametrize("path", WITH_QUICK_FORM, ids=lambda path: path.stem)
def test_a_quick_form_has_the_same_arms_on_made_up_data_and_no_paper_numbers(path: Path) -> None:
    quick = opened(path, "profile=quick")
    assert quick.spec.profile == "quick"
    assert quick.spec.expected == {}
    assert len(quick.arms) == len(opened(path).arms)
    assert {arm.config.dataset.kind for arm in quick.arms} == {"synthetic"}
    assert not quick.spec.resources.gpus


def test_every_number_of_the_paper_s_tables_is_expected_somewhere() -> None:
    studies = {path.stem: opened(path).spec for path in STUDIES}
    counted = {
        name: sum(map(len, study.expected.values()))
        for name, study in studies.items()
        if study.expected
    }
    assert counted == NUM_PAPER_NUMBERS


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_plan_needs_no_data_and_says_what_to_download(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = opened(path).spec
    assert main([str(path), "--plan", "--out", str(tmp_path / "out")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for choice in study.datasets.values():
        is_packaged = study.base.get("dataset", {}).get("kind") == "movielens"
        assert (choice.download is None) == is_packaged
        assert is_packaged or " ".join((choice.download or "").split()) in said
    assert not (tmp_path / "out").exists()


def test_the_plan_of_the_cost_study_counts_table_6(capsys: pytest.CaptureFixture[str]) -> None:
    path = next(path for path in STUDIES if path.stem == "cost")
    main([str(path), "--plan"])
    said = {line.split()[0]: line.split()[-2:] for line in capsys.readouterr().out.splitlines()}
    assert said["MIND/ID"] == ["47.1M", "0.127G"]
    assert said["MIND/BERT-base"] == ["116M", "108G"]
    assert said["HM/Swin-B"] == ["93.6M", "340G"]
