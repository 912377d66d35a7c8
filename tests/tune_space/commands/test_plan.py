"""What ``--plan`` says of the data."""

from pathlib import Path

import pytest

from morec.config import FilesSpec, ItemSpec, TrialConfig
from studies.run import main
from tests.morec.data.hand_made import write_interactions
from tune_space.inputs import dataset_entries, prepare
from tune_space.inputs.data_profile import format_profile
from tune_space.inputs.dataset_entries import profile_dataset
from tune_space.inputs.prepare import Prepared

STUDY = """\
question: Which?
baseline: ID
base: {item: {id: true}, dataset: {kind: files, interactions: interactions.csv, min_seq_len: 3}}
arms: {ID: {}, deep: {model.num_blocks: 3}}
seeds: [1]
"""
ROWS = [(user, item, 1_600_000_000 + item) for user in range(12) for item in range(5)]


def plan_of(folder: Path, capsys: pytest.CaptureFixture[str], text: str = STUDY) -> list[str]:
    """The lines of ``--plan`` from the first on data on."""
    study = folder / "shop.yaml"
    study.write_text(text)
    assert main([str(study), "--plan", "--out", str(folder / "runs" / "shop")]) == 0
    lines = capsys.readouterr().out.splitlines()
    return lines[next(at for at, line in enumerate(lines) if line.startswith("data: ")) :]


def config_of(spec: FilesSpec) -> TrialConfig:
    """The configuration of an arm that reads this data."""
    return TrialConfig(dataset=spec, item=ItemSpec(id=True))


def test_a_plan_reads_a_data_set_and_prints_its_profile_once(tmp_path, capsys) -> None:
    spec = write_interactions(tmp_path, ROWS)
    assert plan_of(tmp_path, capsys) == format_profile(profile_dataset(spec, tmp_path))
    assert not (tmp_path / "runs").exists()


def test_the_plan_of_a_prepared_data_set_does_not_read_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = write_interactions(tmp_path, ROWS)
    read = plan_of(tmp_path, capsys)
    Prepared.beside(tmp_path / "runs" / "shop", tmp_path).dataset_folder(config_of(spec))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the data were read")

    for module in (prepare, dataset_entries):
        monkeypatch.setattr(module, "load_profiled", never)
    assert plan_of(tmp_path, capsys) == read


def test_data_that_are_there_but_wrong_are_named_and_the_plan_goes_on(tmp_path, capsys) -> None:
    write_interactions(tmp_path, ROWS[:2])
    (said,) = plan_of(tmp_path, capsys)
    assert said.startswith("data: files cannot be read: dataset files: no user is left")


def test_data_whose_arms_lack_weights_alone_are_shown(tmp_path: Path, capsys) -> None:
    text = STUDY.replace("id: true", "text: {name: org/nowhere-bert}")
    text = text.replace("files, interactions: interactions.csv, min_seq_len: 3", "synthetic")
    assert plan_of(tmp_path, capsys, text)[0].startswith("data: synthetic (made-up data): ")


def test_the_width_of_vectors_is_read_from_the_study_file_s_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "shop.yaml"
    write_interactions(tmp_path, ROWS)
    counted = []
    for width in (3, 300, 0):
        name = f"{tmp_path.name}-{width}.csv"
        study.write_text(STUDY.replace("id: true", f"vectors: {{a: {{file: {name}, ids: item}}}}"))
        if width:
            (tmp_path / name).write_text(",".join(["item", *map(str, range(width))]) + "\n")
        assert main([str(study), "--plan", "--out", str(tmp_path / "runs")]) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()]
        counted.append(next(row[-2] for row in rows if row[:1] == ["ID"]))
    # A DT layer to d = 512 has 297 x 512 weights more.
    assert counted == ["6.31M", "6.47M", "?"]


UNDER = """\
question: Which?
baseline: ID
base: {item: {id: true}, dataset: {kind: files, interactions: interactions.csv, min_seq_len: 3}}
conditions:
  published: {}
  heads: {model.num_heads: 4}
  short: {dataset.max_seq_len: 4}
arms: {ID: {}, GRU: {model.kind: gru4rec}}
seeds: [1, 2]
"""


def test_a_plan_under_conditions_counts_shared_trials_once_and_tells_data_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_interactions(tmp_path, ROWS)
    study = tmp_path / "shop.yaml"
    study.write_text(UNDER)
    assert main([str(study), "--plan", "--out", str(tmp_path / "runs" / "shop")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("10 trials to run, ") for line in lines)
    assert "published/GRU, heads/GRU: the same trials, which run once" in lines
    told = [line.partition(": ")[2].partition(": ")[0] for line in lines if "data: " in line]
    assert told == ["interactions under published, heads", "interactions under short"]
