import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.page import write_report
from reports.summary import summarise
from tests.reports.made_up_studies import FUSION, SMALL, Arm, FakeStudy
from tune_space.ledger import Ledger

SECTIONS = [
    "summary",
    "accuracy",
    "significance",
    "cost",
    "curves",
    "hyperparameters",
    "trials",
    "reproducibility",
]
VOID = {"meta", "input", "br", "link", "img"}


class Page(HTMLParser):
    """What a reader and a test need of a page: text, sections, scripts, attributes, balance."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections: list[str | None] = []
        self.scripts: list[str] = []
        self.texts: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(dict(attrs)["id"])
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


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
STUDIES = {
    "whole": FakeStudy(),
    "fourteen arms": FakeStudy(arms=FUSION, num_users=60, searches=1),
    "one arm": FakeStudy(arms=SMALL[:1]),
    "one seed": FakeStudy(seeds=(1,), searches=0),
    "all failed": FakeStudy(statuses=ALL_FAILED),
    "half finished": FakeStudy(statuses=HALF, state="running"),
    "empty": FakeStudy(arms=()),
}


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES.keys())
def test_any_study_gives_a_whole_page_that_loads_nothing(study: FakeStudy, tmp_path: Path) -> None:
    page = _page(study, tmp_path)
    assert page.sections == SECTIONS
    assert page.open == []
    for name, value in page.attributes:
        if name in ("src", "href", "action", "srcset", "data"):
            assert name == "href" and value is not None and value.startswith("#")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|@import|url\(", source)
    for trial in summarise(tmp_path).trials:
        assert trial.trial_id in page.text


@pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES.keys())
def test_ids_are_unique_and_links_lead_somewhere(study: FakeStudy, tmp_path: Path) -> None:
    page = _page(study, tmp_path)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {f"#{one}" for one in ids} >= {
        value for name, value in page.attributes if name == "href"
    }


def test_synthetic_data_is_said_first(tmp_path: Path) -> None:
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
    figures = [one for one in carried if "layout" in one]
    assert len(figures) == 2 * 3 + 1
    downloads = carried[-1]
    for name, text in downloads.items():
        assert (tmp_path / "tables" / name).read_text(encoding="utf-8") == text
    assert sorted(downloads) == [
        "accuracy.csv",
        "accuracy.tex",
        "contrasts.csv",
        "cost.csv",
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


def test_the_paper_is_never_presented_as_ours(tmp_path: Path) -> None:
    overrides = {"expected": {"ID": {"HR@10": 17.71}}}
    text = _page(FakeStudy(overrides=overrides), tmp_path).text
    assert text.count("17.71") == 1
    assert text.index("Beside the paper") < text.index("17.71") < text.index("Significance Each")


def test_the_command_prints_the_page_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeStudy(arms=SMALL[:1], searches=0).write(tmp_path)
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")


def test_the_command_refuses_a_folder_without_a_study(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert f"{tmp_path}: no manifest.json here" in capsys.readouterr().err
