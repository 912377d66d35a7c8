"""Statistics, contrasts, verdict and summary."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "reports/study/statistics.py",
        "sign_flip_p",
        "def sign_flip_p(difference_U: Floats, *, num_flips: int = NUM_FLIPS, "
        "rng_seed: int = 0) -> float:",
        "def sign_flip_p(difference_U: Floats, *, num_flips: int = NUM_FLIPS, "
        "rng_seed: int = (1)) -> float:",
    ): "other flips, drawn alike",
    (
        "reports/study/statistics.py",
        "sign_flip_p",
        "flipped_F += sums_256[rng.integers(256, size=num_flips, dtype=np.uint8)]",
        "flipped_F += sums_256[(rng.integers(256, size=num_flips))]",
    ): "other flips, drawn alike",
    (
        "reports/study/statistics.py",
        "Difference.users_needed",
        "numbers: list[int] = np.geomspace(users + 1, MAX_FACTOR * users, "
        "200).astype(int).tolist()",
        "numbers: list[int] = np.geomspace(users + 1, MAX_FACTOR * users, "
        "(201)).astype(int).tolist()",
    ): "how finely numbers of users are tried is a choice",
    (
        "reports/study/contrasts.py",
        "Contrast.finding",
        "is_better = self.difference.mean > 0",
        "is_better = (self.difference.mean >= 0)",
    ): "a mean of 0 has a p of 1: the finding is open before",
    (
        "reports/study/verdict.py",
        "_headline",
        "best = max(known, key=lambda one: one.difference.mean if one.difference else 0.0)",
        "best = max(known, key=lambda one: one.difference.mean if one.difference else (1.0))",
    ): "each of these contrasts has a difference",
}
