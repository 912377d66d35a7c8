"""Losses, metrics, evaluation, optimizer, workers, trainer and trial."""

from tests.mutation.mutants import Key

EQUIVALENT: dict[Key, str] = {
    (
        "morec/losses/sampled_scores.py",
        "_blocks",
        "size = max(1, numbers // max(1, rows_PK.shape[1] * states_PD.shape[1]))",
        "size = max((2), numbers // max(1, rows_PK.shape[1] * states_PD.shape[1]))",
    ): "two positions are scored together where memory was meant for less than one",
    (
        "morec/losses/sampled_ce.py",
        "_log_free",
        "is_new_BL1 = ordered_BL1.diff(dim=1, prepend=torch.zeros_like(ordered_BL1[:, :1])) > 0",
        "is_new_BL1 = (ordered_BL1.diff(prepend=torch.zeros_like(ordered_BL1[:, :1]))) > 0",
    ): "the last dimension is the default, and the second is the last",
    (
        "morec/workers.py",
        "",
        "SMALL = 2**20",
        "SMALL = 2**(21)",
    ): "more gradients are summed in one exchange; the sums are the same",
}
