"""Training steps, epochs and batches: the straightforward way against ours."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import encoder_inputs
from morec.encoders.macs import count_macs
from morec.models.recommender import Samples
from morec.trainer import Trainer
from tests.benchmarks import plain, world
from tests.benchmarks.measure import Row, cpu_seconds, gemm_gflops, interleaved, peak_mib, ratios
from tests.benchmarks.settings import Settings
from tests.benchmarks.sides import plain_features, plain_ids, plain_titles, plain_trainer

BACKWARD_AND_FORWARD = 3
"""FLOPs of a training step in forward passes."""
DEPTHS = 12
"""Of layers over frozen features, from one on."""


def step_tiny(settings: Settings) -> list[Row]:
    """BERT-tiny trained end to end, batch 32."""
    return _step(settings, "tiny", 32, targets=(4.5, 7.0, 65.0))


def step_small(settings: Settings) -> list[Row]:
    """BERT-small trained end to end, batch 16."""
    return _step(settings, "small", 16, targets=(5.5, 11.0, 80.0))


def _step(
    settings: Settings, shape: str, batch_size: int, targets: tuple[float, float, float]
) -> list[Row]:
    case = f"end-to-end step, BERT-{shape}, batch {batch_size}"
    dataset = world.mind_like(batch_size, settings.size(20_000, 500))
    bert = world.bert_folder(shape, settings.folder)
    ours = _in_both_precisions(dataset, settings, item=world.text(bert), batch_size=batch_size)
    slow = plain_trainer(ours["fp32"], plain_titles(ours["fp32"], bert))
    sides = {
        "straightforward": slow.train_epoch,
        **{name: t.train_epoch for name, t in ours.items()},
    }
    seconds = interleaved(sides, settings.rounds)
    return [
        Row(
            case, "ours, fp32", "x", ratios(seconds["straightforward"], seconds["fp32"]), targets[0]
        ),
        Row(
            case, "ours, bf16", "x", ratios(seconds["straightforward"], seconds["bf16"]), targets[1]
        ),
        Row(case, "straightforward", "CPU s", seconds["straightforward"]),
        Row(case, "ours, fp32", "CPU s", seconds["fp32"]),
        *_useful_work(case, ours["fp32"], seconds["fp32"], targets[2]),
        Row(case, "a product in bf16", "GFLOP per CPU s", (gemm_gflops(torch.bfloat16),)),
        *(
            Row(case, f"peak memory, {name}", "MiB", (peak_mib(run),))
            for name, run in sides.items()
        ),
    ]


def _in_both_precisions(dataset: Dataset, settings: Settings, **options: Any) -> dict[str, Trainer]:
    return {
        precision: world.trainer(
            dataset, settings.store, training={"precision": precision}, **options
        )
        for precision in ("fp32", "bf16")
    }


def step_ids(settings: Settings) -> list[Row]:
    """Ten steps on IDs with one negative: 64 users of 40 items, 453 items.

    Against their arithmetic, which counts no products of a loss over candidates, so that only BCE
    is measured; and in bf16.
    """
    dataset = world.mind_like(settings.size(640, 64), 453, max_seq_len=50, mean_length=40)
    rows = []
    for dim, num_blocks, target in ((64, 1, 40.0), (512, 2, 67.0)):
        model = {"dim": dim, "num_blocks": num_blocks, "dropout": 0.2}
        ours = _in_both_precisions(dataset, settings, model=model, batch_size=64)
        sides = {name: trainer.train_epoch for name, trainer in ours.items()}
        seconds = interleaved(sides, settings.rounds)
        case = f"step on IDs, d = {dim}"
        rows += _useful_work(case, ours["fp32"], seconds["fp32"], target)
        rows.append(Row(case, "bf16 against fp32", "x", ratios(seconds["fp32"], seconds["bf16"])))
    return rows


def _useful_work(
    case: str, trainer: Trainer, seconds: tuple[float, ...], target: float
) -> list[Row]:
    """Multiply-accumulates that an epoch needs, against the best rate of a matrix product."""
    epoch = [Samples.of(batch) for batch in trainer.batches()]
    macs, _ = count_macs(lambda: [trainer.recommender(batch) for batch in epoch])
    gflops = [BACKWARD_AND_FORWARD * 2 * macs / s / 1e9 for s in seconds]
    best = gemm_gflops(torch.float32)
    shares = tuple(100 * rate / best for rate in gflops)
    note = f"of {best:.0f} GFLOP per CPU second"
    return [Row(case, "useful work, fp32", "% of GEMM", shares, target, note)]


def frozen_prefix(settings: Settings) -> list[Row]:
    """The top layers over precomputed states, against our own step of the whole encoder."""
    rows = []
    for shape, layers, target in (("small", 1, 4.5), ("minilm", 2, 2.5)):
        dataset = world.mind_like(16, settings.size(2_000, 500))
        bert = world.bert_folder(shape, settings.folder)
        make = partial(world.trainer, dataset, settings.store, batch_size=16)
        whole = make(item=world.text(bert))
        top = make(item=world.text(bert, layers))
        seconds = interleaved({"whole": whole.train_epoch, "top": top.train_epoch}, settings.rounds)
        case = f"top {layers} of {world.SHAPES[shape][0]} layers of {shape} over a frozen prefix"
        rows.append(
            Row(
                case, "against our full step", "x", ratios(seconds["whole"], seconds["top"]), target
            )
        )
    return rows


def batches(settings: Settings) -> list[Row]:
    """Drawing an epoch of batches with negatives, without training on them."""
    ours = world.trainer(world.mind_like(settings.size(1_000, 100), 10_000), settings.store)
    loader = plain.loader(ours.samples.trained_UL1, ours.dataset.num_items, 32)

    def drawn() -> None:
        for batch in ours.batches():
            Samples.of(batch)

    seconds = interleaved({"plain": lambda: list(loader), "ours": drawn}, settings.rounds)
    found = ratios(seconds["plain"], seconds["ours"])
    return [Row("batch building", "ours", "x", found, 10.0)]


def epochs(settings: Settings) -> list[Row]:
    """An epoch on IDs and on frozen features, at two widths; training only."""
    dataset = world.mind_like(settings.size(96, 64), 10_000)
    bert = world.bert_folder("tiny", settings.folder)
    rows = []
    for dim, target in ((512, 1.5), (64, 5.0)):
        for kind, item in (("ID", {"id": True}), ("frozen features", world.text(bert, 0))):
            ours = world.trainer(dataset, settings.store, item=item, model={"dim": dim})
            encoder = plain_ids(ours) if kind == "ID" else plain_features(ours)
            slow = plain_trainer(ours, encoder)
            seconds = interleaved(
                {"plain": slow.train_epoch, "ours": ours.train_epoch}, settings.rounds
            )
            found = ratios(seconds["plain"], seconds["ours"])
            rows.append(Row(f"{kind} epoch, d = {dim}", "ours", "x", found, target))
    return rows


def depth_study(settings: Settings) -> list[Row]:
    """Two-stage trials of 1 to 12 layers (table 5): features made once, or again in every trial.

    Twelve extractions and twelve trials are run a round. The study that shares features has the
    first extraction and the same trials.
    """
    num_epochs = 5
    dataset = world.mind_like(settings.size(160, 64), settings.size(1_000, 300))
    bert = world.bert_folder("small", settings.folder)
    make = partial(world.trainer, dataset, settings.store, model={"dim": 64})
    item = make(item=_deep(bert, 1)).config.item.text
    assert item is not None

    def extract() -> None:
        with TemporaryDirectory(dir=settings.folder) as store:
            encoder_inputs(item, dataset, ArtefactStore(Path(store)))

    def train(depth: int) -> None:
        trial = make(item=_deep(bert, depth))
        for _ in range(num_epochs):
            trial.train_epoch()
            trial.evaluate("valid")

    train(1)  # makes what the trials share
    alone, shared, extractions = [], [], []
    for _ in range(settings.rounds):
        extracted = [cpu_seconds(extract) for _ in range(DEPTHS)]
        trained = [cpu_seconds(partial(train, depth)) for depth in range(1, DEPTHS + 1)]
        alone.append(sum(extracted) + sum(trained))
        shared.append(extracted[0] + sum(trained))
        extractions += extracted
    case = f"{DEPTHS} depths of a two-stage trial"
    note = (
        f"{num_epochs} epochs a trial, d = 64; {dataset.num_users} users, {dataset.num_items} items"
    )
    return [
        Row(case, "features shared", "x", ratios(tuple(alone), tuple(shared)), 5.0, note),
        Row(case, "one extraction", "CPU s", tuple(extractions)),
        Row(case, "all, features shared", "CPU s", tuple(shared)),
    ]


def _deep(bert: Path, layers: int) -> dict[str, Any]:
    item = world.text(bert, 0)
    return {"text": item["text"] | {"dnn_layers": layers}}
