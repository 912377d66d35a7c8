"""Cases: what was tried, kept or not, or is done at a cost; the decisions quote its numbers."""

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from morec import torchvision_guard as torchvision_guard  # before timm
from morec.dropout import dropout
from tests.benchmarks import world
from tests.benchmarks.measure import Row, cpu_seconds, interleaved, ratios
from tests.benchmarks.settings import Settings

RATE = 0.1
"""Share of the values that dropout removes."""


def tried(settings: Settings) -> list[Row]:
    """Dropout's draws, channels last, counting lists."""
    return [*_dropout(settings), *_channels_last(settings), *_lists(settings)]


def _dropout(settings: Settings) -> list[Row]:
    """Of the states of one layer of BERT-small in a step of batch 32."""
    states = torch.randn(settings.size(9_000, 90), 512)
    sides = {"torch": lambda: F.dropout(states, RATE), "packed": lambda: dropout(states, RATE)}
    seconds = interleaved(sides, settings.rounds)
    found = ratios(seconds["torch"], seconds["packed"])
    case = f"dropout of {len(states):,} x 512 values"
    return [Row(case, "16-bit draws against torch's", "x", found)]


def _channels_last(settings: Settings) -> list[Row]:
    """EfficientNet-lite0, forward and backward."""
    import timm

    images = torch.randn(settings.size(8, 1), 3, 224, 224)
    model = timm.create_model("efficientnet_lite0", pretrained=False)
    last = timm.create_model("efficientnet_lite0", pretrained=False)
    sides = {
        "first": partial(_step, model, images),
        "last": partial(
            _step,
            last.to(memory_format=torch.channels_last),
            images.contiguous(memory_format=torch.channels_last),
        ),
    }
    seconds = interleaved(sides, settings.rounds)
    found = ratios(seconds["first"], seconds["last"])
    return [Row(f"EfficientNet-lite0, {len(images)} images", "channels last", "x", found)]


def _lists(settings: Settings) -> list[Row]:
    """The test split's lists are counted, validation's are not."""
    rows = []
    for num_items in (settings.size(1_700, 300), settings.size(10_000, 500)):
        dataset = world.mind_like(settings.size(1_000, 100), num_items)
        ours = world.trainer(dataset, settings.store, model={"dim": 64})
        sides = {split: partial(ours.evaluate, split) for split in ("test", "valid")}
        seconds = interleaved(sides, settings.rounds)
        pairs = zip(seconds["test"], seconds["valid"], strict=True)
        spent = tuple(1000 * (test - valid) for test, valid in pairs)
        case = f"lists of {dataset.num_users:,} users, {num_items:,} items"
        alone = tuple(1000 * valid for valid in seconds["valid"])
        rows += [
            Row(case, "counting them", "CPU ms", spent, is_difference=True),
            Row(case, "ranking alone", "CPU ms", alone),
        ]
    return rows


def compiled(settings: Settings) -> list[Row]:
    """``torch.compile`` of the user tower, batch 32, d = 512."""
    dataset = world.mind_like(32, settings.size(2_000, 300))
    tower = world.trainer(dataset, settings.store).recommender.user_encoder
    items_BLD = torch.randn(32, dataset.max_seq_len, tower.dim)
    is_item_BL = torch.ones(items_BLD.shape[:2], dtype=torch.bool)
    inputs = (items_BLD, is_item_BL, torch.arange(32))
    fast = partial(_step, torch.compile(tower), *inputs)
    first = cpu_seconds(fast)
    seconds = interleaved({"plain": partial(_step, tower, *inputs), "fast": fast}, settings.rounds)
    found = ratios(seconds["plain"], seconds["fast"])
    case = f"user tower, batch 32, d = {tower.dim}"
    return [
        Row(case, "torch.compile", "x", found),
        Row(case, "compiling, without its subprocesses", "CPU s", (first,)),
    ]


def _step(model: Callable[..., Tensor], *inputs: Tensor) -> None:
    """Forward and backward."""
    model(*inputs).sum().backward()
