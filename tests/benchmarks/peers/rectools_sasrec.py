"""RecTools' SASRec on our windows; runs in an environment with RecTools, without ours.

Search trials are chosen by HR@10 on validation; then one training per seed, and the test targets
are ranked once each. ``python rectools_sasrec.py WINDOWS.npz OUT.json --loss gBCE``
"""

import argparse
import copy
import json
import logging
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

K = 10
DIM, DROPOUT, BATCH_SIZE = 64, 0.2, 64
NUM_NEGATIVES, GBCE_T = 256, 0.75
LR = (1e-3, 2e-2)
BLOCKS = (1, 2)
MAX_EPOCHS = 200


@dataclass(frozen=True)
class Windows:
    """Users' windows; the last item is for test, the one before for validation."""

    offsets_U1: np.ndarray
    item_ids: np.ndarray
    max_seq_len: int

    def before(self, num_held_out: int) -> pd.DataFrame:
        """Every interaction but each user's last ``num_held_out``, as RecTools reads them."""
        lengths = np.diff(self.offsets_U1)
        users = np.repeat(np.arange(len(lengths)), lengths)
        places = np.arange(len(users)) - self.offsets_U1[users]
        is_kept = places < lengths[users] - num_held_out
        times = pd.Timestamp("2020-01-01") + pd.to_timedelta(places[is_kept], unit="s")
        columns = (users[is_kept], self.item_ids[is_kept], 1.0, times)
        names = (Columns.User, Columns.Item, Columns.Weight, Columns.Datetime)
        return pd.DataFrame(dict(zip(names, columns, strict=True)))

    def targets(self, num_held_out: int) -> np.ndarray:
        """The first item that ``before`` leaves out, of every user."""
        return self.item_ids[self.offsets_U1[1:] - num_held_out]


class BestEpoch(Callback):
    """Keeps the weights of the best epoch and ends the training ``patience`` epochs later.

    One ``fit`` for the whole training: ``fit_partial`` would begin Adam anew at every epoch.
    """

    def __init__(self, score: Callable[[], float], patience: int) -> None:
        """``score`` ranks the validation targets with the model as it stands."""
        self.score, self.patience = score, patience
        self.best, self.waited = -1.0, 0
        self.weights: dict[str, torch.Tensor] = {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Rank the validation targets, keep the weights if they are the best so far."""
        score = self.score()
        pl_module.train()
        self.waited = 0 if score > self.best else self.waited + 1
        if not self.waited:
            self.best, self.weights = score, copy.deepcopy(pl_module.torch_model.state_dict())
        trainer.should_stop = self.waited > self.patience


def quiet_trainer(best_epoch: BestEpoch) -> Trainer:
    """A trainer without output, that ``best_epoch`` ends."""
    return Trainer(
        max_epochs=MAX_EPOCHS, callbacks=[best_epoch], logger=False, accelerator="cpu",
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip


def ranks_of(model: SASRecModel, windows: Windows, num_held_out: int) -> np.ndarray:
    """Each user's rank of the target within the first ``K``; 0 where it is none of them."""
    targets = windows.targets(num_held_out)
    lists = model.recommend(
        np.arange(len(targets)), Dataset.construct(windows.before(num_held_out)), K, True
    )
    hits = lists[lists[Columns.Item].to_numpy() == targets[lists[Columns.User].to_numpy()]]
    ranks_U = np.zeros(len(targets), dtype=int)
    ranks_U[hits[Columns.User].to_numpy()] = hits[Columns.Rank].to_numpy()
    return ranks_U


@dataclass(frozen=True)
class Setting:
    """What a search trial draws."""

    lr: float
    n_blocks: int


def train(
    windows: Windows, loss: str, patience: int, setting: Setting, seed: int
) -> tuple[float, np.ndarray]:
    """Train with early stopping; the best validation HR@10, and the test ranks at that epoch."""
    seed_everything(seed)

    def valid_hit_rate() -> float:
        model.is_fitted = True
        return float(np.mean(ranks_of(model, windows, 2) > 0))

    model = SASRecModel(
        n_heads=2, n_factors=DIM, dropout_rate=DROPOUT, session_max_len=windows.max_seq_len,
        loss=loss, n_negatives=NUM_NEGATIVES, gbce_t=GBCE_T, batch_size=BATCH_SIZE,
        get_trainer_func=lambda: quiet_trainer(BestEpoch(valid_hit_rate, patience)),
        **asdict(setting),
    )  # fmt: skip
    model.fit(Dataset.construct(windows.before(2)))
    # RecTools trains with a copy of its trainer, so the epoch that counts is the copy's.
    best_epoch = next(one for one in model.fit_trainer.callbacks if isinstance(one, BestEpoch))
    model.torch_model.load_state_dict(best_epoch.weights)
    return best_epoch.best, ranks_of(model, windows, 1)


def main() -> None:
    """Search, lock, train once per seed, write the test ranks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("windows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--loss", default="softmax")
    parser.add_argument("--patience", type=int, default=30)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    windows, draw = Windows(**np.load(asked.windows)), np.random.default_rng(0)
    trained = partial(train, windows, asked.loss, asked.patience)
    tried = []
    for _ in range(asked.trials):
        lr = float(np.exp(draw.uniform(*np.log(LR))))
        setting = Setting(lr, int(draw.choice(BLOCKS)))
        tried.append((trained(setting, seed=0)[0], setting))
        print(tried[-1], flush=True)
    chosen = max(tried, key=lambda pair: pair[0])[1]
    finals = [trained(chosen, seed) for seed in range(1, asked.seeds + 1)]
    ranks = [final[1].tolist() for final in finals]
    found = {"loss": asked.loss, "setting": asdict(chosen), "ranks": ranks}
    asked.out.write_text(json.dumps(found))
    print(asked.loss, chosen, "test HR@10", [float(np.mean(np.array(r) > 0)) for r in ranks])


if __name__ == "__main__":
    main()
