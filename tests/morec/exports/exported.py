"""Trained trials of a second, their exports, and the ranks that a full list gives their targets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.config.ensemble import joined_sources
from morec.data.dataset import Dataset
from morec.data.splits import evaluation_batches
from morec.encoders.artefacts import ArtefactStore
from morec.exports.recommender import Recommender
from morec.exports.trained import TrainedTrial, train_again
from morec.exports.write import write_export
from morec.metrics import NEVER_FOUND
from morec.results import TrialResult
from morec.trial import TrialInputs
from tests.morec.tiny_trials import (
    BERT4REC,
    DSSM,
    FROZEN_TEXT,
    GRU4REC,
    NEXTITNET,
    TRAINED_TEXT,
    tiny_config,
)

TESTED: dict[str, Any] = {"test": True, "ks": (3, 10), "select": "HR@3"}
TEXT = FROZEN_TEXT["text"]
IMAGE = {"name": "test_resnet", "pretrained": False, "size": 32}
ITEMS: dict[str, dict[str, Any]] = {
    "id": {"id": True},
    "frozen text": FROZEN_TEXT,
    "whitened text": {"text": {**TEXT, "whiten": True, "normalize": True, "dnn_layers": 1}},
    "pca of text": {"text": {**TEXT, "pca": 7}},
    "side network": {"text": {**TEXT, "side": {"width": 4}}},
    "second round": {"text": {**TEXT, "second_round": {"max_epochs": 1}}},
    "trained text": TRAINED_TEXT,
    "top layer": {"text": {**TEXT, "trainable_layers": 1}},
    "low rank": {"text": {**TEXT, "trainable_layers": "all", "lora": {"rank": 2}}},
    "frozen image": {"image": IMAGE},
    "trained image": {"image": {**IMAGE, "trainable_layers": 1, "normalization": "half"}},
    "text and image": {"text": TEXT, "image": IMAGE, "fusion": "concat", "fusion_layers": 1},
    "id and text": {"id": True, **FROZEN_TEXT, "fusion": "add"},
    "content start": {"id": True, "id_init": {"text": TEXT, "max_distance": 0.5}},
    "shuffled text": {"text": {**TEXT, "control": "shuffle"}},
    "words": {"text": {**TEXT, "name": "word-average", "trainable_layers": "all"}},
}
MODELS = {"gru4rec": GRU4REC, "nextitnet": NEXTITNET, "bert4rec": BERT4REC, "dssm": DSSM}


def config_of(name: str) -> TrialConfig:
    """A trial of ``ITEMS`` with sasrec, of ``MODELS`` with IDs, or ``late fusion``."""
    if name == "late fusion":
        members = [tiny_config(item=ITEMS[n], evaluation=TESTED) for n in ("id", "trained text")]
        return members[0].model_copy(update={"ensemble": tuple(members)})
    if name == "content members":
        members = [
            tiny_config(item=ITEMS[n], evaluation=TESTED) for n in ("whitened text", "trained text")
        ]
        return members[0].model_copy(update={"ensemble": tuple(members)})
    if name in MODELS:
        return tiny_config(model=MODELS[name], evaluation=TESTED)
    return tiny_config(item=ITEMS[name], evaluation=TESTED)


def train(config: TrialConfig, dataset: Dataset, folder: Path) -> tuple[TrainedTrial, TrialResult]:
    sources = {"data": dataset.sha256}
    if config.ensemble:
        sources = joined_sources([sources] * len(config.ensemble))
    return train_again(
        config,
        TrialInputs(dataset, ArtefactStore(folder / "artefacts"), sources),
        checkpoints=Checkpoints(folder / "checkpoints" / "trial"),
        report=lambda epochs, cost: None,
    )


def export(config: TrialConfig, dataset: Dataset, folder: Path) -> tuple[Path, TrialResult]:
    """Train, and write the export below ``folder``."""
    trial, result = train(config, dataset, folder)
    write_export(folder / "export", trial, {"study": "tiny", "seed": config.seed})
    return folder / "export", result


def test_histories(dataset: Dataset) -> tuple[dict[int, list[str]], list[str]]:
    """What the test split reads of every user, whole, and the users' targets, by items' own ids."""
    (batch,) = evaluation_batches(dataset, "test", 1000)
    histories = {
        int(user): [
            dataset.name_of(item) for item in batch.history_items[batch.history_rows == row]
        ]
        for row, user in enumerate(batch.users_B)
    }
    return histories, [dataset.name_of(item) for item in batch.targets_B]


def ranks_in(lists: pd.DataFrame, histories: Mapping[int, Any], targets: list[str]) -> list[int]:
    """The target's place among the listed scores, the last of equal ones; a miss if not listed."""
    by_user = dict(tuple(lists.groupby("user_id")))
    found = []
    for user, target in zip(histories, targets, strict=True):
        scores, items = by_user[user]["score"].to_numpy(), by_user[user]["item_id"].tolist()
        is_there = target in items
        own = scores[items.index(target)] if is_there else np.inf
        found.append(int((scores >= own).sum()) if is_there else NEVER_FOUND)
    return found


def new_items(dataset: Dataset, folder: Path, recommender: Recommender) -> pd.DataFrame:
    """The catalogue's contents as those of new items: titles, and files of images."""
    folder.mkdir()
    assert dataset.image_array is not None
    paths = [folder / f"{row}.png" for row in range(dataset.num_items)]
    for path, pixels in zip(paths, dataset.image_array, strict=True):
        Image.fromarray(np.asarray(pixels)).save(path)
    ids = [f"new {item}" for item in recommender.item_ids]
    return pd.DataFrame({"item_id": ids, "title": dataset.titles, "image": map(str, paths)})
