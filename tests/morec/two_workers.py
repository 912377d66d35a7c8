"""What each of two workers does in ``test_workers.py``; run as a script, the second of them."""

import json
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from morec.config import TrialConfig
from morec.data.dataset import Dataset, open_dataset
from morec.encoders.artefacts import ArtefactStore
from morec.gradient_sums import SMALL, GradientSums
from morec.models.recommender import Samples
from morec.results import TrialResult
from morec.trainer import Trainer
from morec.workers import Workers

_SAME: dict[str, Any] = {"model": {"dropout": 0.0}, "evaluation": {"test": True}}
_TEXT = {"text": {"name": "tiny-random", "pretrained": False, "max_tokens": 6}}
CONFIGS: dict[str, dict[str, Any]] = {
    "bce": {**_SAME, "training": {"loss": "bce"}},
    "in_batch_ce": {**_SAME, "training": {"loss": "in_batch_ce"}},
    "dssm": {**_SAME, "model": {"kind": "dssm", "dropout": 0.0, "mlp_layers": 1}},
    "gru4rec": {**_SAME, "model": {"kind": "gru4rec", "dropout": 0.0}},
    "nextitnet": {**_SAME, "model": {"kind": "nextitnet", "dropout": 0.0}},
    "bert4rec": {**_SAME, "model": {"kind": "bert4rec", "dropout": 0.0}},
    "nextitnet in_batch_ce": {
        **_SAME,
        "model": {"kind": "nextitnet", "dropout": 0.0},
        "training": {"loss": "in_batch_ce"},
    },
    "bert4rec full_ce": {
        **_SAME,
        "model": {"kind": "bert4rec", "dropout": 0.0},
        "training": {"loss": "full_ce"},
    },
    "text sampled_ce": {
        **_SAME,
        "item": _TEXT,
        "training": {"loss": "sampled_ce", "negatives": 9, "shared_negatives": True},
    },
    "clipped text": {**_SAME, "item": _TEXT, "optim": {"clip_norm": 0.1}},
    "text in_batch_ce": {**_SAME, "item": _TEXT, "training": {"loss": "in_batch_ce"}},
    "scheduled": {**_SAME, "optim": {"schedule": "cosine", "warmup_steps": 3}},
    "shuffled text": {**_SAME, "item": {"text": {**_TEXT["text"], "control": "shuffle"}}},
    "text in chunks": {**_SAME, "item": _TEXT, "training": {"micro_items": 3}},
    "continued by two": {**_SAME, "item": _TEXT},
}
"""Sections of trials without dropout; batches of 8 of 41 users leave one over, for one worker."""
IN_BF16: dict[str, Any] = {
    **_SAME,
    "item": _TEXT,
    "training": {"loss": "in_batch_ce", "precision": "bf16"},
}
BEGUN_BY_TWO: dict[str, Any] = {**_SAME, "item": _TEXT}
"""Of a trial that both workers leave after an epoch."""
TIMEOUT = timedelta(seconds=120)


def join(rank: int, folder: Path) -> Workers:
    """Meet the other worker over a file."""
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2, timeout=TIMEOUT
    )
    return Workers(rank, 2)


def work(workers: Workers, home: Path, tiny: ModuleType) -> dict[str, Any]:
    """Use everything workers share; trials as JSON by name. ``tiny`` is ``tiny_trials``."""
    dataset = open_dataset(home / "dataset")

    def run(sections: dict[str, Any], folder: Path, **options: Any) -> TrialResult:
        config = tiny.tiny_config(**sections)
        return tiny.run(config, dataset, folder, workers=workers, **options)

    trials = {name: run(sections, home / name) for name, sections in CONFIGS.items()}
    trials["in bf16"] = run(IN_BF16, home / "in bf16")
    with suppress(SystemExit):
        run(BEGUN_BY_TWO, home / "begun by two", report=_leave)
    return {
        "in fp64": {
            name: step_in_fp64(tiny.tiny_config(**in_fp64(training)), dataset, home, workers)
            for name, training in tiny.TRAININGS.items()
        },
        "collectives": use_collectives(workers),
        **{name: json.loads(result.model_dump_json()) for name, result in trials.items()},
    }


def in_fp64(training: dict[str, Any]) -> dict[str, Any]:
    """Sections of a trial whose last batch is uneven."""
    return {**_SAME, "item": _TEXT, "training": {**training, "batch_size": 7}}


def step_in_fp64(
    config: TrialConfig, dataset: Dataset, home: Path, workers: Workers
) -> dict[str, list[float]]:
    """A worker's part of the loss, and the gradient of every parameter, summed over workers."""
    store = ArtefactStore(home / "artefacts")
    trainer = Trainer(config, dataset, store, workers=workers, device=torch.device("cpu"))
    trainer.recommender.double().train()
    trainer.sums.begin()
    loss = trainer.gradients.compute(Samples.of(next(trainer.batches())))
    trainer.sums.finish()
    named = dict(trainer.recommender.named_parameters())
    gradients = {name: _gradient(p).flatten().tolist() for name, p in named.items()}
    return {"loss": [loss.item()], **gradients}


def _gradient(parameter: nn.Parameter) -> torch.Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def _leave(*_: object) -> None:
    raise SystemExit


def use_collectives(workers: Workers) -> dict[str, Any]:
    """Sums, means and gathers of values that tell the workers apart."""
    touched, untouched = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    touched.grad = torch.full((2,), 1.0 + workers.rank)
    if workers.is_first:
        untouched.grad = torch.full((2,), 5.0)
    large = nn.Parameter(torch.zeros(SMALL + 1))
    large.grad = torch.full_like(large, 7.0 + workers.rank)
    GradientSums([touched, large, untouched], workers).finish()
    norm = nn.BatchNorm1d(1)
    norm(torch.tensor([[0.0], [2.0 + 2 * workers.rank]]))
    workers.average_buffers(norm)
    workers.wait()
    return {
        "shares": use_shares(workers),
        "sum": workers.sum(torch.tensor(10.0**workers.rank)).item(),
        "gather": workers.gather({"rank": workers.rank}),
        "gradients": [touched.grad.tolist(), untouched.grad.tolist()],
        "large gradient": large.grad.unique().tolist(),
        "running_mean": norm.running_mean.item(),
    }


def use_shares(workers: Workers) -> dict[str, Any]:
    """Five ids, of which each worker encodes three and weighs all in a loss of its own."""
    encoded: list[list[int]] = []
    scale = nn.Parameter(torch.tensor(10.0))

    def encode(ids_U: torch.Tensor) -> torch.Tensor:
        encoded.append(ids_U.tolist())
        return scale * ids_U[:, None]

    vectors_UD = workers.encode_shares(encode, torch.tensor([1, 2, 3, 4, 5]))
    weights_U1 = torch.tensor([[1.0], [10.0], [100.0], [1000.0], [10000.0]])
    torch.autograd.backward((1 + workers.rank) * (weights_U1 * vectors_UD).sum())
    assert scale.grad is not None
    return {
        "encoded": encoded,
        "vectors": vectors_UD.flatten().tolist(),
        "gradient": scale.grad.item(),
    }


def main(home: Path) -> None:
    """Be the second worker; leave what it got in ``second.json``."""
    import tiny_trials  # as a script, this file's neighbour

    torch.set_num_threads(1)
    (home / "second.json").write_text(json.dumps(work(join(1, home), home, tiny_trials)))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
