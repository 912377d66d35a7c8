"""Whole studies through real Ray in one session: results, failures, worker groups."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import ray
from ray.util import placement_group_table

from morec.code_version import code_version
from morec.references.table import ENCODER_REFERENCES, REFERENCES
from morec.results import Reason, TrialStatus
from morec.storage import Storage
from studies.run import main
from tests.integration import command
from tests.integration.command import REPOSITORY, study_numbers, wait_until
from tests.s3 import CREDENTIALS
from tune_space.ledger.records import Ledger

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("ray_session")]
STUDY = command.STUDY.replace("resources: {", "resources: {cpus: 2, ")
"""All CPUs of the session for one trial. What these tests assert does not depend on how many trials
run at a time, and every process of one more imports for seconds."""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(STUDY)
    return path


def run(study_file, out, *words: str) -> int:
    return main([str(study_file), "--out", str(out), *words])


def test_the_smoke_study_runs_to_its_report(tmp_path) -> None:
    out = tmp_path / "out"
    assert run(REPOSITORY / "studies" / "smoke.yaml", out) == 0
    manifest = Ledger(out).read_manifest()
    results = Ledger(out).read_all()
    assert manifest.state == "finished"
    assert {result.status for result in results.values()} == {TrialStatus.COMPLETED}
    page = (out / "report.html").read_text()
    for arm in manifest.arms:
        assert len(arm.search) == manifest.study.budget.trials
        assert arm.name in page
        for trial_id in arm.final:
            assert results[trial_id].test is not None
            assert trial_id in page
    (pair,) = Ledger(out).read_examples().pairs
    assert set(pair.trial_ids) <= {trial_id for arm in manifest.arms for trial_id in arm.final}
    assert '<section id="examples">' in page


def test_lists_and_examples_are_kept_as_the_study_says(study_file, tmp_path) -> None:
    out = tmp_path / "out"
    words = ("training.max_epochs=1", "kept_lists=5", "examples=false", "seeds=[1]")
    assert run(study_file, out, "--set", *words) == 0
    tests = [result.test for result in Ledger(out).read_all().values() if result.test]
    assert {len(test.kept_lists.users_V) for test in tests} == {5}
    assert not (out / "examples.json").exists()
    assert '<section id="examples">' not in (out / "report.html").read_text()


def test_added_seeds_run_and_nothing_is_run_again(study_file, tmp_path) -> None:
    out = tmp_path / "out"
    assert run(study_file, out, "--set", "training.max_epochs=1") == 0
    before = {path: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert run(study_file, out, "--set", "training.max_epochs=1", "seeds=[1,2,3]") == 0
    after = {path: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert len(after) == len(before) + 2
    assert before.items() <= after.items()


def test_trials_that_follow_one_another_share_one_reservation_and_no_cpu_is_lost(
    study_file, tmp_path
) -> None:
    before = len(placement_group_table())
    words = ("training.max_epochs=1", "budget.trials=6", "seeds=[1]", "resources.cpus=1")
    assert run(study_file, tmp_path / "out", "--only", "ID", "--set", *words) == 0
    assert len(placement_group_table()) - before == 1
    wait_until(lambda: ray.available_resources().get("CPU") == 2)


def raising_arm(folder: Path) -> str:
    """An arm every trial of which raises: with windows above 6, users have trained on every item
    there is, so no negative can be drawn. Of a searched range only the file's value is checked."""
    orders = [[(user + step) % 8 for step in range(10)] for user in range(20)]
    rows = [f"{u},{i},{time}" for u, items in enumerate(orders) for time, i in enumerate(items)]
    (folder / "all.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows))
    data = "{kind: files, interactions: all.csv, repeats: keep, max_seq_len: 6}"
    windows = "search: {dataset.max_seq_len: {int: [6, 10]}}, start: {dataset.max_seq_len: 10}"
    return f"  broken: {{item.id: true, item.text: null, dataset: {data}, {windows}}}\n"


def test_an_arm_that_always_raises_leaves_the_others_finished_and_the_exit_code_is_1(
    tmp_path, capsys
) -> None:
    study_file, out = tmp_path / "failing.yaml", tmp_path / "out"
    # Two trials at a time: one raises beside another.
    study_file.write_text(command.STUDY.replace("arms:\n", f"arms:\n{raising_arm(tmp_path)}"))
    assert run(study_file, out) == 1
    arms = {arm.name: arm for arm in Ledger(out).read_manifest().arms}
    results = Ledger(out).read_all()
    broken = [results[entry.trial_id] for entry in arms["broken"].search]
    assert len(broken) == 2
    assert {result.status for result in broken} == {TrialStatus.FAILED}
    assert all("Traceback" in result.error and "DataError" in result.error for result in broken)
    assert {result.reason for result in broken} == {Reason.EXCEPTION}
    assert all(result.code == code_version() for result in results.values())
    assert all(result.best_score() is None for result in broken)
    for name in ("ID", "E2E"):
        assert all(results[i].status is TrialStatus.COMPLETED for i in arms[name].final)
    said = capsys.readouterr().err
    assert "no search trial of arm 'broken' completed" in said
    assert all(f"failed: {result.trial_id}" in said for result in broken)
    page = (out / "report.html").read_text()
    assert all(result.trial_id in page for result in broken)


def test_pruning_stops_weak_search_trials_and_finals_never(study_file, tmp_path) -> None:
    out = tmp_path / "out"
    words = ("scheduler=asha", "budget.trials=5", "training.max_epochs=6", "training.patience=6")
    assert run(study_file, out, "--only", "ID", "--set", *words) == 0
    manifest, results = Ledger(out).read_manifest(), Ledger(out).read_all()
    arm = next(arm for arm in manifest.arms if arm.name == "ID")
    searched = [results[entry.trial_id] for entry in arm.search]
    pruned = [result for result in searched if result.status is TrialStatus.PRUNED]
    assert pruned
    assert all(result.cost is not None and len(result.epochs) < 6 for result in pruned)
    assert all(results[i].status is TrialStatus.COMPLETED for i in arm.final)


def test_own_vectors_are_an_arm_and_another_file_is_another_trial(
    study_file, tmp_path, capsys
) -> None:
    def write(seed: int) -> None:
        numbers = np.random.default_rng(seed).normal(size=(45, 3)).tolist()
        rows = [",".join(map(str, (item, *row))) for item, row in enumerate(numbers)]
        (tmp_path / "own.csv").write_text("\n".join(["item,x,y,z", *rows]))

    write(seed=1)
    own = "{item.text: null, item.vectors.own: {file: own.csv, ids: item, whiten: true}}"
    study_file.write_text(STUDY.replace("{item.text.trainable_layers: all}", own))
    out, words = (
        tmp_path / "out",
        ("--set", "training.max_epochs=1", "budget.trials=1", "seeds=[1]"),
    )
    assert run(study_file, out, *words) == 0
    manifest = Ledger(out).manifest()
    (made,) = manifest.preparations
    assert made.name == "vectors.own"
    assert made.counts["vectors_of_items_not_in_the_data"] == 5
    assert made.counts["directions"] == 3
    assert "content kNN (own.csv, ids item, whiten true)" in {r.name for r in manifest.references}
    (final,) = next(arm.final for arm in manifest.arms if arm.name == "E2E")
    assert final.startswith("sasrec-vectors.own-ts-s1-")
    assert run(study_file, out, "--audit", *words) == 0
    assert run(study_file, out, "--reproduce", final, *words) == 0
    write(seed=2)
    capsys.readouterr()
    assert run(study_file, out, "--reproduce", final, *words) == 2
    assert "vectors.own: the record was made with" in capsys.readouterr().err
    assert run(study_file, out, *words) == 0
    assert {*Ledger(out).manifest().arms[1].final}.isdisjoint({final})
    (tmp_path / "own.csv").unlink()
    assert run(study_file, out, "--plan", *words) == 0
    assert "not here yet: vectors.own file own.csv; for 1 arm" in capsys.readouterr().out


def test_two_workers_give_the_numbers_of_one(study_file, tmp_path) -> None:
    text = study_file.read_text()
    losses = "  ID: {item.id: true, item.text: null, training.loss: bce}\n"
    losses += "  CE: {item.id: true, item.text: null, training.loss: in_batch_ce}\n"
    begin, end = text.index("  ID:"), text.index("search:")
    study_file.write_text(text[:begin] + losses + text[end:])
    words = ("--set", "budget.trials=0", "seeds=[1]", "model.dropout=0.0", "resources.cpus=1")
    for workers in (1, 2):
        assert run(study_file, tmp_path / f"{workers}", *words, f"resources.workers={workers}") == 0
    one, two = (Ledger(tmp_path / f"{workers}").read_all() for workers in (1, 2))
    assert len(one) == 2
    assert one.keys() == two.keys()
    for trial_id, result in one.items():
        assert result.test.metrics == two[trial_id].test.metrics
        train_losses = [[epoch.train_loss for epoch in r.epochs] for r in (result, two[trial_id])]
        assert train_losses[0] == pytest.approx(train_losses[1], abs=1e-5)


def test_with_an_s3_storage_trials_fetch_and_the_numbers_stay(
    study_file, tmp_path, node_cache, s3
) -> None:
    words = ("--set", "training.max_epochs=2", "budget.trials=1", "seeds=[1]")
    plain, stored = tmp_path / "plain", tmp_path / "stored" / "out"
    url = s3.of(tmp_path.name)
    assert run(study_file, plain, *words) == 0
    assert run(study_file, stored, *words, f"storage={url}") == 0
    assert study_numbers(stored) == study_numbers(plain)
    in_storage = {name.split("/")[1] for name in Storage(url).sizes()}
    assert {name.split("-")[0] for name in in_storage} == {"dataset", "tokens"}
    assert {name for name in os.listdir(node_cache) if name[0] != "."} == in_storage
    assert all(name.startswith("artefacts/") for name in Storage(url).sizes())
    recorded = "".join(path.read_text() for path in stored.rglob("*.json"))
    assert "s3://bucket/" in recorded
    assert CREDENTIALS["AWS_SECRET_ACCESS_KEY"] not in recorded


def test_a_trial_that_needs_more_than_there_is_starts_nothing(study_file, tmp_path, capsys) -> None:
    assert run(study_file, tmp_path / "out", "--set", "resources.gpus=1") == 2
    assert "a trial needs 1 x (2 CPUs, 1 GPUs); node " in (capsys.readouterr().err)


def test_status_and_plan_read_a_finished_study(study_file, tmp_path, capsys) -> None:
    out = tmp_path / "out"
    assert run(study_file, out, "--set", "training.max_epochs=1") == 0
    capsys.readouterr()
    assert run(study_file, out, "--status") == 0
    assert "finished" in capsys.readouterr().out
    assert run(study_file, out, "--plan", "--set", "training.max_epochs=1") == 0
    assert "0 trials to run" in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["state"] == "finished"


TWO_DATASETS = """
question: Does a text encoder beat item IDs on both?
baseline: ID
base:
  item: {text: {name: org/nowhere-bert, max_tokens: 8, pooling: mean}}
  model: {dim: 16, num_blocks: 1}
  training: {max_epochs: 50, batch_size: 16}
datasets:
  drawn: {dataset: {kind: synthetic, num_users: 60, num_items: 40, max_seq_len: 10}}
  shop: {dataset: {kind: files, interactions: sales.csv}, download: sales.csv from the shop}
arms:
  ID: {item.id: true, item.text: null, start: {optim.lr: 3e-3}}
  TS: {}
search: {optim.lr: {loguniform: [1e-3, 1e-2]}}
budget: {trials: 4}
expected: {drawn/ID: {HR@10: 17.71}}
resources: {cpus: 2}
quick:
  base: {item: {text: {name: tiny-random, pretrained: false}}, training: {max_epochs: 1}}
  datasets:
    shop: {dataset: {kind: synthetic, num_users: 50, num_items: 40, max_seq_len: 10}}
  budget: {trials: 1}
  seeds: [1]
"""


def test_the_quick_form_of_a_study_of_two_data_sets_runs_one_after_the_other(
    tmp_path, capsys
) -> None:
    study_file, out = tmp_path / "two.yaml", tmp_path / "out"
    study_file.write_text(TWO_DATASETS)
    assert run(study_file, out) == 2
    assert "download: sales.csv from the shop" in capsys.readouterr().err
    assert not out.exists()

    assert run(study_file, out, "--quick", "--only", "drawn") == 0
    before = Ledger(out).read_manifest()
    assert [entry.dataset for entry in before.datasets] == ["drawn"]
    assert [len(arm.final) for arm in before.arms] == [1, 1, 0, 0]

    records = {path: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert run(study_file, out, "--quick", "--only", "shop") == 0
    after = Ledger(out).read_manifest()
    assert records.items() <= {p: p.stat().st_mtime_ns for p in (out / "trials").iterdir()}.items()
    assert [arm.name for arm in after.arms] == ["drawn/ID", "drawn/TS", "shop/ID", "shop/TS"]
    assert after.arms[:2] == before.arms[:2]
    assert {entry.dataset for entry in after.datasets} == {"drawn", "shop"}
    assert all(entry.slices for entry in after.datasets)
    names = {(one.dataset, one.name.split(" (")[0]) for one in after.references}
    rows = (*REFERENCES, *ENCODER_REFERENCES)
    assert names == {(label, name) for label in ("drawn", "shop") for name in rows}
    started = [arm.search[0].params for arm in after.arms if arm.name.endswith("/ID")]
    assert started == [{"optim.lr": 3e-3}] * 2

    assert (after.study.profile, after.study.expected) == ("quick", {})
    results = Ledger(out).read_all()
    assert len(results) == 4 * (1 + 1)
    assert {result.status for result in results.values()} == {TrialStatus.COMPLETED}
    page = (out / "report.html").read_text()
    assert "Quick form" in page
    assert 'id="expected"' not in page


CONDITIONS = """\
conditions:
  published: {}
  deep text: {item.text.dnn_layers: 1}
"""


def test_an_arm_that_a_condition_leaves_as_it_is_runs_once(tmp_path, capsys) -> None:
    study_file, out = tmp_path / "conditions.yaml", tmp_path / "out"
    study_file.write_text(STUDY.replace("arms:\n", f"{CONDITIONS}arms:\n", 1))
    words = ("--set", "training.max_epochs=1")
    assert run(study_file, out, "--only", "deep text", *words) == 0
    before = {path: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert len(before) == 2 * (2 + 2)
    assert run(study_file, out, *words) == 0
    after = {path: path.stat().st_mtime_ns for path in (out / "trials").iterdir()}
    assert len(after) == 3 * (2 + 2)
    assert before.items() <= after.items()
    manifest = Ledger(out).read_manifest()
    arms = {arm.name: arm for arm in manifest.arms}
    assert manifest.state == "finished"
    assert arms["published/ID"].trial_ids == arms["deep text/ID"].trial_ids
    assert [(one.dataset, one.condition) for one in manifest.datasets] == [
        ("", "published"), ("", "deep text"),
    ]  # fmt: skip
    capsys.readouterr()
    assert run(study_file, out, "--plan", *words) == 0
    assert "\n0 trials to run" in capsys.readouterr().out
    assert run(study_file, out, "--audit", *words) == 0
    assert run(study_file, out, "--reproduce", arms["deep text/ID"].final[0], *words) == 0
