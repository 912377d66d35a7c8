"""Arms that join other arms' models, in the study file: what is refused, where and why."""

import json
from typing import Any

import pytest

from morec.errors import SpecError
from tune_space.study.check_names import check_names
from tune_space.study.expand import expand
from tune_space.study.spec import StudySpec

BASE: dict[str, Any] = {
    "name": "s",
    "question": "q",
    "baseline": "ID",
    "base": {"dataset": {"kind": "synthetic"}, "item": {"id": True}},
    "arms": {"ID": {}, "wide": {"set": {"model.dim": 1024}}},
}


def _raw(late: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return BASE | changes | {"arms": BASE["arms"] | changes.get("arms", {}) | {"late": late}}


@pytest.mark.parametrize(
    ("late", "changes", "place", "text"),
    [
        ({"ensemble": ["ID", "wode"]}, {}, ("ensemble", 1), "Did you mean 'wide'?"),
        ({"ensemble": ["ID"]}, {}, ("ensemble",), "1 members; allowed: 2 to 4"),
        ({"ensemble": ["ID", "late"]}, {}, ("ensemble", 1), "'late' is an ensemble itself"),
        ({"ensemble": ["ID", "ID"]}, {"seeds": [1]}, ("ensemble", 1), "than there are seeds (1)"),
        ({"ensemble": ["ID", "wide"], "optim.lr": 0.1}, {}, ("optim.lr",), "has no effect"),
        ({"ensemble": ["ID", "wide"], "start": {"a": 1}}, {}, ("start",), "has no effect"),
        (
            {"ensemble": ["ID", "some"]},
            {
                "arms": {"some": {"datasets": ["A"], "set": {"model.dim": 32}}},
                "datasets": {"A": {}, "B": {}},
            },
            ("ensemble", 1),
            "'some' does not run everywhere that 'late' runs",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(
    late: dict[str, Any], changes: dict[str, Any], place: tuple[Any, ...], text: str
) -> None:
    found = [(one.path, one.message) for one in check_names(_raw(late, **changes))]
    own = [words for where, words in found if where == ("arms", "late", *place)]
    assert len(own) == 1 and text in own[0], found


def test_sound_ensembles_have_no_problem() -> None:
    for members in (["ID", "wide"], ["ID", "ID"], ["ID", "wide", "ID"]):
        assert list(check_names(_raw({"ensemble": members}))) == []


def _expand(raw: dict[str, Any]) -> Any:
    return expand(StudySpec.model_validate_json(json.dumps(raw)))


def test_an_ensemble_takes_its_members_of_its_own_place() -> None:
    raw = _raw(
        {"ensemble": ["ID", "wide"]},
        datasets={"A": {"set": {"dataset.seed": 1}}, "B": {"set": {"dataset.seed": 2}}},
        conditions={"p": {}, "q": {"set": {"optim.lr": 0.01}}},
    )
    late = [arm for arm in _expand(raw) if arm.own_name == "late"]
    assert [arm.name for arm in late] == ["A/p/late", "A/q/late", "B/p/late", "B/q/late"]
    for arm in late:
        first, second = arm.config.ensemble
        assert [one.name for one in arm.members] == [
            arm.name.replace("late", "ID"), arm.name.replace("late", "wide"),
        ]  # fmt: skip
        assert first.dataset == second.dataset == arm.config.dataset
        assert first.optim.lr == (0.01 if "/q/" in arm.name else 1e-4)
    assert len({arm.identity for arm in late}) == 4


def test_members_that_rank_differently_or_search_the_ranking_are_refused() -> None:
    other = {"arms": {"repeats": {"set": {"dataset.max_seq_len": 5}}}}
    with pytest.raises(SpecError, match="member 2 has another dataset"):
        _expand(_raw({"ensemble": ["ID", "repeats"]}, **other))
    search = {"arms": {"long": {"search": {"dataset.max_seq_len": {"choice": [5, 9]}}}}}
    with pytest.raises(SpecError, match=r"'long' searches dataset\.max_seq_len"):
        _expand(_raw({"ensemble": ["ID", "long"]}, **search))


def test_an_ensemble_is_searched_by_nothing() -> None:
    search = {"optim.lr": {"loguniform": [1e-4, 1e-1]}}
    arms = {arm.name: arm for arm in _expand(_raw({"ensemble": ["ID", "wide"]}, search=search))}
    assert arms["late"].space == {} and list(arms["ID"].space) == ["optim.lr"]
