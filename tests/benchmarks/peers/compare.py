"""Compares what peers reached on our windows with the ID arms of a study of ours.

``python tests/benchmarks/peers/compare.py STUDY_FOLDER PEER.json [PEER.json ...]``
"""

import json
import sys
from pathlib import Path

import numpy as np

from morec.metrics import per_user
from reports.study.rank_metrics import values_on_test
from reports.study.statistics import paired_difference
from reports.study.summary import ArmSummary, summarise

METRICS = ("HR@10", "NDCG@10")


def peer_values(metric: str, found: dict[str, list[list[int]]]) -> np.ndarray:
    """Per-user values, shape (seeds, users); rank 0 means outside the list."""
    ranks_SU = np.array(found["ranks"], dtype=float)
    return per_user(metric, np.where(ranks_SU > 0, ranks_SU, np.inf))


def best_arm(arms: tuple[ArmSummary, ...]) -> ArmSummary:
    """The arm with the best validation score in its search; arms that did not run have none."""
    return max(arms, key=lambda arm: arm.best_valid or 0)


def main(folder: Path, peers: list[Path]) -> None:
    """Print a row per peer and metric: both means and ours minus the peer's, in points."""
    summary = summarise(folder)
    ours = best_arm(summary.arms)
    print(f"our arm by validation: {ours.name}")
    for peer in peers:
        found = json.loads(peer.read_text())
        for metric in METRICS:
            ours_SU = values_on_test(metric, ours.tested.values())
            theirs_SU = peer_values(metric, found)
            one = paired_difference(ours_SU, theirs_SU)
            print(
                f"{found['loss']:10} {metric:8} ours {100 * ours_SU.mean():5.1f} "
                f"theirs {100 * theirs_SU.mean():5.1f} ours - theirs {100 * one.mean:+.1f} "
                f"[{100 * one.low:.1f}, {100 * one.high:.1f}] ({one.num_seeds} seeds)"
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])
