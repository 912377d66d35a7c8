"""What a search loses where its trials are chosen in rounds: ``budget.parallel``.

``python tests/benchmarks/rounds.py [--searches 200] [--trials 24] [--parallel 2 4 8 12 24]``

Replays the product's own search over recorded scores. ``rounds.yaml`` tries random settings of an
arm; ``--record FOLDER`` keeps its trials in ``rounds.json``. A smooth surface through an arm's
points stands for the scores of all settings. The same searches, by their seeds, run one trial after
the other and in rounds; the loss is the best score's difference. Nothing is trained. The seconds of
the recorded trials say how busy 2 and 16 slots are, to which a round's trials go in order.
"""

import argparse
import heapq
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from random import Random
from statistics import fmean

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.interpolate import RBFInterpolator  # noqa: E402
from scipy.stats import bootstrap, spearmanr  # noqa: E402

from morec.config import TrialConfig  # noqa: E402
from morec.results import (  # noqa: E402
    EpochRecord,
    Evaluation,
    TrialResult,
    TrialStatus,
    pack_ranks,
)
from tune_space.ledger.records import Ledger  # noqa: E402
from tune_space.schedule.arm_search import ArmSearch  # noqa: E402
from tune_space.study.arm import Arm  # noqa: E402
from tune_space.study.config_paths import get_path  # noqa: E402
from tune_space.study.domains import ParamSpec, Value  # noqa: E402
from tune_space.study.expand import expand  # noqa: E402
from tune_space.study.load import load_study  # noqa: E402
from tune_space.study.spec import StudySpec  # noqa: E402

Floats = npt.NDArray[np.float64]
Kept = Sequence[Mapping[str, Value]]
"""Recorded trials of an arm: settings, score, seconds."""
HERE = Path(__file__).parent
STUDY, RECORDED = HERE / "rounds.yaml", HERE / "rounds.json"
SLOTS = (2, 16)
SMOOTHING = 0.1
"""How far the surface may pass by a point, which has the noise of one seed."""


@dataclass(frozen=True)
class Surface:
    """The scores of an arm's settings: smooth, through recorded points, within their range."""

    space: Mapping[str, ParamSpec]
    points_NP: Floats
    scores_N: Floats

    @cached_property
    def _interpolator(self) -> RBFInterpolator:
        return RBFInterpolator(self.points_NP, self.scores_N, smoothing=SMOOTHING)

    def at(self, points_QP: Floats) -> Floats:
        """Scores of points of the unit cube."""
        found = self._interpolator(points_QP)
        return np.asarray(np.clip(found, self.scores_N.min(), self.scores_N.max()))

    def score(self, config: TrialConfig) -> float:
        """The score of a configuration."""
        settings = config.model_dump(mode="json")
        values = {path: get_path(settings, path) for path in self.space}
        return float(self.at(_point(self.space, values)[None])[0])

    def rank_correlation(self) -> float:
        """Of each recorded score with the surface through all others: Spearman's."""
        left_out = [
            Surface(self.space, np.delete(self.points_NP, n, 0), np.delete(self.scores_N, n))
            for n in range(len(self.scores_N))
        ]
        found = [
            one.at(point[None])[0] for one, point in zip(left_out, self.points_NP, strict=True)
        ]
        return float(spearmanr(found, self.scores_N).statistic)


def main() -> int:
    """Record, or replay and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", type=Path, help="the folder of a study of rounds.yaml")
    parser.add_argument("--searches", type=int, default=200, help="seeds of an arm's search")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--parallel", type=int, nargs="*", default=[2, 4, 8, 12, 24])
    chosen = parser.parse_args()
    if chosen.record:
        RECORDED.write_text(_lines(recorded(chosen.record)), encoding="utf-8")
        return 0
    study = load_study(STUDY)
    kept = json.loads(RECORDED.read_text(encoding="utf-8"))
    print(f"{chosen.searches} searches of {chosen.trials} trials; best score in points")
    for arm in expand(study):
        _compare(
            _Replay(study, arm, kept[arm.name], chosen.trials), chosen.searches, chosen.parallel
        )
    return 0


def recorded(folder: Path) -> dict[str, Kept]:
    """Settings, scores and seconds of a study's search trials by arm."""
    records = Ledger(folder).read_all()
    arms = Ledger(folder).manifest().arms
    return {
        arm.name: [
            {"settings": one.params, "score": result.best_score(), "seconds": result.cost.total_s}
            for one in arm.search
            if (result := records.get(one.trial_id)) and result.cost and result.valid
        ]
        for arm in arms
    }


def _lines(found: Mapping[str, Kept]) -> str:
    """JSON with a trial per line."""
    arms = [
        f"{json.dumps(arm)}: [\n" + ",\n".join(map(json.dumps, kept)) + "\n]"
        for arm, kept in found.items()
    ]
    return "{" + ",\n".join(arms) + "}\n"


def surface_of(arm: Arm, kept: Kept) -> Surface:
    """The surface through an arm's recorded trials."""
    points = [(_point(arm.space, one["settings"]), one["score"]) for one in kept]
    return Surface(arm.space, np.array([at for at, _ in points]), np.array([s for _, s in points]))


def _point(space: Mapping[str, ParamSpec], values: Mapping[str, Value]) -> Floats:
    """A setting as a point of the unit cube; choices by their place."""
    return np.array([_share(param, values[path]) for path, param in space.items()])


def _share(param: ParamSpec, value: Value) -> float:
    if param.choice is not None:
        return param.index_of(value) / max(1, len(param.choice) - 1)
    low, high = getattr(param, param.kind)
    if param.is_logarithmic:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float((value - low) / (high - low))


class _Replay:
    """Searches of one arm over its recorded trials."""

    def __init__(self, study: StudySpec, arm: Arm, kept: Kept, num_trials: int) -> None:
        self.arm, self.surface = arm, surface_of(arm, kept)
        self._study, self._num_trials = study, num_trials
        self._seconds = [one["seconds"] for one in kept]

    def busy(self, seed: int, parallel: int, num_slots: int) -> float:
        """Share of the slots' time in which they have a trial."""
        seconds = Random(seed).choices(self._seconds, k=self._num_trials)
        end = 0.0
        for first in range(0, len(seconds), parallel):
            free_at = [end] * num_slots
            for one in seconds[first : first + parallel]:
                heapq.heapreplace(free_at, free_at[0] + one)
            end = max(free_at)
        return float(sum(seconds) / (num_slots * end))

    def best(self, seed: int, parallel: int) -> float:
        """The best score that a search finds with rounds of ``parallel`` trials."""
        budget = self._study.budget.model_copy(update={"trials": self._num_trials})
        changed = {"search_seed": seed, "budget": budget, "sampler": "tpe"}
        search = ArmSearch(self.arm, self._study.model_copy(update=changed))
        names = (f"{number:016x}" for number in count())
        scores: list[float] = []
        while num_left := self._num_trials - len(scores):
            wanted = range(min(num_left, parallel))
            asked = [search.ask(lambda _: next(names)) for _ in wanted]
            for entry, config in filter(None, asked):
                scores.append(self.surface.score(config))
                search.tell(_ended(entry.trial_id, config, scores[-1]))
        return max(scores)


def _ended(trial_id: str, config: TrialConfig, score: float) -> TrialResult:
    scores = {config.evaluation.select: score}
    epoch = EpochRecord(epoch=1, train_loss=1.0, valid=scores, train_s=1.0, eval_s=1.0)
    valid = Evaluation(
        metrics=scores, num_users=1, num_tied=0, num_forced_misses=0, packed_ranks=pack_ranks([1])
    )
    return TrialResult(
        trial_id=trial_id,
        config=config,
        sources={},
        status=TrialStatus.COMPLETED,
        epochs=(epoch,),
        best_epoch=1,
        valid=valid,
    )


def _compare(replay: _Replay, num_searches: int, rounds: Iterable[int]) -> None:
    surface = replay.surface
    print(f"{replay.arm.name}: {len(surface.scores_N)} trials recorded, rank correlation with the "
          f"surface through the others {surface.rank_correlation():.2f}")  # fmt: skip
    seeds = range(num_searches)
    one_by_one = np.array([replay.best(seed, 1) for seed in seeds])
    print(f"  one by one: {100 * one_by_one.mean():.2f}")
    for parallel in rounds:
        lost = 100 * (np.array([replay.best(seed, parallel) for seed in seeds]) - one_by_one)
        interval = bootstrap((lost,), np.mean, method="percentile", rng=0).confidence_interval
        shares = [fmean(replay.busy(seed, parallel, slots) for seed in seeds) for slots in SLOTS]
        busy = ", ".join(f"{slots} slots {share:.0%} busy"
                         for slots, share in zip(SLOTS, shares, strict=True))  # fmt: skip
        print(f"  rounds of {parallel}: {lost.mean():+.2f} [{interval.low:+.2f}, "
              f"{interval.high:+.2f}], {busy}", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
