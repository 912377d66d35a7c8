"""Late fusion against loops over users, items and weights; its members, its costs, its failures."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from morec.checkpoints import Checkpoints
from morec.config import TrialConfig
from morec.config.ensemble import joined_sources, member_sources, weight_grid
from morec.data.dataset import Dataset, load_dataset
from morec.data.splits import evaluation_batches
from morec.encoders.artefacts import ArtefactStore
from morec.late_fusion import FusedRecommender, joined_cost, run_any_trial
from morec.models.recommender import build_recommender
from morec.results import Reason, TrialResult, TrialStatus
from morec.trial import TrialInputs
from tests.morec.tiny_trials import FROZEN_TEXT, tiny_config

SOURCES = joined_sources([{"data": "d"}, {"data": "d", "text": "t"}])


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset(tiny_config().dataset, Path())


def _config(**changes: Any) -> TrialConfig:
    """An ID model and one of texts, of the same seed."""
    sections: dict[str, Any] = {"evaluation": {"test": True, "ks": (3, 10), "select": "HR@3"}}
    members = [tiny_config(**sections, seed=5), tiny_config(item=FROZEN_TEXT, **sections, seed=5)]
    members = [TrialConfig.model_validate(one.model_dump() | changes) for one in members]
    return members[0].model_copy(update={"ensemble": tuple(members)})


def _run(config: TrialConfig, dataset: Dataset, folder: Path, **given: Any) -> TrialResult:
    return run_any_trial(
        config,
        TrialInputs(dataset, ArtefactStore(folder / "artefacts"), SOURCES),
        checkpoints=Checkpoints(folder / "checkpoints" / "late"),
        report=given.pop("report", lambda epochs, cost: None),
        **given,
    )


@pytest.fixture(scope="module")
def fused(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrialResult]:
    folder = tmp_path_factory.mktemp("fused")
    return folder, _run(_config(), dataset, folder)


def _scores_by_user(
    config: TrialConfig, number: int, dataset: Dataset, folder: Path, split: Any
) -> list[tuple[list[float], int, set[int]]]:
    """Per user: a member's z-scores by its stored weights, the target, the masked items."""
    name = config.trial_id(member_sources(SOURCES, number))
    state = Checkpoints(folder / "checkpoints" / name).load()
    assert state is not None
    model = build_recommender(
        config.model, config.item, dataset, ArtefactStore(folder / "artefacts")
    ).eval()
    model.load_state_dict(state["best_weights"])
    items = model.encode_catalogue()
    found = []
    for batch in evaluation_batches(dataset, split, 1000):
        inputs, users = torch.from_numpy(batch.inputs_BL), torch.from_numpy(batch.users_B)
        for user, vector in enumerate(model.user_vectors(inputs, users, items)):
            scores = (vector.double() @ items[1:].double().T).tolist()
            mean = sum(scores) / len(scores)
            deviation = math.sqrt(sum((s - mean) ** 2 for s in scores) / len(scores))
            masked = set(batch.history_items[batch.history_rows == user].tolist())
            z = [(s - mean) / deviation for s in scores]
            found.append((z, int(batch.targets_B[user]), masked))
    return found


def _ranks_by_loops(members: Any, weights: tuple[float, ...]) -> list[int]:
    ranks = []
    for users in zip(*members, strict=True):
        _, target, masked = users[0]
        fused = [
            sum(w * z[item] for w, (z, *_) in zip(weights, users, strict=True))
            for item in range(len(users[0][0]))
        ]
        above = [
            item + 1 not in masked and fused[item] >= fused[target - 1] - 1e-9
            for item in range(len(fused))
        ]
        ranks.append(sum(above))
    return ranks


def test_weights_and_ranks_are_those_of_loops_over_the_members_checkpoints(
    fused: tuple[Path, TrialResult], dataset: Dataset
) -> None:
    folder, result = fused
    members = [
        [_scores_by_user(c, n, dataset, folder, split) for n, c in enumerate(_config().ensemble, 1)]
        for split in ("valid", "test")
    ]
    hits = []
    for weights in weight_grid(2):
        ranks = _ranks_by_loops(members[0], weights)
        hits.append(sum(rank <= 3 for rank in ranks) / len(ranks))
    assert [epoch.valid["HR@3"] for epoch in result.epochs] == pytest.approx(hits)
    best = hits.index(max(hits))
    assert result.best_epoch == best + 1
    for evaluation, split in ((result.valid, members[0]), (result.test, members[1])):
        assert evaluation is not None
        assert evaluation.ranks.tolist() == _ranks_by_loops(split, weight_grid(2)[best])


def test_of_equally_good_weightings_the_first_and_most_even_one_is_chosen(
    dataset: Dataset, tmp_path: Path
) -> None:
    one = _config().ensemble[0]
    result = _run(one.model_copy(update={"ensemble": (one, one)}), dataset, tmp_path)
    assert len({epoch.valid["HR@3"] for epoch in result.epochs}) == 1
    assert result.best_epoch == 1


def test_one_member_alone_ranks_as_it_does_by_itself(
    fused: tuple[Path, TrialResult], dataset: Dataset, tmp_path: Path
) -> None:
    _, result = fused
    for weights, member, number in (
        ((1, 0), _config().ensemble[0], 1),
        ((0, 1), _config().ensemble[1], 2),
    ):
        inputs = TrialInputs(
            dataset, ArtefactStore(tmp_path / "artefacts"), member_sources(SOURCES, number)
        )
        alone = run_any_trial(
            member,
            inputs,
            checkpoints=Checkpoints(tmp_path / str(number)),
            report=lambda epochs, cost: None,
        )
        assert alone.valid is not None and not alone.config.ensemble
        place = weight_grid(2).index(weights)
        assert result.epochs[place].valid == alone.valid.metrics


def test_finished_members_are_read_and_not_trained(
    fused: tuple[Path, TrialResult], dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, before = fused

    def refuse(self: object) -> float:
        raise AssertionError("a finished member was trained")

    monkeypatch.setattr("morec.trainer.Trainer.train_epoch", refuse)
    again = _run(_config(), dataset, folder)
    assert (again.test, again.valid) == (before.test, before.valid)


def test_an_interrupted_member_goes_on_and_gives_the_same_numbers(
    fused: tuple[Path, TrialResult], dataset: Dataset, tmp_path: Path
) -> None:
    calls = 0

    def stop(epochs: Any, cost: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise SystemExit

    with pytest.raises(SystemExit):
        _run(_config(), dataset, tmp_path, report=stop)
    result = _run(_config(), dataset, tmp_path)
    assert (result.test, result.epochs[0].valid) == (fused[1].test, fused[1].epochs[0].valid)


def test_the_test_split_is_not_looked_at_unless_asked_and_then_once(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from morec.evaluation import Evaluator

    seen = []
    whole = Evaluator.evaluate

    def watch(self: Any, model: Any, split: Any, **options: Any) -> Any:
        seen.append((type(model).__name__, split))
        return whole(self, model, split, **options)

    monkeypatch.setattr(Evaluator, "evaluate", watch)
    _run(_config(), dataset, tmp_path)
    assert [one for one in seen if one[1] == "test"] == [("FusedRecommender", "test")]
    assert seen.count(("FusedRecommender", "valid")) == len(weight_grid(2))


def test_costs_are_those_of_the_members_together(fused: tuple[Path, TrialResult]) -> None:
    cost = fused[1].cost
    assert cost is not None
    two = joined_cost([cost.model_copy(update={"peak_memory_bytes": 7}), cost])
    assert two.params_total == 2 * cost.params_total
    assert two.peak_memory_bytes == max(7, cost.peak_memory_bytes or 0)
    unknown = joined_cost([cost.model_copy(update={"epoch_s": None}), cost])
    assert unknown.epoch_s is None and unknown.energy_j == cost.energy_j
    assert cost.params_total > 41


def test_a_member_that_diverges_fails_the_trial_and_is_named(
    dataset: Dataset, tmp_path: Path
) -> None:
    config = _config()
    broken = config.ensemble[1].model_copy(
        update={"optim": config.optim.model_copy(update={"lr": 1e30})}
    )
    config = config.model_copy(update={"ensemble": (config.ensemble[0], broken)})
    result = _run(config, dataset, tmp_path)
    assert (result.status, result.reason) == (TrialStatus.FAILED, Reason.DIVERGED)
    assert result.error is not None and result.error.startswith("member 2: ")
    assert result.test is None


def test_a_member_whose_scores_are_all_equal_says_nothing(
    fused: tuple[Path, TrialResult], dataset: Dataset
) -> None:
    config = _config().ensemble[0]
    first, flat = (
        build_recommender(config.model, config.item, dataset, ArtefactStore(Path())).eval()
        for _ in range(2)
    )
    for parameter in flat.item_encoder.parameters():
        torch.nn.init.zeros_(parameter)
    model = FusedRecommender([first, flat], torch.ones(dataset.num_items, dtype=torch.bool))
    model.weights = (0.5, 0.5)
    catalogue = model.encode_catalogue()
    batch = next(iter(evaluation_batches(dataset, "valid", 8)))
    inputs, users = torch.from_numpy(batch.inputs_BL), torch.from_numpy(batch.users_B)
    vectors = model.user_vectors(inputs, users, catalogue)
    assert vectors[:, 8:].count_nonzero() == 0 and vectors[:, :8].isfinite().all()
    alone = first.user_vectors(inputs, users, first.encode_catalogue())
    fused_scores, own = vectors @ catalogue[1:].T, alone @ catalogue[1:, :8].T
    assert torch.equal(fused_scores.argsort(1), own.argsort(1))


def test_only_candidates_count_for_the_deviation(dataset: Dataset) -> None:
    config = _config().ensemble[0]
    one = build_recommender(config.model, config.item, dataset, ArtefactStore(Path())).eval()
    is_candidate = torch.arange(dataset.num_items) < 7
    model = FusedRecommender([one, one], is_candidate)
    model.weights = (1.0, 0.0)
    catalogue = model.encode_catalogue()
    batch = next(iter(evaluation_batches(dataset, "valid", 8)))
    inputs, users = torch.from_numpy(batch.inputs_BL), torch.from_numpy(batch.users_B)
    scores = model.user_vectors(inputs, users, catalogue) @ catalogue[1:8].T
    assert scores.std(1, correction=0).tolist() == pytest.approx([1.0] * len(users), rel=1e-4)


def test_the_grid_adds_up_to_one_and_the_even_weights_come_first() -> None:
    grid = weight_grid(2)
    assert len(grid) == 11 and grid[0] == (0.5, 0.5) and set(grid[-2:]) == {(0, 1), (1, 0)}
    assert len(set(weight_grid(3))) == 66 and len(weight_grid(4)) == 286
    for weights in (*grid, *weight_grid(3)):
        assert sum(weights) == pytest.approx(1) and min(weights) >= 0


def test_sources_of_members_are_kept_apart() -> None:
    joined = joined_sources([{"data": "d", "text": "a"}, {"data": "d", "text": "b", "image": "c"}])
    assert joined == {"data": "d", "1 text": "a", "2 text": "b", "2 image": "c"}
    assert member_sources(joined, 2) == {"data": "d", "text": "b", "image": "c"}
    assert member_sources({**joined, "12 text": "z"}, 1) == {"data": "d", "text": "a"}


def test_the_name_of_a_late_fusion_follows_from_its_members() -> None:
    config = _config()
    name = config.trial_id(SOURCES)
    assert name.startswith("late-id+text-s5-")
    other = config.model_copy(update={"ensemble": config.ensemble[::-1]})
    assert other.trial_id(SOURCES) != name
    assert config.model_copy(update={"ensemble": ()}).trial_id({}) == config.ensemble[0].trial_id(
        {}
    )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda one, two: (one,), "1 members; allowed: 2 to 4"),
        (lambda one, two: (one,) * 5, "5 members; allowed: 2 to 4"),
        (
            lambda one, two: (one, two.model_copy(update={"ensemble": (one, two)})),
            "member 2 is an ensemble itself",
        ),
        (
            lambda one, two: (
                one,
                two.model_copy(
                    update={"evaluation": one.evaluation.model_copy(update={"mask_history": False})}
                ),
            ),
            "member 2 has another evaluation",
        ),
    ],
)
def test_members_that_cannot_be_added_up_are_refused(members: Any, message: str) -> None:
    config = _config()
    with pytest.raises(ValueError, match=message):
        TrialConfig.model_validate(config.model_dump() | {"ensemble": members(*config.ensemble)})
