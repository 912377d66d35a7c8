"""Example users are shown with the lists and ranks of the records they were stored with."""

from pathlib import Path

from reports.study.examples import shown_examples
from reports.study.report import Report, read_report
from tests.reports.made_up_examples import NUM_ITEMS, add_examples, target_of
from tests.reports.made_up_studies import CONDITIONS, FakeStudy
from tune_space.ledger.records import Ledger

NAMED = {"contrasts": [{"better": "E2E", "than": "ID"}]}


def report_of(folder: Path, study: FakeStudy) -> Report:
    add_examples(study.write(folder))
    return read_report(folder)


def test_every_user_has_five_places_of_both_lists_with_the_target_at_its_rank(
    tmp_path: Path,
) -> None:
    report = report_of(tmp_path, FakeStudy(searches=0, overrides=NAMED))
    (pair,) = report.examples
    assert pair.arms == ("E2E", "ID")
    records = Ledger(tmp_path).read_all()
    for side, stored in zip(pair.sides, pair.stored.sides, strict=True):
        for user, own in zip(side.users, stored.users, strict=True):
            assert user.target.title == f"Item {target_of(own.user)}" and user.target.is_target
            assert len(user.history) == 5 and not any(one.is_target for one in user.history)
            for one, trial_id in zip(user.lists, pair.stored.trial_ids, strict=True):
                test = records[trial_id].test
                assert test is not None and test.kept_lists is not None
                best = test.kept_lists.items_VK[own.user, :5].tolist()
                assert [item.title for item in one.items] == [f"Item {item}" for item in best]
                assert one.rank == test.ranks[own.user]
                places = [n for n, item in enumerate(one.items, start=1) if item.is_target]
                assert places == ([one.rank] if one.rank <= 5 else [])


def test_users_of_a_side_are_ranked_higher_by_its_arm(tmp_path: Path) -> None:
    (pair,) = report_of(tmp_path, FakeStudy(searches=0, overrides=NAMED)).examples
    first, second = pair.sides
    assert first.users and second.users
    assert all(user.lists[0].rank < user.lists[1].rank for user in first.users)
    assert all(user.lists[0].rank > user.lists[1].rank for user in second.users)


def test_each_data_set_has_its_own_pair(tmp_path: Path) -> None:
    study = FakeStudy(datasets={"MIND": None, "HM": None}, conditions=CONDITIONS, searches=0)
    found = report_of(tmp_path, study).examples
    places = [(one.place.dataset, one.place.condition) for one in found]
    assert places == [("MIND", "published"), ("HM", "published")]


def test_examples_of_trials_that_are_no_longer_the_arms_are_not_shown(tmp_path: Path) -> None:
    study = FakeStudy(searches=0, overrides=NAMED)
    examples = add_examples(study.write(tmp_path))
    ledger = Ledger(tmp_path)
    record = ledger.read(examples.pairs[0].trial_ids[1])
    assert record is not None and record.test is not None
    test = record.test.model_copy(update={"kept_lists": None})
    ledger.write(record.model_copy(update={"test": test}))
    assert read_report(tmp_path).examples == ()
    (ledger.trials_folder / f"{record.trial_id}.json").unlink()
    assert read_report(tmp_path).examples == ()


def test_a_study_that_wants_none_shows_none_whatever_is_stored(tmp_path: Path) -> None:
    report = report_of(tmp_path, FakeStudy(searches=0, overrides=NAMED | {"examples": False}))
    assert report.stored_examples is not None and report.examples == ()


def test_a_folder_from_before_has_none(tmp_path: Path) -> None:
    report = read_report(FakeStudy(searches=0).write(tmp_path))
    assert report.stored_examples is None and report.examples == ()
    assert shown_examples(report.summary, None) == ()


def test_items_are_within_the_made_up_catalogue(tmp_path: Path) -> None:
    (pair,) = report_of(tmp_path, FakeStudy(searches=0, overrides=NAMED)).examples
    assert {one.item for one in pair.stored.items} == set(range(1, NUM_ITEMS + 1))
