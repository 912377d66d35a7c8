"""The numbers of a new study, by plain arithmetic from its data and this machine."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from morec.data.detect.guess import Guess
from morec.data.interactions import Interactions, follows_a_tie, time_order
from morec.errors import DataError
from tune_space.inputs.data_profile import format_share

WARMS = (20, 10, 5, 0)
KEPT_BY_WARM = 0.95
"""Share of the interactions that dropping rare items leaves."""
MIN_LENGTHS = (5, 4)
"""Below 4, a user has no train target."""
MAX_LENGTHS = (10, 20, 50)
"""Model inputs; the paper has 10 and 20."""
K = 10
CHANCE = 0.1
"""The largest share of the catalogue that a list holds; more would be easy by chance."""
TRIALS = (8, 4, 2)
NUM_SEEDS = 3
MAX_EPOCHS = 30
QUICK_USERS = 500
FEWER_USERS = 50_000
"""The paper's subsets."""
HOUR_S, LONG_S = 3600, 12 * 3600
POSITIONS_PER_S, SCORES_PER_S = 75_000, 2e8
"""What one CPU trains and ranks in a second with 64 dimensions: the fusion study, measured."""
GPU_AS_CPUS = 10
"""CPUs that a GPU stands for; not measured."""

_Ints = npt.NDArray[np.int64]

MANY_TIES = 0.05
"""Share of interactions at equal times above which the study says what orders them."""


@dataclass(frozen=True)
class Machine:
    """What trials may use."""

    num_cpus: int
    num_gpus: int

    @property
    def speed(self) -> int:
        """In CPUs."""
        return GPU_AS_CPUS * self.num_gpus or self.num_cpus

    def format(self) -> str:
        """In words."""
        if self.num_gpus:
            return f"{self.num_gpus} GPU{'s' * (self.num_gpus > 1)}"
        return f"{self.num_cpus} CPU{'s' * (self.num_cpus > 1)}"


@dataclass(frozen=True)
class Sizes:
    """What is kept of a data set."""

    lengths_U: _Ints
    """Interactions of every user that is kept."""
    num_items: int


@dataclass(frozen=True)
class Settings:
    """Guesses by the place in a study that they stand in."""

    dataset: tuple[Guess, ...]
    model: tuple[Guess, ...]
    training: tuple[Guess, ...]
    evaluation: tuple[Guess, ...]
    budget: Guess
    """``trials``."""
    resources: tuple[Guess, ...]
    quick_users: int | None
    """``max_users`` of the quick form; None where all users are few."""
    advice: tuple[str, ...]


def guess_settings(
    interactions: Interactions, machine: Machine, *, num_arms: int, has_repeats: bool
) -> Settings:
    """Guess every number; ``has_repeats`` says whether the data set has the option ``repeats``.

    Raises:
        DataError: no user has enough interactions to train on.
    """
    per_item = np.bincount(interactions.item_ids)
    warm = _guess_warm(per_item)
    lengths = np.bincount(interactions.user_ids[per_item[interactions.item_ids] >= warm.value])
    shortest = _guess_shortest(lengths[lengths > 0])
    kept = lengths[lengths >= shortest.value]
    longest = _guess_longest(kept)
    sizes = Sizes(kept, int((per_item >= max(1, warm.value)).sum()))
    batch = _guess_batch(sizes, longest.value)
    trials, advice = _guess_trials(sizes, longest.value, batch.value, machine, num_arms)
    repeats = _guess_repeats(interactions) if has_repeats else []
    return Settings(
        dataset=(*repeats, shortest, longest, warm),
        model=tuple(_guess_model(machine)),
        training=(batch, Guess("max_epochs", MAX_EPOCHS, "an upper bound; patience stops earlier")),
        evaluation=tuple(_guess_cut_off(sizes.num_items)),
        budget=trials,
        resources=(Guess("gpus", 1, f"this machine has {machine.format()}"),)
        if machine.num_gpus
        else (),
        quick_users=QUICK_USERS if len(kept) > QUICK_USERS else None,
        advice=(*advice, *_advise_on_ties(interactions)),
    )


def _guess_warm(per_item: _Ints) -> Guess:
    total = per_item.sum()
    kept = {one: per_item[per_item >= one].sum() / total for one in WARMS}
    warm = next(one for one in WARMS if kept[one] >= KEPT_BY_WARM)
    num_rare = int(((per_item > 0) & (per_item < warm)).sum())
    effect = f"{num_rare:,} items are, {kept[warm]:.1%} stay" if num_rare else "no item is"
    why = (
        "items with fewer interactions are left out: the largest of "
        f"{', '.join(map(str, WARMS))} with which {KEPT_BY_WARM:.0%} of the interactions stay "
        f"({effect})"
    )
    return Guess("warm", warm, why)


def _guess_shortest(lengths_U: _Ints) -> Guess:
    shares = {one: float((lengths_U >= one).mean()) if len(lengths_U) else 0 for one in MIN_LENGTHS}
    if not any(shares.values()):
        longest = lengths_U.max(initial=0)
        raise DataError(
            f"no user has {MIN_LENGTHS[-1]} interactions (the most of one user: {longest}): the "
            "last two are for validation and test, and none is left to train on; give more data"
        )
    shortest = MIN_LENGTHS[0] if shares[MIN_LENGTHS[0]] >= 0.5 else MIN_LENGTHS[-1]
    why = (
        f"{shares[shortest]:.1%} of the users have that many; the last two interactions of a user "
        "are for validation and test"
    )
    return Guess("min_seq_len", shortest, why)


def _guess_longest(lengths_U: _Ints) -> Guess:
    most = int(np.quantile(lengths_U, 0.75, method="inverted_cdf"))
    longest = next((one for one in MAX_LENGTHS if one + 3 >= most), MAX_LENGTHS[-1])
    why = f"three quarters of these users have at most {most:,} interactions; longer ones are cut"
    return Guess("max_seq_len", longest, why)


def _guess_repeats(interactions: Interactions) -> list[Guess]:
    count = interactions.counts.get("repeated_interactions_dropped", 0)
    share = format_share(count / (len(interactions.item_ids) + count))
    why = (
        f"{share} of the interactions repeat an earlier one of the same user and item; first: "
        "those are left out, since new items are recommended; keep: they stay"
    )
    return [Guess("repeats", "first", why)]


def _advise_on_ties(interactions: Interactions) -> Iterator[str]:
    users, times = interactions.user_ids, interactions.timestamps
    order = time_order(users, times)
    share = float(follows_a_tie(users[order], times[order]).mean())
    if share > MANY_TIES:
        yield (
            f"{format_share(share)} of the interactions have the time of the user's one before. A "
            "hash orders them; if rows are written as they happen, give ties: file."
        )


def _guess_batch(sizes: Sizes, longest: int) -> Guess:
    num_users = len(sizes.lengths_U)
    batch = 64 if num_users < 10_000 else 128 if longest == MAX_LENGTHS[-1] else 256
    return Guess("batch_size", batch, f"{num_users:,} users of up to {longest} inputs")


def _guess_model(machine: Machine) -> Iterator[Guess]:
    yield Guess("dim", 256 if machine.num_gpus else 64, f"{machine.format()}; the paper has 512")
    yield Guess("num_blocks", 2 if machine.num_gpus else 1, "")
    yield Guess("dropout", 0.2, "")


def _guess_cut_off(num_items: int) -> Iterator[Guess]:
    k = max(1, min(K, int(num_items * CHANCE)))
    if k != K:
        why = f"at most a tenth of the {num_items:,} items, so that chance stays low"
        yield Guess("ks", [k], why)
        yield Guess("select", f"HR@{k}", "")


def _guess_trials(
    sizes: Sizes, longest: int, batch: int, machine: Machine, num_arms: int
) -> tuple[Guess, list[str]]:
    epoch_s = epoch_seconds(sizes, longest, batch)
    seconds = {
        one: num_arms * (one + NUM_SEEDS) * MAX_EPOCHS * epoch_s / machine.speed for one in TRIALS
    }
    trials = next((one for one in TRIALS if seconds[one] <= HOUR_S), TRIALS[-1])
    why = (
        f"search trials per arm, the most of {', '.join(map(str, TRIALS))} within an hour: "
        f"{num_arms} arms x ({trials} + {NUM_SEEDS} trials) x {MAX_EPOCHS} epochs x "
        f"{epoch_s:.2g} s on {machine.format()} are at most {format_minutes(seconds[trials])}, "
        "roughly; --plan says it by measurement once trials have finished"
    )
    num_users = len(sizes.lengths_U)
    is_long = seconds[trials] > LONG_S and num_users > FEWER_USERS
    shorter = f"max_users: {FEWER_USERS} (of {num_users:,}) would make this study shorter."
    advice = [shorter] if is_long else []
    return Guess("trials", trials, why), advice


def format_minutes(seconds: float) -> str:
    """A rough time: minutes, or hours."""
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"


def epoch_seconds(sizes: Sizes, longest: int, batch: int) -> float:
    """How long one CPU trains and validates an epoch: positions, in-batch scores, ranking."""
    num_users, num_items = len(sizes.lengths_U), sizes.num_items
    positions, in_batch = num_users * longest, batch * longest
    scores = positions * min(in_batch, num_items) * 3 + num_users * num_items
    return positions / POSITIONS_PER_S + scores / SCORES_PER_S
