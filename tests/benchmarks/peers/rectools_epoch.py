"""RecTools' SASRec, which trains an epoch whenever it is asked to; ``epoch.py`` asks.

Runs in an environment with RecTools, without ours: ``python rectools_epoch.py WINDOWS.npz OPTIONS``

The options are SASRecModel's as JSON, and ``steps``, the batches of an epoch at most. A line
``epoch`` or ``lists`` on the standard input is answered with the CPU seconds of this process that
one epoch, or ten items for every user, took.
"""

import json
import logging
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
from rectools.dataset import Dataset
from rectools.models import SASRecModel
from rectools_sasrec import K, Windows


class OnRequest(Callback):
    """Holds the training before each epoch until one is asked for; answers when it has ended."""

    def __init__(self, recommend: Callable[[], object]) -> None:
        self.recommend = recommend
        self.start = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Recommend as often as asked, until an epoch is asked for or nobody asks any more."""
        for request in iter(sys.stdin.readline, ""):
            self.start = time.process_time()
            if request.strip() == "epoch":
                return
            self.recommend()
            answer(self.start)
            pl_module.train()
        sys.exit()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Answer with the CPU seconds of the epoch."""
        answer(self.start)


def answer(start: float) -> None:
    """Print the CPU seconds since ``start``."""
    print(time.process_time() - start, flush=True)


def endless_trainer(on_request: OnRequest, steps: int) -> Trainer:
    """A trainer without output, of as many epochs as are asked for."""
    return Trainer(
        max_epochs=10**6, callbacks=[on_request], limit_train_batches=steps, accelerator="cpu",
        logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip


def main() -> None:
    """Read the windows, build the model, train and recommend on request."""
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(1)
    seed_everything(0)
    windows, options = Windows(**np.load(sys.argv[1])), json.loads(sys.argv[2])
    steps = options.pop("steps")
    history = Dataset.construct(windows.before(2))
    users = np.arange(len(windows.offsets_U1) - 1)

    def recommend() -> None:
        model.is_fitted = True
        model.recommend(users, history, K, True)

    model = SASRecModel(
        session_max_len=int(windows.max_seq_len),
        get_trainer_func=lambda: endless_trainer(OnRequest(recommend), steps),
        **options,
    )
    model.fit(history)


if __name__ == "__main__":
    main()
