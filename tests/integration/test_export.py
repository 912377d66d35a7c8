"""From a study to lists, with real Ray: exported, loaded without the study, recommended, killed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from huggingface_hub import ModelCard

import tune_space.inputs.histories
from morec import Recommender
from morec.data.dataset import Dataset, open_dataset
from morec.metrics import NEVER_FOUND
from morec.results import TrialResult
from reports.study.report import read_report
from studies.run import main
from tests.integration.command import REPOSITORY, Command, wait_until
from tests.integration.conftest import open_session
from tune_space.ledger.records import Ledger

pytestmark = pytest.mark.ray
STUDY = """
question: Does frozen text beat item IDs?
baseline: ID
base:
  dataset: {kind: synthetic, num_users: 60, num_items: 40, max_seq_len: 10}
  item: {text: {name: tiny-random, pretrained: false, max_tokens: 8, pooling: mean}}
  model: {dim: 16, num_blocks: 1}
  training: {max_epochs: 3, batch_size: 16}
arms:
  ID: {item.id: true, item.text: null}
  TS: {}
  late: {ensemble: [ID, TS]}
budget: {trials: 0}
resources: {niceness: 0}
seeds: [1, 2, 3]
contrasts: [{better: TS, than: ID}]
"""
SMALL_PARTS = """
import sys
import time
from tune_space.commands import recommend_parts
from tune_space.inputs import histories
histories.PART_ROWS = 5
write_part = recommend_parts._write_part
def slowly(*words):
    time.sleep(0.5)
    write_part(*words)
recommend_parts._write_part = slowly
from studies.run import main
sys.exit(main(sys.argv[1:]))
"""
"""The command with parts of a few users, so that there is time to kill it between two."""


@pytest.fixture(scope="module")
def study(node_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A finished study whose arms are exported."""
    open_session(node_cache)
    command = Command.finished(tmp_path_factory.mktemp("export"), STUDY)
    for arm in ("ID", "TS", "late"):
        assert ask(command, "--export", arm) == 0
    return command


def ask(study: Command, *words: str) -> int:
    """The command in this process: it needs no Ray, and torch is imported already."""
    return main([str(study.study_file), "--out", str(study.out), *words])


@pytest.fixture(scope="module")
def exports(study: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported folders, far from the study's."""
    return Path(shutil.copytree(study.out / "exports", tmp_path_factory.mktemp("far") / "exports"))


def record_of(study: Command, export: Path) -> TrialResult:
    notes = Recommender.load(export).notes
    record = Ledger(study.out).read(notes["trial_id"])
    assert record
    return record


def dataset_of(study: Command) -> Dataset:
    (folder,) = (study.out.parent / "artefacts").glob("dataset-*")
    return open_dataset(next(folder.rglob("dataset.json")).parent)


def write_histories(dataset: Dataset, path: Path) -> list[str]:
    """What the sealed evaluation reads of every test user, in no order; returns their targets."""
    rows, targets = [], []
    for user, start, end in zip(*dataset.rows_of("test"), strict=True):
        items = [dataset.name_of(int(item)) for item in dataset.item_ids[start : end + 1]]
        targets.append(items[-1])
        rows += [(int(user), item, 1_600_000_000 + n) for n, item in enumerate(items[:-1])]
    np.random.default_rng(0).shuffle(rows)
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    table.to_csv(path, index=False)
    return targets


def words_of(export: Path, histories: Path, out: Path, *words: str) -> list[str]:
    """The words of the command that recommends."""
    given = ["--recommend", str(export), "--histories", str(histories), "--out", str(out)]
    return [*given, *words]


@pytest.mark.parametrize("arm", ["ID", "TS", "late"])
def test_lists_have_the_sealed_evaluations_ranks(study, exports, tmp_path, arm) -> None:
    record = record_of(study, exports / arm)
    histories = tmp_path / "histories.csv"
    targets = write_histories(dataset_of(study), histories)
    k = len(pd.read_parquet(exports / arm / "items.parquet"))
    assert main(words_of(exports / arm, histories, tmp_path / "r.parquet", "--k", str(k))) == 0
    lists = pd.read_parquet(tmp_path / "r.parquet").set_index(["user_id", "item_id"])["rank"]
    ranks_U = record.test.ranks
    assert len(ranks_U) == len(targets)
    for user, (target, rank) in enumerate(zip(targets, ranks_U.tolist(), strict=True)):
        if rank != NEVER_FOUND:
            assert lists[str(user), target] == rank
    assert (ranks_U != NEVER_FOUND).mean() > 0.9


def test_an_export_needs_no_study(exports, tmp_path) -> None:
    script = (
        "import sys; from morec import Recommender;"
        "models = [Recommender.load(folder) for folder in sys.argv[1:]];"
        "lists = [one.recommend({'a': list(one.item_ids[:3])}, k=5) for one in models];"
        "print(*map(len, lists), 'ray' in sys.modules)"
    )
    words = [sys.executable, "-c", script, *(str(exports / arm) for arm in ("ID", "TS", "late"))]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, text=True, capture_output=True)
    assert done.stdout.split() == ["5", "5", "5", "False"], done.stderr


def test_the_card_says_what_the_report_says(study, exports) -> None:
    card = ModelCard.load(exports / "TS" / "README.md")
    assert card.data.model_name == "TS of mini"
    assert "the median of 3 seeds by validation HR@10" in card.text
    assert "give every test user the recorded rank" in card.text
    (arm,) = [one for one in read_report(study.out).summary.arms if one.name == "TS"]
    assert f"| {100 * arm.mean('HR@10'):.2f} [" in card.text


def test_a_recommendation_that_is_killed_goes_on_to_the_same_lists(
    study, exports, tmp_path, monkeypatch, capsys
) -> None:
    histories = tmp_path / "histories.csv"
    write_histories(dataset_of(study), histories)
    monkeypatch.setattr(tune_space.inputs.histories, "PART_ROWS", 5)
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    assert main(words_of(exports / "ID", histories, whole)) == 0
    words = words_of(exports / "ID", histories, cut)
    command = [sys.executable, "-c", SMALL_PARTS, *words]
    process = subprocess.Popen(command, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE)
    parts = tmp_path / "cut.parquet.parts" / "histories"
    wait_until(lambda: len(list(parts.glob("*.parquet"))) >= 3, process)
    process.kill()
    process.communicate()
    left = {path: path.stat().st_mtime_ns for path in parts.glob("*.parquet")}
    assert 3 <= len(left) < len(list(parts.glob("*.arrow")))
    assert main([*words, "--k", "7"]) == 2
    assert "k 10, not 7" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in parts.glob("*.parquet")} == left
    assert main(words) == 0
    assert not parts.parent.exists()
    pd.testing.assert_frame_equal(pd.read_parquet(cut), pd.read_parquet(whole))
    assert main(words) == 2
    assert "is there already and stays as it is" in capsys.readouterr().err


def test_an_exported_arm_is_not_exported_over(study, capsys) -> None:
    assert ask(study, "--export", "ID") == 2
    assert "is there already and stays as it is" in capsys.readouterr().err
    assert ask(study, "--export", "lane", "--to", "elsewhere") == 2
    assert "Did you mean 'late'?" in capsys.readouterr().err
