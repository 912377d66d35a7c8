"""``morec.Recommender``: a trained model in a folder, without its study, its data or Ray.

Shapes: U users, B of a batch, N items, K places of a list, E width of a vector (of a late fusion,
the members' side by side).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from morec.config import TrialConfig
from morec.data.splits import left_padded
from morec.errors import DataError
from morec.evaluation import user_blocks
from morec.exports.folder import ITEM_ID, ExportFolder, read_folder
from morec.exports.histories import USER, Histories, HistoriesLike, read_histories
from morec.exports.model import candidates_of, model_of
from morec.exports.new_items import new_item_vectors
from morec.models import recommender as models
from morec.ranking import top_items

NUM_SHOWN = 5
"""Users or items named in an error."""
RANK, SCORE = "rank", "score"
UNKNOWN = "unknown_items"
"""In ``attrs`` of a table of recommendations: interactions with unknown items, left out."""


class Recommender:
    """A trained model that recommends: made by ``load``."""

    def __init__(
        self, folder: ExportFolder, model: models.Recommender, device: torch.device
    ) -> None:
        """Take an export that was read and its model, ready to rank."""
        self._folder = folder
        self._device = device
        self._model = model.to(device).eval()
        self._catalogue_N1E = self._model.encode_catalogue()
        self._is_candidate_N = candidates_of(folder).to(device)

    @classmethod
    def load(cls, folder: Path | str, device: str = "cpu") -> "Recommender":
        """Read a folder that an export wrote; nothing in it can run code.

        Raises:
            DataError: a file is missing or broken, or the folder is of another schema.
        """
        read = read_folder(Path(folder).absolute())
        return cls(read, model_of(read), torch.device(device))

    @property
    def config(self) -> TrialConfig:
        """The trial that was trained."""
        return self._folder.config

    @property
    def notes(self) -> Mapping[str, Any]:
        """Where the model comes from: ``export`` of ``config.yaml``."""
        return self._folder.notes

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The data set's own ids, in the order of the catalogue."""
        return tuple(self._folder.items[ITEM_ID])

    def recommend(
        self, histories: HistoriesLike, k: int = 10, exclude_seen: bool = True
    ) -> pd.DataFrame:
        """The k best items of every user, by ``user_id``, ``rank``, ``item_id`` and ``score``.

        Users stand in the order of ``user_ids_of``, items from rank 1. Histories are cut to the
        last ``max_seq_len`` items, as in the sealed evaluation; all of them are excluded with
        ``exclude_seen``. Equal scores stand in the catalogue's order, where the evaluation puts the
        target last. A user of whom fewer than k items are left has a shorter list. With
        ``evaluation.candidates: trained`` only those are recommended. Interactions with unknown
        items are left out and counted in ``attrs["unknown_items"]``.

        Raises:
            DataError: k is not 1 to the number of items, or a user has no known item.
        """
        num_ranked = int(self._is_candidate_N.sum())
        if not 1 <= k <= num_ranked:
            raise DataError(f"k: {k}; allowed: 1 to {num_ranked}, the items that are recommended")
        read = self._read(histories)
        lists = list(self._lists(read, k, exclude_seen=exclude_seen))
        users, items, scores = (
            np.concatenate(column) if lists else np.zeros((0, k), np.int64)
            for column in (zip(*lists, strict=True) if lists else ((), (), ()))
        )
        return self._table(read, users, items, scores)

    def user_vectors(self, histories: HistoriesLike) -> npt.NDArray[np.float32]:
        """The users' vectors, (U, E), in the order of ``user_ids_of``.

        Their dot products with ``item_vectors`` are the scores. Raises as ``recommend`` does.
        """
        batches = [vectors_BE for _, vectors_BE in self._batches(self._read(histories))]
        width = self._catalogue_N1E.shape[1]
        found = torch.cat(batches) if batches else torch.zeros(0, width)
        return cast("npt.NDArray[np.float32]", found.cpu().numpy())

    def item_vectors(self, items: pd.DataFrame | None = None) -> npt.NDArray[np.float32]:
        """The catalogue's vectors, (N, E), in the order of ``item_ids``; or those of new items.

        ``items`` has a row a new item: ``item_id``, and what the arm reads: ``title`` or the
        template's columns, ``image`` (a path), ``vector`` (numbers; of several own vectors
        ``vectors.NAME``). Every call reads the encoders anew, so give many items at once.

        Raises:
            DataError: the arm cannot encode new items, since it has an ID part or a control; or a
                column or value is missing.
        """
        if items is None:
            return self._folder.vectors_NE.copy()
        return new_item_vectors(self._folder, items)

    def user_ids_of(self, histories: HistoriesLike) -> pd.Index:
        """The users in the order of the rows of ``user_vectors``: of their first appearance."""
        return read_histories(histories, self.item_ids).user_ids

    def _read(self, histories: HistoriesLike) -> Histories:
        read = read_histories(histories, self.item_ids)
        without = read.without_items()
        if without and not self._has_user_vectors:
            shown = ", ".join(map(repr, without[:NUM_SHOWN]))
            raise DataError(
                f"histories: {len(without):,} of {len(read.user_ids):,} users have no item of the "
                f"catalogue: {shown}{', ...' if len(without) > NUM_SHOWN else ''}; leave them out"
            )
        return read

    @property
    def _has_user_vectors(self) -> bool:
        return any(one.model.has_user_vectors for one in self.config.parts)

    def _batches(self, read: Histories) -> Iterator[tuple[slice, Tensor]]:
        """The users' vectors_BE, as many at a time as the sealed evaluation reads."""
        size, length = self.config.evaluation.batch_size, self.config.dataset.max_seq_len
        users_U = self._user_numbers(read)
        for first in range(0, len(read.user_ids), size):
            rows = slice(first, min(first + size, len(read.user_ids)))
            starts, ends = read.offsets_U1[:-1][rows], read.offsets_U1[1:][rows]
            inputs_BL = left_padded(read.item_ids, starts, ends, width=length).astype(np.int64)
            inputs, users = torch.from_numpy(inputs_BL), torch.from_numpy(users_U[rows])
            yield rows, self._model.user_vectors(inputs, users, self._catalogue_N1E)

    def _user_numbers(self, read: Histories) -> npt.NDArray[np.int64]:
        """Of dssm, the users' numbers; other models know users by their histories alone."""
        if not self._has_user_vectors:
            return np.zeros(len(read.user_ids), np.int64)
        numbers = pd.to_numeric(pd.Series(read.user_ids), errors="coerce").to_numpy(np.float64)
        highest = self._folder.about.num_users - 1
        is_known = (numbers >= 0) & (numbers <= highest) & (numbers % 1 == 0)
        if not is_known.all():
            shown = ", ".join(map(repr, read.user_ids[~is_known][:NUM_SHOWN]))
            raise DataError(
                f"histories: {int((~is_known).sum()):,} users are unknown: {shown}; dssm has a "
                f"vector for the users of its training data alone, by their numbers 0 to {highest}"
            )
        found: npt.NDArray[np.int64] = numbers.astype(np.int64)
        return found

    def _lists(
        self, read: Histories, k: int, *, exclude_seen: bool
    ) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """Users' places, item ids and scores of their lists: (B,), (B, K) and (B, K)."""
        for rows, vectors_BE in self._batches(read):
            for block in user_blocks(vectors_BE, len(self._is_candidate_N)):
                first = rows.start + block.start
                users = np.arange(first, first + len(vectors_BE[block]))
                scores_BN = vectors_BE[block] @ self._catalogue_N1E[1:].T
                self._mask(scores_BN, read, users, exclude_seen=exclude_seen)
                items_BK = top_items(scores_BN, None, k)
                scores_BK = scores_BN.gather(1, (items_BK - 1).clamp(min=0))
                yield users, items_BK.cpu().numpy(), scores_BK.cpu().numpy()

    def _mask(
        self,
        scores_BN: Tensor,
        read: Histories,
        users: npt.NDArray[np.int64],
        *,
        exclude_seen: bool,
    ) -> None:
        """Write -inf where an item is not recommended, in place."""
        scores_BN.masked_fill_(~self._is_candidate_N, float("-inf"))
        if exclude_seen:
            offsets = read.offsets_U1[users[0] : users[-1] + 2]
            rows = np.repeat(np.arange(len(users)), np.diff(offsets))
            items = read.item_ids[offsets[0] : offsets[-1]].astype(np.int64) - 1
            seen = (torch.from_numpy(one).to(self._device) for one in (rows, items))
            scores_BN[tuple(seen)] = float("-inf")

    def _table(self, read: Histories, users_U: Any, items_UK: Any, scores_UK: Any) -> pd.DataFrame:
        is_item_UK = items_UK > 0
        rows, places = np.nonzero(is_item_UK)
        ids = self._folder.items[ITEM_ID].to_numpy()
        table = pd.DataFrame(
            {
                USER: read.user_ids.take(np.asarray(users_U, np.int64).ravel()[rows]),
                RANK: places + 1,
                ITEM_ID: ids[items_UK[is_item_UK] - 1],
                SCORE: scores_UK[is_item_UK],
            }
        )
        table.attrs[UNKNOWN] = read.num_unknown
        return table
