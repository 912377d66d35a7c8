"""The accuracy tables: ranks, gains, references, and how arms and data sets share a table."""

from dataclasses import replace
from pathlib import Path

import pytest

from morec.metrics import GAINS
from reports.study.accuracy import AccuracyTable, accuracy_tables
from reports.study.summary import StudySummary, summarise
from reports.write import write_report
from tests.reports.made_up_studies import (
    FUSION,
    IMAGES_ON,
    REGULAR,
    SMALL,
    TEXT_ON,
    Arm,
    FakeStudy,
    set_references,
    set_test_metric,
)
from tests.reports.pages import Page
from tune_space.ledger.manifest import Reference


def accuracy_table(summary: StudySummary) -> AccuracyTable:
    (table,) = accuracy_tables(summary)
    return table


def test_best_arm_and_runner_up_are_marked_per_metric(tmp_path: Path) -> None:
    summary = summarise(FakeStudy().write(tmp_path))
    table = accuracy_table(summary)
    for index, metric in enumerate(summary.metrics):
        marked = {row.cells[index].rank: row.name for row in table.arms}
        ranked = sorted(summary.arms, key=lambda arm: -(arm.mean(metric) or 0))
        assert (marked["best"], marked["second"]) == (ranked[0].name, ranked[1].name)


@pytest.mark.parametrize(
    ("values", "ranks", "winner"),
    [
        ((0.2, 0.2, 0.1), ("best", "best", "second"), "TS"),
        ((0.2, 0.3, 0.3), ("second", "best", "best"), "TS, E2E"),
        ((0.3, 0.2, 0.2), ("best", "second", "second"), "TS, E2E"),
        ((0.2, 0.2, 0.2), ("best", "best", "best"), "TS, E2E"),
        ((0.17364, 0.17358, 0.1735), ("best", "best", "second"), "TS"),
    ],
)
def test_equal_arms_share_their_mark_and_the_next_value_is_second(
    values: tuple[float, ...], ranks: tuple[str, ...], winner: str, tmp_path: Path
) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    set_test_metric(folder, "HR@10", dict(zip(("ID", "TS", "E2E"), values, strict=True)))
    table = accuracy_table(summarise(folder))
    assert tuple(row.cells[0].rank for row in table.arms) == ranks
    assert table.measures[0].winner == winner


def test_two_best_arms_are_both_bold_in_every_form(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    for metric in ("HR@10", "NDCG@10"):
        set_test_metric(folder, metric, {"ID": 0.25, "TS": 0.25, "E2E": 0.125})
    html = write_report(folder).read_text(encoding="utf-8")
    assert html.count("<b>25.00</b>") == 4 and html.count("<u>12.50</u>") == 2
    latex = (folder / "tables/accuracy.tex").read_text()
    assert latex.count(r"\textbf{25.00}") == 4 and latex.count(r"\underline{12.50}") == 2
    assert (folder / "report.md").read_text().count("**25.00 ± 0.00**") == 4


def test_targets_that_no_arm_can_find_stand_below_every_accuracy_table(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0, num_forced_misses=168).write(tmp_path)
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    share = "synthetic: 168 of 300 test targets (56.0%) are forced misses."
    cure = "no HR exceeds 44.0%. evaluation.mask_history: false ranks them."
    for text in (page.text, (folder / "tables/accuracy.tex").read_text()):
        assert share in text and cure in text
    markdown = (folder / "report.md").read_text().replace("\\", "")
    assert markdown.count(share) == markdown.count(cure) == 2
    row = (
        r"\multicolumn{8}{l}{\footnotesize synthetic: 56.0\% of the test targets are forced misses"
    )
    assert row in (folder / "tables/accuracy.tex").read_text()


def test_tables_without_forced_misses_say_nothing_of_them(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    write_report(folder)
    for name in ("report.md", "report.html", "tables/accuracy.tex"):
        assert "forced miss" not in (folder / name).read_text()


def test_a_reference_has_a_row_by_its_record_alone(tmp_path: Path) -> None:
    folder = FakeStudy().write(tmp_path)
    recorded = summarise(folder).manifest.references
    last_item = Reference(name="last item", valid={}, test={"HR@10": 0.0417})
    set_references(folder, (*recorded, last_item))

    rows = accuracy_table(summarise(folder)).references

    assert [row.name for row in rows] == ["popularity", "chance", "last item"]
    assert [cell.text for cell in rows[2].cells] == ["4.17", "n/a", "n/a"]


def test_a_new_reference_is_in_every_form_of_the_report(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    last_item = Reference(name="last item", valid={}, test={"HR@10": 0.0417})
    set_references(folder, (*summarise(folder).manifest.references, last_item))
    page = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert "references" in page and "last item" in page
    assert r"| last item \(reference\) | 4.17 | n/a |" in (folder / "report.md").read_text()
    assert "last item,HR@10,0.0417," in (folder / "tables/accuracy.csv").read_text()
    assert "& popularity & chance & last item" in (folder / "tables/accuracy.tex").read_text()


def test_references_have_rows_while_no_arm_has_run(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=()).write(tmp_path)))
    assert [row.name for row in table.references] == ["popularity", "chance"]


def test_a_study_without_references_has_no_row_for_them(tmp_path: Path) -> None:
    folder = FakeStudy(searches=0).write(tmp_path)
    set_references(folder, ())
    assert accuracy_table(summarise(folder)).references == ()


def test_a_single_arm_is_neither_best_nor_second(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=SMALL[:1]).write(tmp_path)))
    assert [cell.rank for cell in table.arms[0].cells] == ["", "", ""]
    assert [one.improvement for one in table.measures] == ["n/a", "n/a", "n/a"]


def test_improvement_is_printed_as_the_paper_prints_it(tmp_path: Path) -> None:
    """Table 2, MIND, HR@10 in percent: 18.68 against 17.71 is +5.48%."""
    folder = FakeStudy(searches=0).write(tmp_path)
    set_test_metric(folder, "HR@10", {"ID": 0.1771, "TS": 0.1868, "E2E": 0.1770})
    summary = summarise(folder)
    found = summary.improvement("HR@10")
    assert found is not None
    assert found.percent == pytest.approx(5.48, abs=0.005)
    measure = accuracy_table(summary).measures[0]
    assert (measure.improvement, measure.winner) == ("+5.5%", "TS")


def test_more_than_eight_arms_become_rows_grouped_by_heading(tmp_path: Path) -> None:
    table = accuracy_table(summarise(FakeStudy(arms=FUSION, searches=0).write(tmp_path)))
    assert table.has_arms_as_rows
    assert [(group.name, len(group.rows)) for group in table.groups] == [
        ("ID", 1),
        ("Text alone", 3),
        ("ID + TS", 4),
        ("ID + TS-DNN", 4),
        ("ID + E2E", 2),
    ]


@pytest.mark.parametrize(("num_gains", "are_rows"), [(0, False), (2, False), (3, True)])
def test_gains_count_as_columns_like_arms(num_gains: int, are_rows: bool, tmp_path: Path) -> None:
    arms = tuple(replace(arm, group=f"pair {n // 2}") for n, arm in enumerate(FUSION[:6]))
    named = [{"better": arms[n + 1].name, "than": arms[n].name} for n in (0, 2, 4)[:num_gains]]
    study = FakeStudy(arms=arms, searches=0, overrides={"contrasts": named})
    table = accuracy_table(summarise(study.write(tmp_path)))
    assert sum(bool(group.gains) for group in table.groups) == num_gains
    assert table.has_arms_as_rows == are_rows


@pytest.mark.parametrize(("num_more", "are_rows"), [(0, False), (5, False), (6, True)])
def test_more_than_two_references_count_as_columns_like_arms(
    num_more: int, are_rows: bool, tmp_path: Path
) -> None:
    folder = FakeStudy(arms=SMALL[:3], searches=0).write(tmp_path)
    popularity, chance = summarise(folder).manifest.references
    more = (popularity.model_copy(update={"name": str(number)}) for number in range(num_more))
    set_references(folder, (popularity, chance, *more))
    table = accuracy_table(summarise(folder))
    assert len(table.references) == 2 + num_more
    assert table.has_arms_as_rows == are_rows


def test_a_reference_that_is_left_out_is_not_available(tmp_path: Path) -> None:
    folder = FakeStudy(arms=SMALL[:2], searches=0).write(tmp_path)
    set_references(folder, [Reference(name="EASE", valid={}, test={}, left_out="why")])
    (row,) = accuracy_table(summarise(folder)).references
    assert [cell.text for cell in row.cells] == ["n/a"] * len(GAINS)


def test_arms_with_fewer_seeds_than_wanted_are_marked_and_named(tmp_path: Path) -> None:
    statuses = {("TS", "final", 0): "failed"}
    statuses |= {("E2E", "final", index): "not asked" for index in range(3)}
    table = accuracy_table(summarise(FakeStudy(statuses=statuses).write(tmp_path)))
    assert table.partial == ("TS 2 of 3",)
    assert [row.cells[0].is_partial for row in table.arms] == [False, True, False]
    assert table.arms[2].cells[0].text == "n/a"


THREE = FakeStudy(
    arms=REGULAR,
    datasets={"MIND": TEXT_ON, "HM": IMAGES_ON, "Bili": IMAGES_ON},
    num_users=80,
    searches=0,
    overrides={"baseline": "SASRec ID"},
)


def test_data_sets_share_one_table_with_gaps_up_to_eight_arms(tmp_path: Path) -> None:
    table = accuracy_table(summarise(THREE.write(tmp_path)))
    assert [(one.dataset, one.metric) for one in table.measures] == [
        (dataset, metric) for dataset in ("MIND", "HM", "Bili") for metric in ("HR@10", "NDCG@10")
    ]
    assert [row.name for row in table.arms] == [arm.name for arm in REGULAR]
    gaps = {row.name: [cell.text == "—" for cell in row.cells[::2]] for row in table.arms}
    assert gaps["SASRec ID"] == [False, False, False]
    assert gaps["SASRec BERT"] == [False, True, True]
    assert gaps["SASRec Swin-T"] == [True, False, False]


def test_column_headings_leave_out_the_words_of_the_group_heading(tmp_path: Path) -> None:
    table = accuracy_table(summarise(THREE.write(tmp_path)))
    assert [(group.heading, [row.heading for row in group.rows]) for group in table.groups] == [
        ("DSSM", ["ID", "BERT", "ResNet"]),
        ("SASRec", ["ID", "BERT", "RoBERTa", "ResNet", "Swin-T"]),
    ]


def test_a_column_that_is_its_own_group_is_named_once(tmp_path: Path) -> None:
    arms = (Arm("ID", {"id": True}, 1.0, 1.0, "ID"), *SMALL[1:])
    study = FakeStudy(arms=arms, datasets={"MIND": None, "HM": None}, searches=0)
    group = accuracy_table(summarise(study.write(tmp_path))).groups[0]
    assert (group.heading, group.rows[0].heading) == ("", "ID")


def test_best_runner_up_and_improvement_are_per_data_set_and_metric(tmp_path: Path) -> None:
    summary = summarise(THREE.write(tmp_path))
    table = accuracy_table(summary)
    for index, measure in enumerate(table.measures):
        own = [arm for arm in summary.arms if arm.entry.dataset == measure.dataset]
        means = {arm.label: arm.mean(measure.metric) or 0 for arm in own}
        best, second, *_ = sorted({*means.values()}, reverse=True)
        for row in table.arms:
            mean = means.get(row.name)
            expected = "best" if mean == best else "second" if mean == second else ""
            assert row.cells[index].rank == expected
        best = max(value for name, value in means.items() if name != "SASRec ID")
        gain = 100 * (best / means["SASRec ID"] - 1)
        assert measure.improvement == f"{gain:+.1f}%".replace("-", "−")


def test_popularity_and_chance_are_those_of_the_data_set(tmp_path: Path) -> None:
    recorded = summarise(THREE.write(tmp_path)).manifest.references
    chances = {"MIND": 0.01, "HM": 0.02, "Bili": 0.03}
    kept = [
        one.model_copy(update={"test": {"HR@10": chances[one.dataset], "NDCG@10": 0.0}})
        for one in recorded
        if (one.name, one.dataset) in [("popularity", "HM"), *(("chance", key) for key in chances)]
    ]
    set_references(tmp_path, kept)
    rows = {row.name: row for row in accuracy_table(summarise(tmp_path)).references}
    assert [cell.text for cell in rows["chance"].cells[::2]] == ["1.00", "2.00", "3.00"]
    assert [cell.text for cell in rows["popularity"].cells[::2]] == ["n/a", "2.00", "n/a"]


def test_a_data_set_with_other_arms_gets_a_table_of_its_own(tmp_path: Path) -> None:
    """As HM and Bili do in table 2, where seven columns of MIND and seven others do not fit."""
    names = [arm.name for arm in FUSION]
    study = FakeStudy(
        arms=FUSION,
        datasets={"MIND": tuple(names[:8]), "HM": ("ID", *names[8:]), "Bili": ("ID", names[9])},
        num_users=40,
        searches=0,
    )
    first, second = accuracy_tables(summarise(study.write(tmp_path)))
    assert (list(first.datasets), list(second.datasets)) == (["MIND"], ["HM", "Bili"])
    assert [row.name for row in second.arms] == ["ID", *names[8:]]
    assert not first.has_gaps and second.has_gaps


def test_over_several_data_sets_up_to_fourteen_short_names_are_columns(
    tmp_path: Path,
) -> None:
    both = {"MIND": None, "HM": None}
    study = FakeStudy(arms=FUSION, datasets=both, num_users=40, searches=0)
    table = accuracy_table(summarise(study.write(tmp_path / "fourteen")))
    assert not table.has_arms_as_rows and table.is_dense
    long = tuple(replace(arm, name=f"optim.lr=0.0001, {arm.name}") for arm in FUSION[:9])
    study = FakeStudy(arms=long, datasets=both, num_users=40, searches=0)
    assert accuracy_table(summarise(study.write(tmp_path / "long"))).has_arms_as_rows


@pytest.mark.parametrize(
    ("num_arms", "num_datasets", "is_dense"), [(5, 2, False), (6, 2, True), (8, 1, False)]
)
def test_with_more_than_five_columns_over_several_data_sets_deviations_go_below(
    num_arms: int, num_datasets: int, is_dense: bool, tmp_path: Path
) -> None:
    datasets = {key: None for key in ("MIND", "HM")[: num_datasets if num_datasets > 1 else 0]}
    study = FakeStudy(arms=FUSION[:num_arms], datasets=datasets, num_users=40, searches=0)
    table = accuracy_table(summarise(study.write(tmp_path)))
    assert (table.has_arms_as_rows, table.is_dense) == (False, is_dense)


@pytest.mark.parametrize(("num_datasets", "is_dense"), [(2, False), (3, True)])
def test_with_arms_as_rows_more_than_five_measures_put_deviations_below(
    num_datasets: int, is_dense: bool, tmp_path: Path
) -> None:
    arms = tuple(replace(arm, name=f"optim.lr=0.0001, {arm.name}") for arm in FUSION[:9])
    datasets = {key: None for key in ("MIND", "HM", "Bili")[:num_datasets]}
    study = FakeStudy(arms=arms, datasets=datasets, num_users=40, searches=0)
    (table,) = accuracy_tables(summarise(study.write(tmp_path)))
    assert (table.has_arms_as_rows, table.is_dense) == (True, is_dense)


def test_a_group_is_where_its_first_arm_is_and_neighbours_without_one_are_together(
    tmp_path: Path,
) -> None:
    names = (None, None, "A", None, "A", "B")
    arms = tuple(
        replace(arm, group=name) for arm, name in zip(FUSION[: len(names)], names, strict=True)
    )
    groups = accuracy_table(summarise(FakeStudy(arms=arms, searches=0).write(tmp_path))).groups
    found = [(group.name, [row.name for row in group.rows]) for group in groups]
    ids = [arm.name for arm in arms]
    assert found == [("", ids[:2]), ("A", [ids[2], ids[4]]), ("", [ids[3]]), ("B", [ids[5]])]


def test_the_one_contrast_named_within_a_group_is_its_improvement(tmp_path: Path) -> None:
    """Table 8: with second-round pre-training against without, 14.68 / 13.93 is +5.4%."""
    named = [{"better": "E2E", "than": "TS"}, {"better": "TS", "than": "ID"}]
    study = FakeStudy(
        datasets={"MIND": None, "HM": ("ID", "TS")}, searches=0, overrides={"contrasts": named}
    )
    folder = study.write(tmp_path)
    set_test_metric(folder, "HR@10", {"MIND/E2E": 0.1468, "MIND/TS": 0.1393})
    without, with_gains = accuracy_table(summarise(folder)).groups
    assert without.gains == ()
    assert with_gains.gains[0] == "+5.4%"
    assert with_gains.gains[2:] == ("—", "—")
