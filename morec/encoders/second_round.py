"""Second-round pre-training: go on with self-supervision on the catalogue before the sweep.

Paper, table 8. What is masked and predicted is an ``Objective`` (``mlm``, ``mae``); the loop, its
checkpoints and the artefact are here. Shapes: N items of the catalogue, row r = item r + 1; B rows
of a batch.
"""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from morec.checkpoints import Checkpoints
from morec.config import MaskedAutoencodingSpec, MaskedLanguageSpec
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.frozen import frozen_device
from morec.encoders.weights.pretrained import quiet
from morec.errors import SpecError

SecondRoundSpec = MaskedLanguageSpec | MaskedAutoencodingSpec
ENCODER_FOLDER = "encoder"
LOSSES = "losses.json"
STORED = ("model", "optimizer", "best_weights", "train_losses", "valid_losses", "spent_s")
"""Parts of a round's checkpoint: its state after the last epoch, and what it has come to so far."""


class Objective(Protocol):
    """A model of the transformers library, and what it has to predict of an item."""

    title: str
    """Encoder and objective, in words."""
    where: str
    """The specification's place in a trial, for errors."""
    num_items: int
    model: Any

    def loss(self, rows_B: Tensor) -> tuple[Tensor, int]:
        """Mean loss and number of predictions; masks are drawn from torch's random state."""
        ...

    def save(self, folder: Path) -> None:
        """Write what the encoder needs to be loaded again, as ``save_pretrained`` does."""
        ...


def second_round(
    name: str,
    key: Mapping[str, Any],
    spec: SecondRoundSpec,
    make_objective: Callable[[], Objective],
    store: ArtefactStore,
) -> Artefact:
    """Find or train the encoder of ``key`` and ``spec``; see ``trained_folder`` and ``losses_of``.

    AdamW with a constant learning rate on every parameter. Kept is the epoch with the lowest loss
    on the items held out; the untouched weights count as epoch 0 and may win. An interrupted round
    continues after its last whole epoch, on the CPU with the same bits.

    Raises:
        DataError: the weights cannot be had.
        SpecError: the encoder cannot do this, or the loss does not stay finite.
    """

    def make(folder: Path) -> float:
        with _own_randomness(spec.seed):
            training = _Training(make_objective(), spec, _checkpoints(folder.with_suffix("")))
            training.run()
            training.save(folder)
            return training.earlier_s

    full_key = {**key, "second_round": spec.model_dump(mode="json")}
    artefact = store.get_or_make(name, full_key, make)
    # The driver's process outlives this, and the trials need the GPU's memory.
    torch.cuda.empty_cache()
    _checkpoints(artefact.path.with_name(f".{artefact.path.name}")).remove()
    return artefact


def trained_folder(artefact: Artefact) -> Path:
    """The encoder after its second round, as a folder that a specification can name."""
    return artefact.path / ENCODER_FOLDER


def losses_of(artefact: Artefact) -> dict[str, tuple[float, ...]]:
    """``train``: one loss per epoch; ``valid``: one more, of the untouched weights, comes first.

    Empty for any other artefact.
    """
    path = artefact.path / LOSSES
    if not path.exists():
        return {}
    losses = json.loads(path.read_text(encoding="utf-8"))
    return {split: tuple(values) for split, values in losses.items()}


class _Training:
    """The state of ``second_round``.

    An epoch's order, masks and dropout are drawn from the seed and its number alone, so that a
    checkpoint needs no random state and every validation masks the same.
    """

    def __init__(self, objective: Objective, spec: SecondRoundSpec, checkpoints: Checkpoints):
        self.started = time.perf_counter()
        self.objective = objective
        self.spec = spec
        self.checkpoints = checkpoints
        self.model = objective.model.to(frozen_device())
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=spec.lr, weight_decay=spec.weight_decay
        )
        self.valid_rows, self.train_rows = _split(objective.num_items, spec)
        self.train_losses: list[float] = []
        self.valid_losses: list[float] = []
        self.best_weights: dict[str, Tensor] = {}
        self.earlier_s = 0.0

    def run(self) -> None:
        """Train to the last epoch, from the last checkpoint if there is one."""
        if not self._continue_from_checkpoint():
            self._validate()
        for epoch in range(len(self.valid_losses), self.spec.max_epochs + 1):
            _draw_from(self.spec.seed, epoch)
            self.train_losses.append(self._mean_loss(self.train_rows, trains=True))
            self._validate()
            self._save_checkpoint()

    def save(self, folder: Path) -> None:
        """Write the best epoch's encoder and the losses of all."""
        self.model.load_state_dict(self.best_weights)
        (folder / ENCODER_FOLDER).mkdir()
        with quiet():
            self.objective.save(folder / ENCODER_FOLDER)
        losses = {"train": self.train_losses, "valid": self.valid_losses}
        (folder / LOSSES).write_text(json.dumps(losses) + "\n", encoding="utf-8")
        if min(self.valid_losses) == self.valid_losses[0]:
            self._print("no epoch beats the untouched weights, which are kept")

    def _validate(self) -> None:
        _draw_from(self.spec.seed, 0)
        loss = self._mean_loss(self.valid_rows, trains=False)
        if loss < min(self.valid_losses, default=math.inf):
            weights = self.model.state_dict()
            self.best_weights = {
                name: tensor.to("cpu", copy=True) for name, tensor in weights.items()
            }
        trained = [f"train {loss:.2f}" for loss in self.train_losses[-1:]]
        self._print(", ".join([self._epoch(), *trained, f"valid {loss:.2f}"]))
        self.valid_losses.append(loss)

    def _mean_loss(self, rows_N: Tensor, *, trains: bool) -> float:
        """Mean over the predictions of all rows; a batch without predictions is skipped."""
        self.model.train(trains)
        total, num_predicted = torch.zeros((), dtype=torch.float64), 0
        order_N = torch.randperm(len(rows_N)) if trains else torch.arange(len(rows_N))
        for rows_B in torch.split(rows_N[order_N], self.spec.batch_size):
            with torch.set_grad_enabled(trains):
                loss, num = self.objective.loss(rows_B)
            if num == 0:
                continue
            if trains:
                self._step(loss)
            total = total.to(loss.device) + num * loss.detach()
            num_predicted += num
        self._check(total, num_predicted, "training" if trains else "validation")
        return float(total) / num_predicted

    def _step(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def _check(self, total: Tensor, num_predicted: int, split: str) -> None:
        where = self.objective.where
        if num_predicted == 0:
            raise SpecError(
                f"{where}: nothing is masked in the {split} items, so there is no {split} loss; "
                f"raise mask_share ({self.spec.mask_share:g}) or valid_share "
                f"({self.spec.valid_share:g} of {self.objective.num_items} items)"
            )
        if not total.isfinite():
            self.checkpoints.remove()
            raise SpecError(
                f"{where}: the {split} loss became {float(total)} in {self._epoch()}; "
                f"lower lr ({self.spec.lr:g})"
            )

    def _epoch(self) -> str:
        return f"epoch {len(self.valid_losses)}/{self.spec.max_epochs}"

    def _print(self, words: str) -> None:
        print(f"second round: {self.objective.title}, {words}", flush=True)

    def _save_checkpoint(self) -> None:
        self.checkpoints.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "best_weights": self.best_weights,
                "train_losses": self.train_losses,
                "valid_losses": self.valid_losses,
                "spent_s": self.earlier_s + time.perf_counter() - self.started,
            }
        )

    def _continue_from_checkpoint(self) -> bool:
        state = self.checkpoints.load()
        if state is None:
            return False
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.best_weights = state["best_weights"]
        self.train_losses, self.valid_losses = state["train_losses"], state["valid_losses"]
        self.earlier_s = state["spent_s"]
        self._print(f"goes on after {len(self.train_losses)} epochs")
        return True


def _split(num_items: int, spec: SecondRoundSpec) -> tuple[Tensor, Tensor]:
    """Rows of the validation and of the training items, drawn from the seed alone."""
    rows_N = torch.randperm(num_items, generator=torch.Generator().manual_seed(spec.seed))
    num_valid = min(max(round(spec.valid_share * num_items), 1), num_items - 1)
    return rows_N[:num_valid], rows_N[num_valid:]


def _checkpoints(folder: Path) -> Checkpoints:
    beside = folder.with_name(f"{folder.name}.checkpoint")
    return Checkpoints(beside, stored=dict.fromkeys(STORED, ()))


def _draw_from(seed: int, epoch: int) -> None:
    torch.manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Draw from ``seed`` inside, and leave the trial's own randomness as it was."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
