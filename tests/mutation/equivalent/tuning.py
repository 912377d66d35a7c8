"""Search, conductor, plan, changes and audit."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "tune_space/schedule/arm_search.py",
        "",
        "MAX_REPEATS_ENDLESS = 10_000",
        "MAX_REPEATS_ENDLESS = (10001)",
    ): "a sampler that has only repeated itself so often does it once more",
}
