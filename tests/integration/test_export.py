"""From a study to lists, with real Ray: exported, loaded without the study, recommended, killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from morec.data.dataset import Dataset, open_dataset
from morec.metrics import NEVER_FOUND
from morec.results import TrialResult
from tests.integration.command import PATIENCE_S, REPOSITORY, Command, wait_until
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
from tune_space.commands import recommend_parts
from tune_space.inputs import histories
histories.PART_ROWS, recommend_parts.USERS = 5, 3
from studies.run import main
sys.exit(main(sys.argv[1:]))
"""
"""The command with parts of a few users, so that there is time to kill it between two."""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A finished study whose arms are exported."""
    folder = tmp_path_factory.mktemp("export")
    (folder / "mini.yaml").write_text(STUDY)
    command = Command(folder / "mini.yaml", folder / "out")
    done = command.run()
    assert done.returncode == 0, done.stdout + done.stderr
    for arm in ("ID", "TS", "late"):
        made = Command(command.study_file, command.out, "--export", arm).run()
        assert made.returncode == 0, made.stdout + made.stderr
        assert "The exported weights give every test user the recorded rank" in made.stdout
    return command


@pytest.fixture(scope="module")
def exports(study: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported folders, far from the study's."""
    return Path(shutil.copytree(study.out / "exports", tmp_path_factory.mktemp("far") / "exports"))


def record_of(study: Command, export: Path) -> TrialResult:
    read = "import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))['export']['trial_id'])"
    words = [sys.executable, "-c", read, str(export / "config.yaml")]
    trial_id = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    record = Ledger(study.out).read(trial_id)
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


def recommend(export: Path, histories: Path, out: Path, *words: str) -> list[str]:
    """The command that recommends, with small parts."""
    given = ["--recommend", str(export), "--histories", str(histories), "--out", str(out)]
    return [sys.executable, "-c", SMALL_PARTS, *given, *words]


def run(words: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command in a folder, with this project importable and nothing of a study in reach."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        words, cwd=folder, env=environment, text=True, capture_output=True, timeout=PATIENCE_S
    )


@pytest.mark.parametrize("arm", ["ID", "TS", "late"])
def test_lists_have_the_sealed_evaluations_ranks(study, exports, tmp_path, arm) -> None:
    record = record_of(study, exports / arm)
    histories = tmp_path / "histories.csv"
    targets = write_histories(dataset_of(study), histories)
    k = len(pd.read_parquet(exports / arm / "items.parquet"))
    done = run(recommend(exports / arm, histories, tmp_path / "r.parquet", "--k", str(k)), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lists = pd.read_parquet(tmp_path / "r.parquet").set_index(["user_id", "item_id"])["rank"]
    ranks_U = record.test.ranks
    assert len(ranks_U) == len(targets)
    for user, (target, rank) in enumerate(zip(targets, ranks_U.tolist(), strict=True)):
        if rank != NEVER_FOUND:
            assert lists[str(user), target] == rank
    assert (ranks_U != NEVER_FOUND).mean() > 0.9


@pytest.mark.parametrize("arm", ["ID", "TS"])
def test_an_export_needs_no_study(exports, tmp_path, arm) -> None:
    script = (
        "import sys; from morec import Recommender; model = Recommender.load(sys.argv[1]);"
        "made = model.recommend({'a': list(model.item_ids[:3])}, k=5); print(len(made));"
        "assert 'ray' not in sys.modules"
    )
    done = run([sys.executable, "-c", script, str(exports / arm)], tmp_path)
    assert done.stdout.strip() == "5", done.stderr


def test_the_card_says_what_the_report_says(study, exports) -> None:
    card = (exports / "TS" / "README.md").read_text(encoding="utf-8")
    assert "## Verdict" in card
    assert "the median of 3 seeds by validation HR@10" in card
    assert (study.out / "report.html").is_file()
    markdown = subprocess.run(
        [sys.executable, "-m", "reports", str(study.out), "--format", "md"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert markdown.returncode == 0


def test_a_recommendation_that_is_killed_goes_on_to_the_same_lists(
    study, exports, tmp_path
) -> None:
    histories = tmp_path / "histories.csv"
    write_histories(dataset_of(study), histories)
    whole, cut = tmp_path / "whole.parquet", tmp_path / "cut.parquet"
    assert run(recommend(exports / "ID", histories, whole), tmp_path).returncode == 0
    words = recommend(exports / "ID", histories, cut)
    process = subprocess.Popen(words, cwd=REPOSITORY, text=True, stdout=subprocess.PIPE)
    parts = tmp_path / "cut.parquet.parts" / "histories"
    wait_until(lambda: len(list(parts.glob("*.parquet"))) >= 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = {path: path.stat().st_mtime_ns for path in parts.glob("*.parquet")}
    total = len(list(parts.glob("*.arrow")))
    assert 3 <= len(left) < total
    refused = run([*words, "--k", "7"], tmp_path)
    assert refused.returncode == 2
    assert "k 10, not 7" in refused.stderr
    assert {path: path.stat().st_mtime_ns for path in parts.glob("*.parquet")} == left
    done = run(words, tmp_path)
    assert done.returncode == 0, done.stderr
    assert not parts.parent.exists()
    pd.testing.assert_frame_equal(pd.read_parquet(cut), pd.read_parquet(whole))
    again = run(words, tmp_path)
    assert again.returncode == 2
    assert "is there already and stays as it is" in again.stderr


def test_an_export_is_refused_where_ranks_differ_and_nothing_is_written(study, tmp_path) -> None:
    out = Path(shutil.copytree(study.out, tmp_path / "out"))
    shutil.copytree(study.out.parent / "artefacts", tmp_path / "artefacts")
    entry = next(one for one in Ledger(out).manifest().arms if one.name == "ID")
    for trial_id in entry.final:
        path = out / "trials" / f"{trial_id}.json"
        record = json.loads(path.read_text())
        record["test"]["num_tied"] += 1
        path.write_text(json.dumps(record))
    target = tmp_path / "new"
    words = ("--export", "ID", "--to", str(target))
    done = Command(study.study_file, out, *words).run()
    assert done.returncode == 2
    assert "differs at test: num_tied" in done.stderr
    assert "no checkpoint was kept; it is trained again, which took" in done.stdout
    assert not target.exists()
    assert list(tmp_path.glob("new*")) == list(tmp_path.glob(".new*")) == []
    done = Command(study.study_file, study.out, "--export", "ID").run()
    assert done.returncode == 2
    assert "is there already and stays as it is" in done.stderr
