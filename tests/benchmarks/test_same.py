"""The two sides of every benchmark compute the same: in fp64, without dropout.

Negatives are the batch's own, so that both sides get the same ones.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from morec.data.dataset import Dataset
from morec.data.splits import evaluation_batches
from morec.trainer import Trainer
from tests.benchmarks import plain, world
from tests.benchmarks.sides import plain_features, plain_ids, plain_titles, plain_user

NUM_USERS, NUM_ITEMS, DIM = 12, 60, 16
SIDES = ["id", "features", "titles"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("benchmarks")


def both_sides(
    kind: str, folder: Path, dataset: Dataset | None = None
) -> tuple[Trainer, plain.SASRec, nn.Module]:
    dataset = dataset or world.mind_like(NUM_USERS, NUM_ITEMS, max_seq_len=10)
    bert = world.bert_folder("micro", folder)
    items = {"id": {"id": True}, "features": world.text(bert, 0), "titles": world.text(bert)}
    ours = world.trainer(
        dataset,
        folder / "store",
        item=items[kind],
        model={"dim": DIM, "dropout": 0.0},
        batch_size=NUM_USERS,
    )
    makers = {
        "id": plain_ids,
        "features": plain_features,
        "titles": lambda trainer: plain_titles(trainer, bert),
    }
    theirs, user = makers[kind](ours), plain_user(ours.recommender.user_encoder)
    for module in (ours.recommender, theirs, user):
        module.double()
        _without_dropout(module)
    if kind == "features":
        theirs.features_NH = theirs.features_NH.double()
    return ours, user, theirs


def _without_dropout(model: nn.Module) -> None:
    for module in model.modules():
        for name in ("p", "dropout_p", "dropout_prob"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)


def first_batch(ours: Trainer) -> tuple[Tensor, Tensor]:
    """Items and negatives (B, L1) of the batch the next epoch begins with."""
    state = ours.generator.bit_generator.state
    batch = next(ours.batches())
    ours.generator.bit_generator.state = state
    negatives_BL1 = np.pad(batch.negatives_BTK[..., 0], ((0, 0), (1, 0)))
    return torch.from_numpy(batch.items_BL1), torch.from_numpy(negatives_BL1)


def plain_loss(user: nn.Module, items: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
    return plain.bce_loss(user.train(), items.train(), *batch)


@st.composite
def worlds(draw: st.DrawFn) -> Dataset:
    """Some users whose histories have other lengths each, and titles of any length."""
    num_users, num_items = draw(st.integers(2, NUM_USERS)), draw(st.integers(40, NUM_ITEMS))
    length = draw(st.integers(4, 20))
    return world.mind_like(num_users, num_items, max_seq_len=length, seed=draw(st.integers(0, 99)))


@pytest.mark.parametrize("kind", SIDES)
@settings(deadline=None, max_examples=5)
@given(dataset=worlds())
def test_both_sides_have_one_loss_and_one_gradient_whatever_the_shape(
    kind: str, folder: Path, dataset: Dataset
) -> None:
    ours, user, items = both_sides(kind, folder, dataset)
    expected = plain_loss(user, items, first_batch(ours))
    expected.backward()
    assert ours.train_epoch() == pytest.approx(expected.item(), abs=1e-10)
    pairs = [(ours.recommender.user_encoder.positions.weight, user.positions.weight)]
    if kind == "id":
        pairs += [
            (ours.recommender.item_encoder.parts["id"].embedding.weight, items.embedding.weight)
        ]
    else:
        part = ours.recommender.item_encoder.parts["text"]
        pairs += [(part.projection[0].weight, items.projection.weight)]
    if kind == "titles":
        stack = part.encoder.stack
        words, *theirs = [*items.bert.embeddings.parameters(), *items.bert.encoder.parameters()]
        kept, *mine = [*stack.embedding.parameters(), *stack.layers.parameters()]
        pairs += zip(mine, theirs, strict=True)
        used_V = items.tokens_NT[1:].unique()[1:]  # without the padding
        assert kept.grad is not None and words.grad is not None
        torch.testing.assert_close(kept.grad, words.grad[used_V], rtol=0, atol=1e-10)
        # Theirs reads padding and the padding item's title as well; the loss sees neither.
        words.grad[used_V] = 0
        assert not words.grad.any()
    for mine, theirs in pairs:
        assert theirs.grad is not None and mine.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", SIDES)
def test_another_negative_would_be_noticed(kind: str, folder: Path) -> None:
    ours, user, items = both_sides(kind, folder)
    if kind == "id":
        nn.init.normal_(items.embedding.weight, std=0.5)
    items_BL1, negatives_BL1 = first_batch(ours)
    changed = negatives_BL1.clone()
    changed[0, -1] = changed[0, -1] % NUM_ITEMS + 1
    losses = [plain_loss(user, items, (items_BL1, n)).item() for n in (negatives_BL1, changed)]
    assert abs(losses[0] - losses[1]) > 1e-3


@pytest.mark.parametrize("rank", [plain.ranks_by_sorting, plain.ranks_by_counting])
@pytest.mark.parametrize("kind", SIDES)
@settings(deadline=None, max_examples=5)
@given(dataset=worlds())
def test_both_sides_have_the_same_ranks_whatever_the_shape(
    kind: str, rank: plain.Rank, folder: Path, dataset: Dataset
) -> None:
    ours, user, items = both_sides(kind, folder, dataset)
    batch = next(evaluation_batches(dataset, "valid", NUM_USERS))
    rows = range(dataset.num_users)
    histories = [batch.history_items[batch.history_rows == row] for row in rows]
    with torch.no_grad():
        catalogue_ND = items.eval()(torch.arange(dataset.num_items + 1))
    windows_UL1 = np.column_stack([batch.inputs_BL, batch.targets_B])
    ranks = plain.evaluate(user, catalogue_ND, windows_UL1, histories, batch_size=5, rank=rank)
    assert ours.evaluate("valid").ranks.tolist() == ranks.tolist()


def test_the_loader_gives_what_ours_gives(folder: Path) -> None:
    ours, *_ = both_sides("id", folder)
    sequences = ours.samples.trained_UL1
    (items_BL1, negatives_BL1), *rest = plain.loader(sequences, NUM_ITEMS, NUM_USERS)
    assert not rest
    assert sorted(items_BL1.tolist()) == sorted(sequences.tolist())
    assert torch.equal(negatives_BL1[:, 1:] > 0, items_BL1[:, :-1] > 0)
    assert not negatives_BL1[:, 0].any()
    for items, negatives in zip(items_BL1.tolist(), negatives_BL1.tolist(), strict=True):
        assert not (set(items) & set(negatives)) - {0}
