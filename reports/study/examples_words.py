"""Example users in words: which arms and seed they are of, and how they were drawn."""

from reports import formats
from reports.study.examples import ShownPair, ShownSide


def which_trials(pair: ShownPair) -> str:
    """Which two arms are shown, why these, and on which seed."""
    first, second = pair.arms
    stored = pair.stored
    why = (
        "the first comparison that the study names"
        if stored.kind == "named"
        else "the arm with the largest lead over the baseline, since the study names no comparison"
    )
    seed = f"seed {stored.seed}"
    if stored.num_seeds > 1:
        seed += (
            f", whose difference on validation is the median of {stored.num_seeds} seeds"
            if stored.num_seeds % 2
            else f", whose difference on validation is the lower median of {stored.num_seeds} seeds"
        )
    return f"{first} and {second}: {why}. Lists of {seed}."


def how_many_differ(pair: ShownPair) -> str:
    """How the two arms' ranks compare over all users whose lists are kept."""
    users, equal = pair.stored.num_users, pair.stored.num_equal
    counts = (
        f"{side.arm} ranks the target higher for {side.num_users:,}" for side in pair.stored.sides
    )
    return f"Of {formats.plural(users, 'test user')}, {', '.join(counts)}; {equal:,} have one rank."


def how_drawn(side: ShownSide) -> str:
    """How the users of a side were found."""
    if not side.users:
        return "There is no such user."
    how = side.stored
    ratio = formats.significant(how.least_ratio, 2)
    return (
        f"{len(side.users)} drawn by chance from {how.num_drawn_from:,}: those of the "
        f"{formats.plural(how.num_users, 'user')} whose ranks differ most, by a factor of {ratio} "
        "or more."
    )
