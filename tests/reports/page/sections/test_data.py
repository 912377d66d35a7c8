"""The section on data: every number of the profile, the rules, and studies without a profile."""

from pathlib import Path

import pytest

from reports.page.sections.data import SECTION, bin_width, by_label
from reports.study.report import Report
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_profile import PER_ITEM, PER_USER, PROFILE, WIDTHS, WORDS
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.ledger.manifest import DatasetEntry
from tune_space.ledger.records import Ledger


def entry(**changed: object) -> DatasetEntry:
    made = DatasetEntry(
        name="shop", sha256="0", is_synthetic=False, num_users=1, num_items=1, num_interactions=3,
        counts={},
    )  # fmt: skip
    return made.model_copy(update=changed)


def section_of(folder: Path) -> str:
    page = write_report(folder).read_text(encoding="utf-8")
    return page[page.index('<section id="data"') : page.index('<section id="reproducibility"')]


def test_every_number_of_the_profile_is_shown(tmp_path: Path) -> None:
    shown = section_of(FakeStudy(arms=SMALL[:1]).write(tmp_path))
    for words in (
        "6,800 interactions of 340 users with 420 items, density 4.76%",
        "52.0% of the interactions",
        "2020-01-01 to 2020-01-25 (UTC)",
        "12.5% of the interactions are at the time of the user&#39;s one before",
        "3.1% of the interactions repeat an earlier one",
        "390 of 400 filled, 380 different; letters: Latin 97.0%, CJK 3.0%",
        "400 readable; modes: RGB 180, L 20 (of a sample of 200)",
        "new 2.0%, cold 11.0%, tail 30.0%, mid 30.0%, head 27.0%",
    ):
        assert words in shown
    for name, quantiles in {
        "interactions per user": PER_USER, "interactions per item": PER_ITEM,
        "words per title": WORDS, "image width": WIDTHS, "image height": WIDTHS,
    }.items():  # fmt: skip
        cells = "".join(f"<td>{number:,}</td>" for number in quantiles.model_dump().values())
        assert f'<tr><th scope="row">{name}</th>{cells}</tr>' in shown


def test_the_rules_stand_here_and_nowhere_else(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    shown = section_of(tmp_path)
    rule = '<tr><th scope="row">users dropped: fewer than 5 interactions</th><td>12</td></tr>'
    assert rule in shown
    assert page.count("users dropped: fewer than 5 interactions") == 1
    assert "Without effect: items without a title." in shown
    assert f"<code>{'0' * 64}</code>" in shown


def test_figures_of_time_activity_and_popularity_are_drawn(tmp_path: Path) -> None:
    shown = section_of(FakeStudy(arms=SMALL[:1]).write(tmp_path / "one"))
    names = [f'data-name="data {name}"' for name in ("time", "activity", "popularity")]
    assert [shown.index(name) for name in names] == sorted(map(shown.index, names))
    assert "Interactions per 7 days." in shown
    no_times = FakeStudy(arms=SMALL[:1], profile=PROFILE.model_copy(update={"times": None}))
    shown = section_of(no_times.write(tmp_path / "no times"))
    assert shown.count("<figure") == 2
    assert "no clock times, only an order" in shown


def test_a_study_without_profiles_shows_the_counts_alone(tmp_path: Path) -> None:
    shown = section_of(FakeStudy(arms=SMALL[:1], profile=None).write(tmp_path))
    assert "<figure" not in shown
    assert "made no profile of the data" in shown
    assert "users dropped: fewer than 5 interactions" in shown
    assert "300 users, 400 items, 4,800 interactions; generated" in shown


def test_every_data_set_has_a_tab_and_figures_of_its_own(tmp_path: Path) -> None:
    shown = section_of(FakeStudy(datasets={"MIND": None, "HM": None}, searches=0).write(tmp_path))
    assert [f'data-label="{name}"' in shown for name in ("MIND", "HM")] == [True, True]
    assert 'data-name="data time MIND"' in shown
    assert "MIND: interactions per 7 days." in shown
    assert '<small class="name">synthetic</small>' in shown


def test_a_study_that_has_read_nothing_has_no_such_section(tmp_path: Path) -> None:
    FakeStudy(arms=SMALL[:1]).write(tmp_path)
    ledger = Ledger(tmp_path)
    ledger.write_manifest(ledger.manifest().model_copy(update={"datasets": ()}))
    assert SECTION.context(Report(summarise(tmp_path))) is None


def test_a_data_set_that_is_read_in_two_ways_has_numbered_names() -> None:
    entries = (entry(), entry(dataset="a"), entry(dataset="a"), entry(dataset="shop"))
    assert list(by_label(entries)) == ["shop", "a", "a (2)", "shop (2)"]


@pytest.mark.parametrize(
    ("bin_s", "words"),
    [(1, "second"), (600, "10 minutes"), (3_600, "hour"), (21_600, "6 hours"), (86_400, "day"),
     (91 * 86_400, "91 days")],
)  # fmt: skip
def test_the_width_of_a_bin_in_words(bin_s: int, words: str) -> None:
    assert bin_width(bin_s) == words
