"""The lists that a final trial keeps in its record: the ten best items of test users, packed.

They are a by-product of the one look at the test split. Shapes: U users of the split, V users whose
lists are kept, K places of a list.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from morec.config.base import Spec
from morec.errors import DataError
from morec.packing import Ints, pack_integers, unpack_integers

PLACES = 10
"""K: so many places of a list are kept, whatever the cut-offs of the metrics are."""
KEPT_LISTS = 10_000
"""Users whose lists a trial keeps by default: at most about 400 kB of a record."""
_DRAWN_WITH = 0
"""Seed of the draw where a split has more users: the same users in all trials of a study."""


class KeptLists(Spec):
    """The best items of some users of a split, as item numbers 1 .. N of the data set."""

    places: int = Field(ge=1)
    """K: fewer than ``PLACES`` where the data has fewer items."""
    num_users: int = Field(ge=1)
    """V."""
    packed_users: str = ""
    """Which users of the split in dataset order, from 0, ascending; empty: all of them."""
    packed_targets: str
    """Every user's target."""
    packed_items: str
    """Every user's list, the best first, 0 where no candidate is left. Of equal scores the target
    stands last: a target of rank r stands at place r."""

    @property
    def users_V(self) -> npt.NDArray[np.int64]:
        """The users' numbers in the split."""
        if not self.packed_users:
            return np.arange(self.num_users)
        return unpack_integers(self.packed_users, self.num_users).astype(np.int64)

    @property
    def targets_V(self) -> Ints:
        """The users' targets."""
        return unpack_integers(self.packed_targets, self.num_users)

    @property
    def items_VK(self) -> Ints:
        """The users' lists."""
        items = unpack_integers(self.packed_items, self.num_users * self.places)
        return items.reshape(self.num_users, self.places)

    def check(self, num_users: int) -> None:
        """Unpack everything once; ``num_users``: those of the split.

        Raises:
            DataError: something cannot be unpacked, or the lists are not those of users of the
                split, in their order.
        """
        if self.num_users > num_users:
            raise DataError(f"are of {self.num_users} users; the split has {num_users}")
        users_V, _, _ = self.users_V, self.targets_V, self.items_VK
        if not (np.diff(users_V) > 0).all():
            raise DataError("are not in the order of the users, each once")
        if users_V[-1] >= num_users:
            raise DataError(f"have a user {users_V[-1]}; the split has {num_users} users")


def users_kept(num_users: int, limit: int) -> npt.NDArray[np.int64]:
    """Users of a split whose lists are kept: all, or ``limit`` of them drawn; ascending, (V,)."""
    if num_users <= limit:
        return np.arange(num_users)
    drawn = np.random.default_rng(_DRAWN_WITH).choice(num_users, limit, replace=False)
    return np.sort(drawn)


class ListKeeper:
    """Collects the lists of one worker's users while a split is ranked."""

    def __init__(self, num_users: int, limit: int) -> None:
        self.num_users = num_users
        self.users_V = users_kept(num_users, limit)
        self.rows: list[npt.NDArray[np.int64]] = []
        """Blocks of rows: user, target, then the list."""

    def add(
        self, first: int, targets_B: npt.NDArray[np.int64], items_BK: npt.NDArray[np.int64]
    ) -> None:
        """Keep the lists of a batch that begins with user ``first`` of the split."""
        begin, end = np.searchsorted(self.users_V, (first, first + len(targets_B)))
        users = self.users_V[begin:end]
        own = users - first
        columns = (users, targets_B[own], items_BK[own, :PLACES])
        self.rows.append(np.column_stack(columns))

    def joined(self, shares: Sequence[list[npt.NDArray[np.int64]]]) -> KeptLists:
        """The lists of all workers' users; ``shares``: every worker's ``rows``."""
        rows = np.concatenate([block for share in shares for block in share])
        rows = rows[np.argsort(rows[:, 0])]
        is_all = len(rows) == self.num_users
        return KeptLists(
            places=rows.shape[1] - 2,
            num_users=len(rows),
            packed_users="" if is_all else pack_integers(rows[:, 0]),
            packed_targets=pack_integers(rows[:, 1]),
            packed_items=pack_integers(rows[:, 2:]),
        )
