"""The page of any study: whole, self-contained, escaped, and made of the table of sections."""

import csv
import io
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from jinja2 import ChoiceLoader, DictLoader

from reports.__main__ import main
from reports.formats import QUICK_FORM
from reports.page import render
from reports.page.section import Section, drawing
from reports.page.template import environment
from reports.plots.losses import losses
from reports.study.report import Report, read_report
from reports.study.summary import summarise
from reports.write import write_report
from tests.reports.made_up_examples import add_examples
from tests.reports.made_up_studies import FUSION, IMAGES_ON, REGULAR, SMALL, TEXT_ON, Arm, FakeStudy
from tests.reports.pages import Page
from tune_space.ledger.records import Ledger

SECTIONS = [
    "summary",
    "accuracy",
    "significance",
    "cost",
    "complementarity",
    "curves",
    "hyperparameters",
    "trials",
    "data",
    "reproducibility",
]


@dataclass(frozen=True)
class Written:
    """A study in a folder, and its page."""

    study: FakeStudy
    folder: Path
    page: Page


def _page(study: FakeStudy, folder: Path) -> Page:
    return Page(write_report(study.write(folder)).read_text(encoding="utf-8"))


ALL_FAILED = {
    (arm.name, role, index): "failed"
    for arm in SMALL
    for role in ("search", "final")
    for index in range(4)
}
HALF = {(arm.name, "final", index): "not asked" for arm in SMALL[1:] for index in range(3)} | {
    ("ID", "final", 2): "missing"
}
CONDITIONS = {"published": {}, "strong ID": {"ID": 0.5}, "by <time>": {"ID": 0.0, "TS": 0.3}}
STUDIES = {
    "whole": FakeStudy(),
    "fourteen arms": FakeStudy(arms=FUSION, num_users=60, searches=1),
    "one arm": FakeStudy(arms=SMALL[:1]),
    "one seed": FakeStudy(seeds=(1,), searches=0),
    "all failed": FakeStudy(statuses=ALL_FAILED),
    "half finished": FakeStudy(statuses=HALF, state="running"),
    "empty": FakeStudy(arms=()),
    "three data sets": FakeStudy(
        arms=REGULAR,
        datasets={"MIND": TEXT_ON, "HM": IMAGES_ON, "Bili": IMAGES_ON},
        num_users=60,
        searches=1,
        overrides={"baseline": "SASRec ID"},
    ),
    "three conditions": FakeStudy(
        conditions=CONDITIONS, slices={"popularity": (100, 200)}, searches=1
    ),
    "three conditions on two data sets, half finished": FakeStudy(
        arms=SMALL[:2],
        datasets={"MIND": None, "HM": None},
        conditions=CONDITIONS,
        searches=0,
        num_users=60,
        state="running",
        statuses={("HM/strong ID/ID", "final", index): "not asked" for index in range(3)},
    ),
    "many arms on two data sets": FakeStudy(
        arms=(*FUSION, *REGULAR),
        datasets={"MIND": None, "HM": None},
        num_users=40,
        searches=0,
        statuses={("HM/ID", "final", 0): "missing"},
    ),
}
SLICED = FakeStudy(
    slices={"popularity": (20, 80, 200)},
    losses={"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)},
    searches=1,
)


@pytest.fixture(scope="module", params=STUDIES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Each of the studies with its page; nothing changes them."""
    study, folder = STUDIES[request.param], tmp_path_factory.mktemp("written")
    return Written(study, folder, _page(study, folder))


def test_any_study_gives_a_whole_page_that_loads_nothing(written: Written) -> None:
    study, folder, page = written.study, written.folder, written.page
    # Made-up studies store no example users.
    sections = [one for one in render.SECTIONS if one.id != "examples"]
    sliced = [one for one in sections if one.id != "slices" or study.slices]
    listed = [one for one in sliced if one.id != "recommended" or study.has_lists]
    held = [one for one in listed if one.id != "holds" or study.conditions]
    has_pairs = any(pair.overlap for pair in read_report(folder).pairs)
    assert page.sections == [one.id for one in held if one.id != "complementarity" or has_pairs]
    assert page.open == []
    for name, value in page.attributes:
        if name in ("src", "href", "action", "srcset", "data"):
            assert name == "href" and value is not None and value.startswith("#")
    source = (folder / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(", source)
    for trial in summarise(folder).trials:
        assert trial.trial_id in page.text


def test_ids_are_unique_and_links_lead_somewhere(written: Written) -> None:
    page = written.page
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {f"#{one}" for one in ids} >= {
        value for name, value in page.attributes if name == "href"
    }


def test_the_page_of_synthetic_data_says_so_and_a_real_one_does_not(tmp_path: Path) -> None:
    assert "Synthetic data." in _page(FakeStudy(), tmp_path / "made up").text
    FakeStudy().write(tmp_path / "real")
    ledger = Ledger(tmp_path / "real")
    manifest = ledger.read_manifest()
    assert manifest is not None
    real = manifest.datasets[0].model_copy(update={"is_synthetic": False})
    ledger.write_manifest(manifest.model_copy(update={"datasets": (real,)}))
    page = Page(write_report(tmp_path / "real").read_text(encoding="utf-8"))
    assert "Synthetic data." not in page.text


def test_failed_and_missing_trials_are_named_in_the_banner(tmp_path: Path) -> None:
    statuses = {("TS", "final", 0): "failed", ("E2E", "final", 1): "missing"}
    page = _page(FakeStudy(statuses=statuses), tmp_path)
    trials = {trial.status: trial.trial_id for trial in summarise(tmp_path).trials}
    start = page.text.index("Not complete.")
    banner = page.text[start : page.text.index("Do text encoders", start)]
    assert trials["failed"] in banner
    assert trials["missing"] in banner


def test_nothing_a_user_wrote_becomes_markup(tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script>"
    arms = (Arm(f"A{evil}", {"id": True}, 1.0, 1.0, evil), *SMALL[1:])
    statuses = {(arms[0].name, "search", 0): "failed"}
    harmless = _page(FakeStudy(), tmp_path / "harmless")
    page = _page(
        FakeStudy(arms=arms, question=evil, error=f"{evil}\n{evil}", statuses=statuses),
        tmp_path / "evil",
    )
    assert page.open == []
    assert len(page.scripts) == len(harmless.scripts)
    assert page.text.count("alert(1)") >= 4
    assert not any(script.strip() == "alert(1)" for script in page.scripts)


def test_figures_and_downloads_are_json(tmp_path: Path) -> None:
    page = _page(FakeStudy(), tmp_path)
    carried = [json.loads(script) for script in page.scripts if script.startswith("{")]
    assert len([one for one in carried if "layout" in one]) == len(carried) == 3 * 3 + 1 + 4
    downloads = page.packed("downloads")
    for name, text in downloads.items():
        assert (tmp_path / "tables" / name).read_text(encoding="utf-8") == text
    assert sorted(downloads) == [
        "accuracy.csv",
        "accuracy.tex",
        "complementarity.csv",
        "complementarity.tex",
        "contrasts.csv",
        "cost.csv",
        "data.csv",
        "preparations.csv",
        "trials.csv",
    ]


def test_sixty_trials_stay_below_two_and_a_half_megabytes(tmp_path: Path) -> None:
    study = FakeStudy(seeds=tuple(range(5)), searches=15, num_users=2_000)
    path = write_report(study.write(tmp_path))
    assert len(summarise(tmp_path).trials) == 60
    assert path.stat().st_size < 2_500_000


def test_writing_again_gives_the_same_bytes_and_leaves_no_partial_file(tmp_path: Path) -> None:
    path = write_report(FakeStudy(searches=1).write(tmp_path))
    first = path.read_bytes()
    assert write_report(tmp_path) == path == tmp_path / "report.html"
    assert path.read_bytes() == first
    assert not list(tmp_path.rglob("*.part"))


def test_trials_on_two_devices_have_a_pareto_figure_each_and_the_page_says_so(
    tmp_path: Path,
) -> None:
    FakeStudy(arms=FUSION[:4], searches=0).write(tmp_path)
    ledger = Ledger(tmp_path)
    for result in ledger.read_all().values():
        if result.cost is not None:
            device = "GPU" if result.config.item.text is not None else "CPU"
            cost = result.cost.model_copy(update={"device": device})
            ledger.write(result.model_copy(update={"cost": cost}))
    page = Page(write_report(tmp_path).read_text(encoding="utf-8"))
    assert "Trials ran on 2 kinds of devices" in page.text
    figures = {value for name, value in page.attributes if name == "data-name"}
    assert "pareto HR@10 GPU" in figures
    assert "pareto HR@10 CPU" not in figures, "one arm alone has nothing to be ranked with"
    text = (tmp_path / "tables" / "contrasts.csv").read_text(encoding="utf-8")
    across = [row for row in csv.DictReader(io.StringIO(text)) if row["than"] == "ID"]
    assert len(across) == 3 * 3
    assert {row["time_ratio"] for row in across} == {""}


def test_a_published_number_appears_once_and_only_under_its_own_heading(tmp_path: Path) -> None:
    overrides = {"expected": {"ID": {"HR@10": 17.71}}}
    text = _page(FakeStudy(overrides=overrides), tmp_path).text
    assert text.count("17.71") == 1
    assert text.index("Published numbers") < text.index("17.71") < text.index("Significance Each")


def test_the_command_prints_the_page_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "report.html")


def test_the_command_refuses_a_folder_without_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert f"{tmp_path}: no study has run here" in capsys.readouterr().err


def test_each_data_set_has_its_own_rows_headings_and_figures(tmp_path: Path) -> None:
    page = _page(STUDIES["three data sets"], tmp_path)
    text = page.text
    accuracy = text[text.index("Accuracy Test") : text.index("Significance Each")]
    rows = accuracy[accuracy.index("Dataset Metric") : accuracy.index("Copy LaTeX")]
    assert [rows.count(f"{key} HR@10") for key in ("MIND", "HM", "Bili")] == [1, 1, 1]
    assert "—: the arm does not run on that data set." in accuracy
    cost = text[text.index("Cost The paper’s") : text.index("Learning curves Validation")]
    assert [cost.count(f"{key} DSSM ID") for key in ("MIND", "HM", "Bili")] == [2, 2, 2]
    figures = {value for name, value in page.attributes if name == "data-name"}
    for key in ("MIND", "HM", "Bili"):
        assert {
            f"forest HR@10 {key}",
            f"curves HR@10 {key}",
            f"slice plot optim.lr {key}",
        } <= figures


def test_slices_and_loss_curves_are_in_the_page_where_the_study_has_them(tmp_path: Path) -> None:
    page = _page(SLICED, tmp_path)
    assert page.sections == [*SECTIONS[:4], "slices", *SECTIONS[4:]]
    links = {value for name, value in page.attributes if name == "href"}
    assert "#slices" in links
    section = page.text[page.text.index("Where does it win? Test") :]
    assert "new 20 users" in section
    assert section.count("too few to say") == 1 + 1
    assert "new 20 users too few to say cold 80 users tail" in section
    assert "second round of minilm, loss by epoch: train 3, 2.5; valid 4, 2.9, 2.6" in page.text
    names = {value for name, value in page.attributes if name == "data-name"}
    assert {"slices popularity", f"losses {'7a' * 16}"} <= names
    assert (tmp_path / "tables" / "slices.csv").exists()


def test_the_quick_form_says_so_at_the_top_and_shows_no_paper_numbers(tmp_path: Path) -> None:
    overrides = {"profile": "quick", "expected": {"ID": {"HR@10": 17.71}}}
    text = _page(FakeStudy(overrides=overrides), tmp_path).text
    start = text.index("Skip to the results")
    assert text.index(QUICK_FORM) < text.index("Synthetic data.", start)
    assert "17.71" not in text
    assert QUICK_FORM not in _page(FakeStudy(), tmp_path / "full").text


def test_a_learning_rate_grid_marks_collapsed_and_failed_trials(tmp_path: Path) -> None:
    encoder = {"text": {"name": "minilm", "trainable_layers": "all"}}
    arms = tuple(
        Arm(f"{lr} {own}", encoder, 1.0, 9.0, optim={"lr": lr, "encoder_lr": own})
        for lr in (1e-3, 1e-4)
        for own in (1e-4, 1e-5)
    )
    statuses = {(arms[0].name, "final", 0): "collapsed", (arms[1].name, "final", 0): "failed"}
    study = FakeStudy(arms=arms, seeds=(1,), searches=0, statuses=statuses)
    text = _page(study, tmp_path).text
    start = text.index("optim.encoder_lr 0.0001 0.001")
    cells = text[start : text.index("Hyperparameters No search")].split()
    first, second = cells.index("0.0001", 2), cells.index("1e-05")
    assert (cells[first + 2], cells[second + 2]) == ("collapsed", "failed")
    assert "0.00" not in cells


def test_names_of_data_sets_and_slices_cannot_carry_markup(tmp_path: Path) -> None:
    evil = "</script><b>x</b>"
    study = FakeStudy(
        datasets={evil: None, "HM": None}, slices={evil: (150, 150)}, losses={evil: (1.0,)}
    )
    page = _page(study, tmp_path)
    assert page.open == []
    assert "<b>x" not in (tmp_path / "report.html").read_text(encoding="utf-8")


TOY = """{% from "parts.html.j2" import figure, export_buttons %}
<p>{{ words }} {{ study.name }} {{ summary.main_metric }}</p>
{{ figure(drawing) }}
{{ export_buttons(exports) }}
"""
EVIL = "</script><script>alert(1)</script>"


def _toy(report: Report) -> dict[str, object] | None:
    """Words of a user and a figure; nothing for a study without arms."""
    if not report.summary.arms:
        return None
    figure = losses({EVIL: (2.0, 1.0)})
    return {"words": EVIL, "drawing": drawing("toy", f"Toy of {EVIL}", figure)}


def test_one_more_line_in_the_table_is_one_more_section(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In navigation and body, at its place, with its figure and buttons, and escaped."""
    section = Section("toy", f"Toy {EVIL}", _toy, ("trials.csv",))
    first, *others = render.SECTIONS
    monkeypatch.setattr(render, "SECTIONS", (first, section, *others))
    loaders = [environment().loader, DictLoader({"toy.html.j2": TOY})]
    monkeypatch.setattr(environment(), "loader", ChoiceLoader([one for one in loaders if one]))
    page = _page(FakeStudy(), tmp_path / "arms")
    assert page.sections == [SECTIONS[0], "toy", *SECTIONS[1:]]
    assert _links(page) == page.sections
    assert page.text.count(f"Toy {EVIL}") == len(("navigation", "heading"))
    assert f"{EVIL} made_up HR@10" in page.text and f"Toy of {EVIL}" in page.text
    assert "toy" in {value for name, value in page.attributes if name == "data-name"}
    assert [v for n, v in page.attributes if n == "data-save"].count("trials.csv") == 2
    assert not any(script.strip() == "alert(1)" for script in page.scripts)
    empty = _page(FakeStudy(arms=()), tmp_path / "empty")
    without = [one for one in SECTIONS if one != "complementarity"]
    assert empty.sections == _links(empty) == without


def _page_with_examples(study: FakeStudy, folder: Path) -> Page:
    add_examples(study.write(folder))
    return Page(write_report(folder).read_text(encoding="utf-8"))


def _links(page: Page) -> list[str]:
    """What the navigation leads to: every link to a section but the one that skips it."""
    links = [value[1:] for name, value in page.attributes if name == "href" and value]
    return links[1:]


def test_navigation_headings_and_body_have_the_order_of_the_table(tmp_path: Path) -> None:
    page = _page_with_examples(replace(SLICED, has_lists=True, conditions=CONDITIONS), tmp_path)
    assert page.sections == [section.id for section in render.SECTIONS]
    assert _links(page) == [*page.sections, "holds"]
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    wanted = [section.title for section in render.SECTIONS if section.has_heading]
    assert re.findall(r"<h2>(.*)</h2>", source) == wanted


def test_every_file_that_a_section_names_has_a_button(tmp_path: Path) -> None:
    importance = {"optim.lr": 0.6, "model.dropout": 0.4}
    slices = {"popularity": (100, 200)}
    study = FakeStudy(slices=slices, importance=importance, has_lists=True, conditions=CONDITIONS)
    page = _page_with_examples(study, tmp_path)
    buttons = [value for name, value in page.attributes if name == "data-copy"]
    assert buttons == [name for section in render.SECTIONS for name in section.exports]


def test_each_section_has_a_template_of_its_own_and_no_template_is_left_over() -> None:
    folder = Path(render.__file__).parent / "templates"
    shared = {"page", "parts", "accuracy_table", "studies"}
    own = [f"{section.id}.html.j2" for section in render.SECTIONS]
    assert sorted(own) == sorted(
        path.name
        for path in folder.glob("*.html.j2")
        if path.name.removesuffix(".html.j2") not in shared
    )
