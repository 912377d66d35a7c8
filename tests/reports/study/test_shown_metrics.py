"""MRR stands in the accuracy table of one data set, and makes room where columns are scarce."""

from pathlib import Path

from reports.study.accuracy import accuracy_tables
from reports.study.summary import StudySummary, summarise
from reports.write import write_report
from tests.reports.made_up_studies import FakeStudy, set_references
from tests.reports.pages import Page
from tune_space.ledger.records import Ledger

TWO = {"MIND": None, "HM": None}


def _shown(summary: StudySummary) -> list[str]:
    return [one.metric for table in accuracy_tables(summary) for one in table.measures]


def _without_mrr(folder: Path) -> Path:
    """The study as a version without MRR recorded it, but for chance, which has no ranks."""
    ledger = Ledger(folder)
    for record in ledger.read_all().values():
        valid, test = (
            one and one.model_copy(update={"metrics": _before(one.metrics)})
            for one in (record.valid, record.test)
        )
        epochs = tuple(
            one.model_copy(update={"valid": _before(one.valid)}) for one in record.epochs
        )
        update = {"valid": valid, "test": test, "epochs": epochs}
        ledger.write(record.model_copy(update=update))
    manifest = ledger.manifest()
    popularity, chance = manifest.references
    evaluation = popularity.test_evaluation
    evaluation = evaluation.model_copy(update={"metrics": _before(evaluation.metrics)})
    older = {"test": _before(popularity.test), "test_evaluation": evaluation}
    set_references(folder, (popularity.model_copy(update=older), chance))
    return folder


def _before(metrics: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if not name.startswith("MRR")}


def test_one_data_set_has_room_for_three_metrics(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0).write(tmp_path))
    assert _shown(summary) == ["HR@10", "NDCG@10", "MRR@10"]
    page = Page(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "Not in the table" not in page


def test_two_data_sets_show_what_the_paper_shows_and_the_page_says_so(tmp_path: Path) -> None:
    summary = summarise(FakeStudy(searches=0, datasets=TWO).write(tmp_path))
    assert _shown(summary) == ["HR@10", "NDCG@10"] * 2
    page = Page(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert "Not in the table, to keep it readable: MRR@10." in page
    assert "MRR@10" in (tmp_path / "tables/accuracy.csv").read_text()


def test_the_selecting_metric_is_always_shown(tmp_path: Path) -> None:
    study = FakeStudy(searches=0, datasets=TWO)
    study.arms = tuple(
        type(arm)(**{**vars(arm), "evaluation": {"select": "MRR@10"}}) for arm in study.arms
    )
    assert _shown(summarise(study.write(tmp_path))) == ["HR@10", "NDCG@10", "MRR@10"] * 2


def test_records_that_are_older_than_mrr_show_that_of_their_ranks(tmp_path: Path) -> None:
    now = summarise(FakeStudy().write(tmp_path / "now"))
    before = summarise(_without_mrr(FakeStudy().write(tmp_path / "before")))
    for old, new in zip(before.arms, now.arms, strict=True):
        assert old.values("MRR@10") == new.values("MRR@10")
    write_report(tmp_path / "now")
    write_report(tmp_path / "before")
    for name in ("accuracy.csv", "contrasts.csv", "trials.csv"):
        of_ranks, recorded = (tmp_path / where / "tables" / name for where in ("before", "now"))
        assert of_ranks.read_text() == recorded.read_text()
