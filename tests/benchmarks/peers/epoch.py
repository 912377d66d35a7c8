"""Case: one epoch and one evaluation of RecTools' SASRec against ours, on the same windows."""

import json
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from morec.config import TrialConfig
from morec.data.dataset import load_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.models.recommender import Samples
from morec.trainer import Trainer
from morec.workers import Workers
from tests.benchmarks.measure import Row, cpu_seconds, interleaved, ratios
from tests.benchmarks.peers.windows import write_windows
from tests.benchmarks.settings import Settings
from tests.benchmarks.world import CPU
from tune_space.study.expand import expand
from tune_space.study.load import load_study

THEIR_SIDE = Path(__file__).with_name("rectools_epoch.py")
NUM_NEGATIVES = 64
THEIR_LOSSES: Mapping[str, Mapping[str, object]] = {
    "softmax": {"loss": "softmax"},
    "gBCE": {"loss": "gBCE", "n_negatives": NUM_NEGATIVES, "gbce_t": 0.75},
    "sampled softmax": {"loss": "sampled_softmax", "n_negatives": NUM_NEGATIVES},
    "BCE": {"loss": "BCE", "n_negatives": 1},
}
"""By our arm: what RecTools is told."""
STUDY = """
question: How long is an epoch?
baseline: softmax
base:
  dataset: {dataset}
  item: {{id: true}}
  model: {{dim: {dim}, num_blocks: 1, num_heads: 2, dropout: 0.2}}
  training: {{batch_size: 64}}
arms:
  softmax: {{training.loss: full_ce}}
  gBCE: {{training: {{loss: gbce, negatives: {negatives}, calibration: 0.75}}}}
  sampled softmax: {{training: {{loss: sampled_ce, negatives: {negatives}}}}}
  BCE: {{training.loss: bce}}
"""
MOVIELENS = "{kind: movielens, max_seq_len: 50, warm: 50}"
MADE_UP = "{{kind: synthetic, num_users: {users}, num_items: {items}, max_seq_len: 20}}"
FEW_STEPS = {64: 32, 512: 8}
"""By width: so many steps stand for an epoch of 313, on which the ratio does not depend."""


def study_of(dataset: str, *, dim: int) -> str:
    """A study with one arm for each of the losses."""
    return STUDY.format(dataset=dataset, dim=dim, negatives=NUM_NEGATIVES)


class Peer:
    """RecTools in a process of its own, which answers one request after the other."""

    def __init__(self, python: Path, windows: Path, options: Mapping[str, object]) -> None:
        words = [str(python), str(THEIR_SIDE), str(windows), json.dumps(options)]
        self.process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *error: object) -> None:
        self.process.communicate()

    def seconds(self, request: str) -> float:
        """CPU seconds that ``epoch`` or ``lists`` took there."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(request + "\n")
        return float(self.process.stdout.readline())


def peer_epochs(settings: Settings) -> list[Row]:
    """MovieLens, and 20,000 users x 10,000 items at two widths; nothing without ``--peer``."""
    if settings.peer is None:
        print("peer-epochs is left out: --peer names no Python with RecTools")
        return []
    users, items = settings.size(20_000, 300), settings.size(10_000, 100)
    made_up = MADE_UP.format(users=users, items=items)
    rows = _on(settings, settings.peer, MOVIELENS, dim=64, steps=1_000)
    for dim, steps in FEW_STEPS.items():
        rows += _on(settings, settings.peer, made_up, dim=dim, steps=steps)
    return rows


def _on(settings: Settings, peer: Path, dataset: str, *, dim: int, steps: int) -> list[Row]:
    """Every loss on one data set; our evaluation and their lists once."""
    study = settings.folder / "peer-epochs.yaml"
    study.write_text(study_of(dataset, dim=dim))
    windows = settings.folder / "windows.npz"
    write_windows(study, windows)
    sizes = {"n_factors": dim, "n_blocks": 1, "n_heads": 2, "dropout_rate": 0.2, "batch_size": 64}
    rows = []
    for arm in expand(load_study(study)):
        ours = _trainer(arm.config, settings.store)
        num_steps = min(steps, -(-ours.dataset.num_users // 64))
        case = f"{ours.dataset.num_users:,} users x {ours.dataset.num_items:,} items, d = {dim}"
        options = sizes | {"steps": num_steps} | THEIR_LOSSES[arm.name]
        with Peer(peer, windows, options) as theirs:
            epoch = _seconds(settings, theirs, "epoch", partial(_train, ours, num_steps))
            rows += _rows(case, f"{num_steps} steps, {arm.name}", epoch)
            if arm.name == "softmax":
                ranked = _seconds(settings, theirs, "lists", partial(ours.evaluate, "valid"))
                rows += _rows(case, "evaluation", ranked)
    return rows


def _trainer(config: TrialConfig, folder: Path) -> Trainer:
    dataset, store = load_dataset(config.dataset, Path.cwd()), ArtefactStore(folder)
    return Trainer(config, dataset, store, workers=Workers(), device=CPU)


def _train(trainer: Trainer, steps: int) -> None:
    trainer.recommender.train()
    for batch in islice(trainer.batches(), steps):
        trainer.step(Samples.of(batch))


def _seconds(
    settings: Settings, peer: Peer, request: str, ours: Callable[[], object]
) -> dict[str, tuple[float, ...]]:
    """CPU seconds of both, in turns; while one works, the other one waits."""
    asks = {"RecTools": partial(peer.seconds, request), "ours": partial(cpu_seconds, ours)}
    return interleaved(asks, settings.rounds, measured=lambda ask: ask())


def _rows(case: str, what: str, seconds: dict[str, tuple[float, ...]]) -> list[Row]:
    found = ratios(seconds["RecTools"], seconds["ours"])
    sides = [Row(case, f"{what}, {side}", "CPU s", spent) for side, spent in seconds.items()]
    return [Row(case, f"{what}, against RecTools", "x", found), *sides]
