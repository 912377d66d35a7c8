"""Late fusion: ranks by the weighted scores of several trained recommenders, the members.

A member's scores of a user are standardised over the candidates (z-scores), so that members with
large scores do not outweigh the others. The weights are those that rank validation best, of
``weight_grid``. Shapes: B users, L inputs, D width of a member, E = the sum of all D, N items.
"""

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.config.ensemble import member_sources, weight_grid
from morec.errors import CollapsedError, DivergedError
from morec.models.recommender import ITEM_CHUNK, Recommender
from morec.results import Cost, EpochRecord, Evaluation, Reason, TrialResult, TrialStatus, utc_now
from morec.trial import Report, Trial, TrialInputs, run_trial
from morec.trial_code import trial_code
from morec.workers import Workers


class FusedRecommender(Recommender):
    """Members whose vectors stand side by side, so that a dot product is the fused score.

    ``sum_m w_m z_m`` is, but for a number that all items of a user share and that changes no rank,
    ``sum_m (w_m / sd_m) u_m . v_m``: the dot product of joined vectors, with each member's part of
    the user's vector divided by the deviation of the user's scores. That deviation is
    ``sqrt(u C u)``, with C the covariance of the candidates' vectors: no score is computed for it.
    A member whose scores of a user are all equal says nothing of the user's items.
    """

    def __init__(self, members: Sequence[Recommender], is_candidate_N: Tensor) -> None:
        nn.Module.__init__(self)
        self.members = nn.ModuleList(members)
        self.weights: tuple[float, ...] = ()
        """One per member; set before a user is read."""
        self._is_candidate_N = is_candidate_N
        self._covariances: list[Tensor] = []
        self._widths: list[int] = []

    @torch.no_grad()
    def encode_catalogue(self) -> Tensor:
        """Every item's vectors side by side, (N + 1, E); as of ``Recommender``."""
        catalogues = [one.encode_catalogue() for one in self._recommenders()]
        self._widths = [one.shape[1] for one in catalogues]
        self._covariances = [_covariance(one[1:][self._is_candidate_N]) for one in catalogues]
        return torch.cat(catalogues, dim=1)

    @torch.no_grad()
    def user_vectors(self, inputs_BL: Tensor, users_B: Tensor, catalogue_ND: Tensor) -> Tensor:
        """The users' weighted vectors side by side, (B, E); as of ``Recommender``."""
        own = torch.split(catalogue_ND, self._widths, dim=1)
        vectors = (
            one.user_vectors(inputs_BL, users_B, items_ND)
            for one, items_ND in zip(self._recommenders(), own, strict=True)
        )
        scaled = zip(vectors, self._covariances, self.weights, strict=True)
        return torch.cat([weight * _per_deviation(*one) for *one, weight in scaled], dim=1)

    def _recommenders(self) -> Sequence[Recommender]:
        return list(self.members)  # type: ignore[arg-type]


def _covariance(vectors_ND: Tensor) -> Tensor:
    """Covariance of the vectors' numbers, (D, D), summed in fp64 over blocks of vectors."""
    mean_D = vectors_ND.mean(0, dtype=torch.float64)
    covariance_DD = mean_D.new_zeros(len(mean_D), len(mean_D))
    for block_ND in torch.split(vectors_ND, ITEM_CHUNK):
        centred_ND = block_ND.double() - mean_D
        covariance_DD += centred_ND.T @ centred_ND
    return covariance_DD / len(vectors_ND)


def _per_deviation(users_BD: Tensor, covariance_DD: Tensor) -> Tensor:
    """Users' vectors over the deviation of their scores; 0 where all scores are equal."""
    wide_BD = users_BD.double()
    variance_B1 = ((wide_BD @ covariance_DD) * wide_BD).sum(1, keepdim=True)
    scale_B1 = torch.where(variance_B1 > 0, variance_B1, torch.inf).rsqrt()
    return (wide_BD * scale_B1).to(users_BD.dtype)


def run_any_trial(
    config: TrialConfig,
    inputs: TrialInputs,
    *,
    checkpoints: Checkpoints,
    report: Report,
    workers: Workers | None = None,
    device: str = "cpu",
) -> TrialResult:
    """Run a trial of one model (``run_trial``), or the late fusion of a trial with members."""
    given = {"checkpoints": checkpoints, "report": report, "workers": workers, "device": device}
    if config.ensemble:
        return fuse(config, inputs, **given)[1]  # type: ignore[arg-type]
    return run_trial(config, inputs, **given)  # type: ignore[arg-type]


def fuse(
    config: TrialConfig,
    inputs: TrialInputs,
    *,
    checkpoints: Checkpoints,
    report: Report,
    workers: Workers | None = None,
    device: str = "cpu",
) -> tuple[list[Trial], TrialResult]:
    """Weigh the members on validation, then rank the test split once with the best weights.

    Members are read from their own checkpoints beside this trial's. Where one is missing or
    unfinished, the member is trained (on) here, to the same numbers. The record has an epoch per
    weighting of ``weight_grid``, in its order. A member that diverges or collapses fails the trial.
    Also returned are the members, with their best weights; of a failed trial those up to the fault.
    """
    members: list[Trial] = []
    outcome: dict[str, Any]
    epochs: tuple[EpochRecord, ...] = ()
    where = ""
    try:
        for number, member in enumerate(config.ensemble, start=1):
            where = f"member {number}"
            own = checkpoints.beside(member.trial_id(member_sources(inputs.sources, number)))
            members.append(Trial(member, inputs, own, workers or Workers(), torch.device(device)))
            members[-1].train(lambda _, cost: report((), cost))
            members[-1].load_best()
        where = "late fusion"
        epochs, outcome = _weigh(config, members)
    except (DivergedError, CollapsedError) as error:
        reason = Reason.DIVERGED if isinstance(error, DivergedError) else Reason.EXCEPTION
        outcome = {"status": TrialStatus.FAILED, "reason": reason, "error": f"{where}: {error}"}
    return members, TrialResult(
        trial_id=config.trial_id(inputs.sources),
        config=config,
        sources=dict(inputs.sources),
        epochs=epochs,
        cost=joined_cost([one.cost() for one in members]),
        code=trial_code(config),
        finished_at=utc_now(),
        **outcome,
    )


def _weigh(
    config: TrialConfig, members: Sequence[Trial]
) -> tuple[tuple[EpochRecord, ...], dict[str, Any]]:
    """An epoch per weighting, and what the record says of the best one, the first of equals."""
    evaluator, select = members[0].trainer.evaluator, config.evaluation.select
    fused = FusedRecommender([one.trainer.recommender for one in members], evaluator.is_candidate_N)
    # The first weighting has the members' training time, so that sums over epochs have it.
    train_s = sum(epoch.train_s for one in members for epoch in one.progress.epochs)
    epochs: list[EpochRecord] = []
    found: list[Evaluation] = []
    for number, weights in enumerate(weight_grid(len(members)), start=1):
        start, fused.weights = time.perf_counter(), weights
        found.append(evaluator.evaluate(fused, "valid"))
        eval_s, valid = time.perf_counter() - start, found[-1].metrics
        epochs.append(
            EpochRecord(epoch=number, train_loss=0, valid=valid, train_s=train_s, eval_s=eval_s)
        )
        train_s = 0
    scores = [one.metrics[select] for one in found]
    best = scores.index(max(scores))
    outcome = {"status": TrialStatus.COMPLETED, "best_epoch": best + 1, "valid": found[best]}
    if config.evaluation.test:
        fused.weights = weight_grid(len(members))[best]
        outcome["test"] = evaluator.evaluate(fused, "test", kept_lists=members[0].kept_lists)
    return tuple(epochs), outcome


def joined_cost(costs: Sequence[Cost]) -> Cost:
    """The members' costs together: sums of sizes, times and energy, the largest memory.

    A sum of which a part is not known is not known.
    """
    first = costs[0]
    sums = {name: _total([getattr(one, name) for one in costs]) for name in _SUMMED}
    peaks = {name: max(getattr(one, name) or 0 for one in costs) or None for name in _PEAKS}
    uncounted = sorted({name for one in costs for name in one.uncounted_ops})
    return first.model_copy(update={**sums, **peaks, "uncounted_ops": tuple(uncounted)})


_SUMMED = (
    *("params_total", "params_trainable", "forward_macs_paper", "forward_macs_run"),
    *("first_epoch_s", "epoch_s", "eval_s", "total_s", "energy_j"),
)
_PEAKS = ("peak_memory_bytes", "peak_host_bytes")


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
