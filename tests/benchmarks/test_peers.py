"""The comparison with peers: their ranks become the same per-user values as ours."""

from dataclasses import replace
from math import log2
from pathlib import Path

import numpy as np
import pytest

from morec.data.dataset import load_dataset
from reports.study.summary import summarise
from tests.benchmarks.peers import epoch
from tests.benchmarks.peers.compare import best_arm, peer_values
from tests.benchmarks.peers.windows import write_windows
from tests.reports.made_up_studies import FakeStudy
from tune_space.study.expand import expand
from tune_space.study.load import load_study

STUDY = """
question: q
baseline: A
base: {dataset: {kind: synthetic, num_users: 20, num_items: 30}, item: {id: true}}
arms: {A: {}}
"""


def test_a_target_outside_a_peers_list_is_worth_nothing() -> None:
    found = {"ranks": [[1, 0], [2, 10]]}
    assert peer_values("HR@10", found).tolist() == [[1, 0], [1, 1]]
    expected = [[1, 0], [1 / log2(3), 1 / log2(11)]]
    assert peer_values("NDCG@10", found) == pytest.approx(np.array(expected))


def test_a_peer_reads_the_windows_that_our_trials_read(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(STUDY)
    write_windows(path, tmp_path / "windows.npz")
    dataset = load_dataset(expand(load_study(path))[0].config.dataset, tmp_path)
    with np.load(tmp_path / "windows.npz") as windows:
        assert windows["item_ids"].tolist() == dataset.item_ids.tolist()
        assert windows["offsets_U1"].tolist() == dataset.offsets_U1.tolist()
        assert windows["max_seq_len"] == dataset.max_seq_len


def test_our_arm_is_chosen_by_validation_among_those_that_ran(tmp_path: Path) -> None:
    first, *others = summarise(FakeStudy().write(tmp_path)).arms
    resting = replace(first, searches=())
    best = best_arm((resting, *others))
    assert best.name != resting.name
    assert best.best_valid == max(arm.best_valid for arm in others)


def test_every_loss_whose_epoch_is_measured_has_an_arm_and_options_for_the_peer(
    tmp_path: Path,
) -> None:
    path = tmp_path / "one.yaml"
    path.write_text(epoch.study_of(epoch.MOVIELENS, dim=64))
    losses = {arm.name: arm.config.training for arm in expand(load_study(path))}
    assert losses.keys() == epoch.THEIR_LOSSES.keys()
    asked = {name: options.get("n_negatives") for name, options in epoch.THEIR_LOSSES.items()}
    ours = {name: losses[name].negatives for name in ("gBCE", "sampled softmax", "BCE")}
    assert asked == {"softmax": None, **ours}
