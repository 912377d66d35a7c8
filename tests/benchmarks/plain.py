"""The straightforward way: the mathematics of ``morec``, written as the paper's code writes it.

Every slot of a batch is encoded, padding and repetitions included; titles are padded to 30 tokens;
a data set yields one user at a time to a loader without workers, whose CPU time counts as well;
evaluation multiplies a batch of users at once. Attention is the library's default, which is faster
than the paper's own. The benchmarks compare with it; nothing depends on it.
Shapes: B users, L inputs, L1 = L + 1, D width, N items (row 0 is padding), T tokens.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
import transformers as hf
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from morec import torchvision_guard as torchvision_guard  # before transformers

Encode = Callable[[Tensor], Tensor]
Rank = Callable[[Tensor, Tensor], Tensor]
"""Scores (B, N) and targets (B,) -> ranks (B,)."""
Sample = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
TITLE_WIDTH = 30


class UserSamples(TorchDataset[Sample]):
    """One user at a time: the padded train list, and a drawn negative for every target."""

    def __init__(self, sequences_UL1: npt.NDArray[np.int32], num_items: int) -> None:
        self.sequences_UL1 = sequences_UL1
        self.num_items = num_items
        self.draw = random.Random(0).randint

    def __len__(self) -> int:
        return len(self.sequences_UL1)

    def __getitem__(self, user: int) -> Sample:
        items_L1 = self.sequences_UL1[user].astype(np.int64)
        taken = set(items_L1.tolist())
        negatives = [0] * (np.count_nonzero(items_L1 == 0) + 1)
        while len(negatives) < len(items_L1):
            negative = self.draw(1, self.num_items)
            while negative in taken:
                negative = self.draw(1, self.num_items)
            negatives.append(negative)
        return items_L1, np.array(negatives)


def loader(
    sequences_UL1: npt.NDArray[np.int32], num_items: int, batch_size: int
) -> "DataLoader[Sample]":
    """Batches of ``UserSamples`` in a random order."""
    samples = UserSamples(sequences_UL1, num_items)
    return DataLoader(samples, batch_size=batch_size, shuffle=True)


class Attention(nn.Module):
    """Multi-head attention by torch's own function."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q, self.k, self.v, self.out = (nn.Linear(dim, dim, bias=False) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BLD: Tensor, mask_B1LL: Tensor) -> Tensor:
        q, k, v = (
            project(states_BLD).unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
            for project in (self.q, self.k, self.v)
        )
        dropout = self.dropout.p if self.training else 0.0
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask_B1LL, dropout_p=dropout)
        out: Tensor = self.out(attended.transpose(1, 2).flatten(-2))
        return out


class SASRec(nn.Module):
    """The paper's user encoder over positions, one layer after the other."""

    def __init__(self, dim: int, length: int, num_blocks: int = 2, dropout: float = 0.1) -> None:
        super().__init__()
        self.positions = nn.Embedding(length, dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.dropout = nn.Dropout(dropout)
        self.attentions = nn.ModuleList(Attention(dim, 2, dropout) for _ in range(num_blocks))
        self.feeds = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), nn.Linear(4 * dim, dim))
            for _ in range(num_blocks)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=1e-6) for _ in range(2 * num_blocks))

    def forward(self, items_BLD: Tensor, is_item_BL: Tensor) -> Tensor:
        length = items_BLD.shape[1]
        states: Tensor = self.dropout(self.norm(items_BLD + self.positions.weight))
        causal = torch.ones(length, length, dtype=torch.bool).tril()
        mask = torch.where(causal & is_item_BL[:, None, None, :], 0.0, -1e9).to(states.dtype)
        for number, (attention, feed) in enumerate(zip(self.attentions, self.feeds, strict=True)):
            states = self.norms[2 * number](states + self.dropout(attention(states, mask)))
            states = self.norms[2 * number + 1](states + self.dropout(feed(states)))
        return states


class IdEncoder(nn.Module):
    """A vector per item; the padding's is one like any other and never matters."""

    def __init__(self, num_items: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_items + 1, dim)
        nn.init.xavier_normal_(self.embedding.weight)

    def forward(self, items: Tensor) -> Tensor:
        vectors: Tensor = self.embedding(items)
        return vectors


class FeatureEncoder(nn.Module):
    """Frozen features, linear layer, GELU: the two-stage trial without DNN layers."""

    def __init__(self, features_NH: Tensor, dim: int) -> None:
        super().__init__()
        self.features_NH = features_NH
        self.projection = nn.Linear(features_NH.shape[1], dim)

    def forward(self, items: Tensor) -> Tensor:
        return F.gelu(self.projection(self.features_NH[items]))


class TitleEncoder(nn.Module):
    """BERT over titles padded to their full length, first token, linear layer, GELU."""

    def __init__(self, folder: Path, tokens_NT: Tensor, dim: int) -> None:
        super().__init__()
        self.bert: Any = hf.BertModel.from_pretrained(folder, add_pooling_layer=False)
        self.projection = nn.Linear(self.bert.config.hidden_size, dim)
        self.tokens_NT = tokens_NT

    def forward(self, items: Tensor) -> Tensor:
        vectors: Tensor = self.projection(self.features(items.flatten()))
        return F.gelu(vectors).unflatten(0, items.shape)

    def features(self, items_N: Tensor) -> Tensor:
        tokens = self.tokens_NT[items_N]
        states = self.bert(tokens, attention_mask=(tokens > 0).long()).last_hidden_state
        first: Tensor = states[:, 0]
        return first


def padded_tokens(titles: Sequence[str], folder: Path) -> Tensor:
    """Token ids (N, 30); row 0, the padding item, is all padding but for one token."""
    tokenizer = hf.AutoTokenizer.from_pretrained(folder)
    rows = tokenizer(["", *titles], max_length=TITLE_WIDTH, truncation=True, padding="max_length")[
        "input_ids"
    ]
    return torch.tensor(rows)


def bce_loss(user: nn.Module, encode: Encode, items_BL1: Tensor, negatives_BL1: Tensor) -> Tensor:
    """Sum of the positives' and the negatives' mean, over the positions with a target."""
    vectors_B2LD = encode(torch.stack([items_BL1, negatives_BL1], dim=1))
    positives_BLD, negatives_BLD = vectors_B2LD.unbind(1)
    is_item_BL = items_BL1[:, :-1] > 0
    states_BLD = user(positives_BLD[:, :-1], is_item_BL)
    positive = (states_BLD * positives_BLD[:, 1:]).sum(-1)[is_item_BL]
    negative = (states_BLD * negatives_BLD[:, 1:]).sum(-1)[is_item_BL]
    return F.binary_cross_entropy_with_logits(
        positive, torch.ones_like(positive)
    ) + F.binary_cross_entropy_with_logits(negative, torch.zeros_like(negative))


class Trainer:
    """The loop: a loader, a step of AdamW with its default options, one batch after the other."""

    def __init__(
        self,
        sequences_UL1: npt.NDArray[np.int32],
        num_items: int,
        user: SASRec,
        item: nn.Module,
        batch_size: int,
    ) -> None:
        self.user = user
        self.item = item
        self.loader = loader(sequences_UL1, num_items, batch_size)
        parameters = [*user.parameters(), *item.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.1)

    def train_epoch(self) -> float:
        self.user.train()
        self.item.train()
        losses = []
        for items_BL1, negatives_BL1 in self.loader:
            self.optimizer.zero_grad()
            loss = bce_loss(self.user, self.item, items_BL1, negatives_BL1)
            loss.backward()
            self.optimizer.step()
            losses.append(float(loss.detach()))
        return sum(losses) / len(losses)


def ranks_by_sorting(scores_BN: Tensor, targets_B: Tensor) -> Tensor:
    """As the paper's code: all scores sorted, user after user."""
    orders = [torch.argsort(scores_N, descending=True) for scores_N in scores_BN]
    pairs = zip(orders, targets_B, strict=True)
    return torch.stack([1 + (order == target).nonzero()[0, 0] for order, target in pairs])


def ranks_by_counting(scores_BN: Tensor, targets_B: Tensor) -> Tensor:
    """As a good engineer would: the scores above the target's, counted for all users at once."""
    return 1 + (scores_BN > scores_BN.gather(1, targets_B[:, None])).sum(1)


@torch.no_grad()
def evaluate(
    user: SASRec,
    catalogue_ND: Tensor,
    windows_UL1: npt.NDArray[np.int64],
    histories: Sequence[npt.NDArray[np.int64]],
    *,
    batch_size: int = 512,
    rank: Rank = ranks_by_sorting,
) -> npt.NDArray[np.int64]:
    """The rank of every user's target, a window's last item, among the items not in the history."""
    user.eval()
    ranks = []
    for first in range(0, len(windows_UL1), batch_size):
        rows = slice(first, first + batch_size)
        windows_BL1 = torch.from_numpy(windows_UL1[rows])
        inputs_BL, targets_B = windows_BL1[:, :-1], windows_BL1[:, -1]
        states_BLD = user(catalogue_ND[inputs_BL], inputs_BL > 0)
        scores_BN = states_BLD[:, -1] @ catalogue_ND.T
        for scores_N, history in zip(scores_BN, histories[rows], strict=True):
            scores_N[history] = float("-inf")
        ranks.append(rank(scores_BN[:, 1:], targets_B - 1))
    return torch.cat(ranks).numpy()
