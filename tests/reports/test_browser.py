"""The page in a real Chromium: silent, offline, accessible, on phones, by keyboard, on paper."""

import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from morec.metrics import GAINS
from reports.study.summary import summarise
from reports.write import write_report, write_reports
from tests.reports.made_up_examples import PICTURE, add_examples
from tests.reports.made_up_studies import CONDITIONS, FUSION, SMALL, FakeStudy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
EVIL = "<script>alert('item')</script><img src=x onerror=alert(1)>"
WIDTHS = (1280, 390)
THEMES = ("light", "dark")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine's PATH"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen arms with slices, examples, a second round, failed and collapsed trials."""
    study = FakeStudy(
        arms=FUSION,
        slices={"popularity": (20, 80, 200)},
        losses={"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)},
        also_searched={"model.dropout": (0.0, 0.5)},
        importance={"optim.lr": 0.8, "model.dropout": 0.2},
        statuses={
            ("TS", "search", 0): "failed",
            ("E2E", "search", 1): "collapsed",
            ("ID", "final", 2): "missing",
        },
        question=f"Do fused arms win? {EVIL}",
        error=f"Traceback\n{EVIL}",
        overrides={
            "contrasts": [{"better": "E2E", "than": "ID"}],
            "expected": {"ID": {"HR@10": 17.71}},
        },
    )
    made = study.write(tmp_path_factory.mktemp("studies") / "fusion")
    add_examples(made, title=EVIL, picture=PICTURE)
    return made


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return write_report(folder)


class Opened:
    """A page in a browser context without network, with its console messages and its requests."""

    def __init__(self, context: BrowserContext, path: Path) -> None:
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture
def opened(browser: Browser, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """The report; a test's parameter may hold options of the browser's context."""
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True}
    options |= getattr(request, "param", {})
    context = browser.new_context(offline=True, **options)
    yield Opened(context, report)
    context.close()


def _open_everything(page: Page) -> None:
    """Every figure drawn, every tab's panel shown, every detail open, a trial in its panel."""
    page.evaluate(
        """async () => {
          document.querySelectorAll("details").forEach((one) => { one.open = true; });
          document.querySelectorAll("[role=tabpanel]").forEach((one) => { one.hidden = false; });
          const undrawn = (one) => one.querySelector(".save").hidden;
          for (const one of document.querySelectorAll("figure[data-name]")) {
            one.scrollIntoView();
            for (let tries = 0; undrawn(one) && tries < 6000; tries += 1) {
              await new Promise((done) => setTimeout(done, 20));
            }
          }
        }"""
    )
    page.locator("#trial-table button.trial-name").first.click()
    page.locator("#trial-detail .plot svg").first.wait_for(timeout=120_000)
    assert page.locator("figure[data-name] .save[hidden]").count() == 0


def _violations(page: Page) -> list[str]:
    """What axe-core finds, with the first element of each kind."""
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


def _overflow(page: Page) -> int:
    return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))


@pytest.mark.parametrize(
    "opened", [{"color_scheme": theme} for theme in THEMES], indirect=True, ids=THEMES
)
def test_the_page_is_accessible_and_silent_with_every_section_open(
    opened: Opened, report: Path
) -> None:
    _open_everything(opened.page)
    assert _violations(opened.page) == []
    assert opened.messages == []
    outside = [url for url in opened.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []


@pytest.mark.parametrize(
    "opened",
    [{"viewport": {"width": width, "height": 800}} for width in WIDTHS],
    indirect=True,
    ids=map(str, WIDTHS),
)
def test_nothing_is_wider_than_the_window(opened: Opened) -> None:
    _open_everything(opened.page)
    assert _overflow(opened.page) <= 0
    assert opened.messages == []


@pytest.mark.parametrize("opened", [{"java_script_enabled": False}], indirect=True)
def test_without_javascript_every_table_and_every_name_is_there(
    opened: Opened, folder: Path
) -> None:
    text = opened.page.inner_text("main")
    for arm in summarise(folder).arms:
        assert arm.name in text
    for trial in summarise(folder).trials:
        assert trial.trial_id in text
    assert "Without JavaScript there are no figures" in text
    assert EVIL in text


def test_text_of_users_is_not_markup_in_the_explorer_either(opened: Opened) -> None:
    page = opened.page
    page.fill("#trial-filter", "failed")
    page.locator("#trial-table button.trial-name").click()
    assert EVIL in page.locator("#trial-detail pre").inner_text()
    assert opened.messages == []


def test_trials_are_sorted_filtered_and_paged(opened: Opened, folder: Path) -> None:
    page, summary = opened.page, summarise(folder)
    total = len(summary.trials)
    shown = page.locator("#trial-shown")
    assert shown.inner_text() == f"1 to 50 of {total} trials"
    page.click("#trial-next")
    assert shown.inner_text() == f"51 to {total} of {total} trials"
    page.select_option("#trial-role", "final")
    num_final = sum(trial.role == "final" for trial in summary.trials)
    assert shown.inner_text() == f"1 to {num_final} of {num_final} trials ({total} in all)"
    heading = page.locator("#trial-table th", has_text="Test")
    heading.locator("button").click()
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    values = page.locator("#trial-table tbody tr:not(.error-row) td:nth-child(7)").all_inner_texts()
    numbers = [float(value or -1) for value in values]
    assert numbers == sorted(numbers, reverse=True)


def test_two_trials_are_compared_by_what_differs(opened: Opened, folder: Path) -> None:
    page = opened.page
    first, second = summarise(folder).arms[0].searches[:2]
    page.fill("#trial-filter", first.trial_id)
    page.locator("#trial-table button.trial-name").click()
    single = page.locator("#trial-detail").inner_text()
    assert "dataset.kind" in single and first.trial_id in single
    page.get_by_role("button", name="Compare with another trial").click()
    page.fill("#trial-filter", second.trial_id)
    page.locator("#trial-table button.trial-name").click()
    table = page.locator("#trial-detail table", has_text="Configuration: what differs")
    differing = {path for path in first.params if first.params[path] != second.params[path]}
    assert set(table.locator("tbody th").all_inner_texts()) == differing
    page.get_by_role("button", name="Close").click()
    assert page.locator("#trial-detail").is_hidden()
    assert page.evaluate("() => document.activeElement.textContent") == second.trial_id


def test_everything_can_be_reached_and_used_by_keyboard(opened: Opened) -> None:
    page = opened.page
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    tab = page.locator("[role=tab]").first
    tab.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-selected')") == "true"
    assert tab.get_attribute("aria-selected") == "false"
    page.locator("summary", has_text="The study file").focus()
    page.keyboard.press("Enter")
    assert page.locator("details[open] summary", has_text="The study file").count() == 1
    page.locator("#trial-table th[data-field=seed] button").focus()
    page.keyboard.press("Enter")
    assert page.locator("th[data-field=seed]").get_attribute("aria-sort") == "ascending"
    name = page.locator("#trial-table button.trial-name").first
    name.focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "trial-detail"
    assert opened.messages == []


def test_tables_are_saved_as_they_are(opened: Opened, report: Path) -> None:
    with opened.page.expect_download() as download:
        opened.page.click("button[data-save='accuracy.csv']")
    written = (report.parent / "tables" / "accuracy.csv").read_text(encoding="utf-8")
    assert download.value.path().read_text(encoding="utf-8") == written


def test_the_theme_is_the_readers_choice(opened: Opened) -> None:
    page = opened.page
    page.click("#theme")
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"


def test_print_is_a_light_pdf_of_several_pages(opened: Opened) -> None:
    opened.page.click("#theme")
    pdf = opened.page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert pdf.count(b"/Type /Page\n") >= 4
    assert opened.messages == []


PRINT_PX = 688
"""Between the margins of A4 at 96 dots an inch."""


@pytest.mark.parametrize(
    "opened", [{"viewport": {"width": PRINT_PX, "height": 900}}], indirect=True, ids=["A4"]
)
def test_on_paper_every_figure_is_drawn_at_once_and_nothing_is_wider(opened: Opened) -> None:
    page = opened.page
    page.wait_for_function("() => window.Plotly", timeout=120_000)
    page.emulate_media(media="print")
    undrawn, hidden = page.evaluate(
        """() => {
          dispatchEvent(new Event("beforeprint"));
          const figures = [...document.querySelectorAll("figure[data-name]")];
          return [figures.filter((one) => !one.querySelector("svg.main-svg")).length,
            document.querySelectorAll("[role=tabpanel][hidden]").length];
        }"""
    )
    assert (undrawn, hidden) == (0, 0)
    assert _overflow(page) <= 0
    page.emulate_media(media="screen")
    page.evaluate("() => dispatchEvent(new Event('afterprint'))")
    # Three sections have a tab a metric, and one of them is shown.
    assert page.locator("[role=tabpanel][hidden]").count() == 3 * (len(GAINS) - 1)
    assert opened.messages == []


def test_the_page_of_several_studies_is_accessible_on_a_phone(
    browser: Browser, tmp_path: Path
) -> None:
    folders = [FakeStudy(searches=0).write(tmp_path / name) for name in ("one", "two")]
    page = write_reports(folders, ("html",))[0]
    for theme in THEMES:
        context = browser.new_context(
            offline=True, color_scheme=theme, viewport={"width": 390, "height": 800}
        )
        opened = Opened(context, page)
        assert _overflow(opened.page) <= 0
        assert _violations(opened.page) == []
        opened.page.get_by_role("link", name="full report").first.click()
        assert opened.page.url == (folders[0] / "report.html").as_uri()
        assert opened.messages == []
        context.close()


def test_a_learning_rate_grid_is_accessible_in_both_themes(
    browser: Browser, tmp_path: Path
) -> None:
    rates = (1e-5, 1e-4, 1e-3)
    grid = tuple((lr, encoder_lr) for lr in rates for encoder_lr in rates)
    statuses = {("E2E", "search", 8): "collapsed"}
    study = FakeStudy(arms=SMALL[2:], grid=grid, searches=9, statuses=statuses, num_users=40)
    page = write_report(study.write(tmp_path), ("html",))
    for theme in THEMES:
        context = browser.new_context(offline=True, color_scheme=theme)
        opened = Opened(context, page)
        assert opened.page.locator(".heat td.broken").inner_text() == "collapsed"
        assert _violations(opened.page) == []
        context.close()


def test_a_running_studys_page_is_accessible_and_its_reload_can_be_switched_off(
    browser: Browser, tmp_path: Path
) -> None:
    study = FakeStudy(searches=0, state="running", statuses={("TS", "final", 2): "missing"})
    context = browser.new_context(offline=True)
    opened = Opened(context, write_report(study.write(tmp_path)))
    assert _violations(opened.page) == []
    opened.page.uncheck("#reload")
    opened.page.reload()
    assert not opened.page.is_checked("#reload")
    context.close()


def test_a_study_with_conditions_is_accessible_with_every_fold_open(
    browser: Browser, tmp_path: Path
) -> None:
    named = {"contrasts": [{"better": "TS", "than": "ID"}, {"better": "E2E", "than": "ID"}]}
    study = FakeStudy(conditions=CONDITIONS, searches=1, num_users=60, overrides=named)
    page = write_report(study.write(tmp_path), ("html",))
    for theme in THEMES:
        context = browser.new_context(
            offline=True, color_scheme=theme, viewport={"width": 390, "height": 800}
        )
        opened = Opened(context, page)
        _open_everything(opened.page)
        assert _overflow(opened.page) <= 0
        assert _violations(opened.page) == []
        assert opened.messages == []
        context.close()
