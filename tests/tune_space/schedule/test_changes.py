"""Every change of a study has a line with its consequence, and the conductor then does that."""

from pathlib import Path

import pytest

from morec.code_version import code_version
from tests.tune_space.made_up_trials import STUDY, conductor_of, play, sources, study
from tune_space.ledger.records import Ledger
from tune_space.schedule.changes import find_changes
from tune_space.study.expand import expand

ARMS = STUDY["arms"]
WITHOUT_WIDE = {name: arm for name, arm in ARMS.items() if name != "wide"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("study")
    play(conductor_of(made))
    return made


def changes_of(folder, spec, current=sources) -> list[str]:
    changes = find_changes(spec, expand(spec), Ledger(folder), current)
    return [line for line in changes if "made by other code" not in line]


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({}, []),
        (
            {"arms": ARMS | {"new": {"set": {"model.num_blocks": 3}}}},
            ["arm 'new' is added: all its trials are new"],
        ),
        (
            {"arms": WITHOUT_WIDE},
            ["arm 'wide' is removed: its records (5) are kept and no longer reported"],
        ),
        (
            {"arms": ARMS | {"wide": {"set": {"model.dim": 64}}}},
            [
                "arm 'wide' changed (model.dim 1024 -> 64): its trials are new; its records (5) "
                "are kept and no longer reported"
            ],
        ),
        (
            {"seeds": [2, 3, 4]},
            [
                "seeds 3, 4 are added: one final trial each for every arm",
                "seeds 1 are removed: their records are kept and no longer reported",
            ],
        ),
        (
            {"budget": {"trials": 5}},
            [
                "budget.trials 3 -> 5: every search continues; if it finds a better trial, that "
                "one is locked and its final trials run"
            ],
        ),
        (
            {"budget": {"trials": 1}},
            ["budget.trials 3 -> 1: an arm's first 1 search trials count, no others"],
        ),
        (
            {"budget": {"trials": 3, "parallel": 2}},
            [
                "budget.parallel 1 -> 2: recorded trials count as they are; those that are still "
                "to come are chosen in other rounds"
            ],
        ),
        ({"search_seed": 7}, ["search_seed 0 -> 7: every search starts again"]),
        (
            {"scheduler": "asha"},
            [
                "scheduler none -> asha: recorded trials count as they are; the new scheduler "
                "stops trials that run from now on"
            ],
        ),
        (
            {"sampler": "random"},
            [
                "sampler tpe -> random: recorded trials count as they are; the new sampler chooses "
                "those that are still to come"
            ],
        ),
        ({"question": "why?"}, ["question changed: another report, no trial"]),
    ],
)
def test_a_change_has_a_line_with_its_consequence(folder, changes, lines) -> None:
    assert changes_of(folder, study(**changes)) == lines


def test_before_the_first_run_nothing_has_changed(tmp_path) -> None:
    assert find_changes(study(), expand(study()), Ledger(tmp_path), sources) == ()


def test_inactive_arms_are_compared_without_their_data(folder) -> None:
    def only_wide(config):
        assert config.model.dim == 1024
        return {"data": "other"}

    changes = find_changes(
        study(), expand(study()), Ledger(folder), only_wide, inactive=["ID", "fixed"]
    )
    assert [line for line in changes if line.startswith("data of")] == [
        "data of wide are not those of the records: trials run again; the records are kept "
        "and no longer reported"
    ]


def test_a_changed_search_space_says_how_many_trials_still_count(folder) -> None:
    narrowed = study(search={"optim.lr": {"loguniform": [1e-4, 2e-2]}})
    rates = [
        entry.params["optim.lr"]
        for arm in Ledger(folder).read_manifest().arms
        for entry in arm.search
    ]
    inside = sum(rate <= 2e-2 for rate in rates)
    assert 0 < inside < len(rates) == 9
    assert changes_of(folder, narrowed) == [
        "search space of ID, wide, fixed changed (optim.lr: loguniform a number between 0.0001 and "
        f"0.1 -> loguniform a number between 0.0001 and 0.02): {inside} of 9 search trials lie in "
        "it and count, the others are no longer asked for"
    ]


@pytest.mark.parametrize(("name", "what"), [("data", "data"), ("text", "text weights")])
def test_other_data_or_weights_have_a_line_and_their_records_are_not_mixed_in(
    tmp_path, name, what
) -> None:
    def then(config):
        return {"data": "d0", "text": "w0"}

    def now(config):
        return then(config) | {name: "other"}

    play(conductor_of(tmp_path, sources=then))
    assert changes_of(tmp_path, study(), now) == [
        f"{what} of ID, wide, fixed are not those of the records: trials run again; the "
        "records are kept and no longer reported"
    ]
    after = conductor_of(tmp_path, sources=now)
    assert len(play(after)) == 3 * (3 + 2)
    assert len(after.manifest.orphaned) == 3 * (3 + 2)


def test_records_of_another_schema_are_counted_once_and_not_as_other_code(tmp_path) -> None:
    play(conductor_of(tmp_path))
    ledger = Ledger(tmp_path)
    for record in list(ledger.read_all().values())[:2]:
        ledger.write(record.model_copy(update={"schema_version": 2, "code": {}}))
    changes = find_changes(study(), expand(study()), ledger, sources)
    (line,) = [change for change in changes if "schema" in change]
    assert line.startswith("2 records of schema 2: configurations meant something else than today")
    assert "trains these trials again and keeps the records" in line
    assert not [c for c in changes if c.startswith("2 records made by other code")]


def test_records_of_other_code_are_counted_and_what_differs_is_named(tmp_path) -> None:
    conductor = conductor_of(tmp_path)
    play(conductor)
    ledger = Ledger(tmp_path)
    old = code_version() | {"torch": "1.0"}
    for number, record in enumerate(ledger.read_all().values()):
        code = old if number < 2 else code_version() if number < 14 else {}
        ledger.write(record.model_copy(update={"code": code}))
    changes = find_changes(study(), expand(study()), ledger, sources)
    end = "): they count as they are; --fresh trains everything anew"
    assert sorted(changes) == [
        f"1 record made by other code (they do not say which{end}",
        f"2 records made by other code (torch 1.0, not {code_version()['torch']}{end}",
    ]
