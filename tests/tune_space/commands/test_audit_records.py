"""What the audit asks of one record, where metrics of an installed package are involved."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from morec.extensions import installed
from morec.metrics import metrics_of
from morec.results import Evaluation, pack_ranks
from tests.installed_package import write_package
from tune_space.commands.audit_records import evaluation_problems

RANKS_U = np.array([2, 30])


def evaluation(metrics: dict[str, float]) -> Evaluation:
    return Evaluation(
        metrics=metrics,
        num_users=2,
        num_tied=0,
        num_forced_misses=0,
        packed_ranks=pack_ranks(RANKS_U),
    )


@pytest.fixture
def reciprocal_rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed package that adds the metric MRR."""
    write_package(
        tmp_path,
        "toy-mrr",
        modules={"toy_mrr.py": "def gain(ranks):\n    return 1 / ranks\n"},
        entries={"morec.metrics": {"MRR": "toy_mrr:gain"}},
    )
    monkeypatch.syspath_prepend(tmp_path)
    installed.cache_clear()
    yield
    installed.cache_clear()


@pytest.mark.usefixtures("reciprocal_rank")
def test_a_record_from_before_a_package_was_installed_has_no_problem() -> None:
    before = {"HR@10": 0.5, "NDCG@10": metrics_of(RANKS_U, (10,))["NDCG@10"]}
    assert list(evaluation_problems(evaluation(before), (10,))) == []


@pytest.mark.usefixtures("reciprocal_rank")
def test_a_recorded_metric_of_a_package_is_computed_again() -> None:
    recorded = metrics_of(RANKS_U, (10,))
    assert recorded["MRR@10"] == 1 / 4
    assert list(evaluation_problems(evaluation(recorded), (10,))) == []
    wrong = evaluation(recorded | {"MRR@10": 0.5})
    assert list(evaluation_problems(wrong, (10,))) == ["MRR@10 is 0.5; the ranks give 0.25"]
