"""The page in a real Chromium: silent, offline, accessible, on phones, by keyboard, on paper."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, JSHandle, Page, sync_playwright

from morec.metrics import GAINS
from reports.page.render import SECTIONS
from reports.study.summary import summarise
from reports.write import write_report, write_reports
from tests.reports.made_up_examples import PICTURE, add_examples
from tests.reports.made_up_studies import FUSION, SMALL, FakeStudy

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
EVIL = "<script>alert('item')</script><img src=x onerror=alert(1)>"
PHONE, DESKTOP = WIDTHS = (390, 1280)
THEMES = ("light", "dark")
EVERYTHING = FakeStudy(
    searches=2,
    seeds=(1, 2),
    num_users=60,
    slices={"popularity": (20, 40)},
    has_lists=True,
    conditions={"published": {}, "strong ID": {"ID": 0.6}},
    losses={"train": (3.0, 2.5), "valid": (4.0, 2.9, 2.6)},
    also_searched={"model.dropout": (0.0, 0.5)},
    importance={"optim.lr": 0.8, "model.dropout": 0.2},
    statuses={
        ("TS", "search", 0): "failed",
        ("E2E", "search", 1): "collapsed",
        ("ID", "final", 1): "missing",
    },
    question=f"Do fused arms win? {EVIL}",
    error=f"Traceback\n{EVIL}",
    overrides={
        "contrasts": [{"better": "TS", "than": "ID"}, {"better": "E2E", "than": "ID"}],
        "expected": {"ID": {"HR@10": 17.71}},
    },
)
"""Small, with something to show in every section."""

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
    study = replace(
        EVERYTHING,
        arms=FUSION,
        searches=4,
        num_users=300,
        slices={"popularity": (20, 80, 200)},
        has_lists=False,
        conditions={},
    )
    return _written(study, tmp_path_factory.mktemp("studies") / "fusion")


def _written(study: FakeStudy, folder: Path) -> Path:
    made = study.write(folder)
    add_examples(made, title=EVIL, picture=PICTURE)
    return made


@pytest.fixture(scope="module")
def report(folder: Path) -> Path:
    return write_report(folder)


class Opened:
    """A page in a browser context without network, with its console messages and its requests."""

    def __init__(self, context: BrowserContext) -> None:
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page = context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("dialog", lambda dialog: self.messages.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def go(self, path: Path, width: int = DESKTOP) -> None:
        """Open this file in a window of this width, as if nothing had been opened before."""
        self.page.goto("about:blank")
        self.page.emulate_media(media="screen", color_scheme="light")
        self.page.set_viewport_size({"width": width, "height": 900})
        self.messages.clear()
        self.requests.clear()
        self.page.goto(path.as_uri())


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Opened]:
    """One tab for most tests: its process keeps what it has compiled of a page's scripts."""
    context = browser.new_context(offline=True, accept_downloads=True)
    yield Opened(context)
    context.close()


@pytest.fixture
def fresh(tab: Opened) -> Iterator[Opened]:
    """The tab, in which a test opens its page; what the page has stored is forgotten after it."""
    yield tab
    tab.page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")


@pytest.fixture
def opened(fresh: Opened, report: Path) -> Opened:
    fresh.go(report)
    return fresh


def _unfold(page: Page) -> None:
    """Every tab's panel shown, every detail open, a trial in its panel, the first figure drawn."""
    page.evaluate(
        """() => {
          document.querySelectorAll("details").forEach((one) => { one.open = true; });
          document.querySelectorAll("[role=tabpanel]").forEach((one) => { one.hidden = false; });
        }"""
    )
    page.locator("#trial-table button.trial-name").first.click()
    page.locator("#trial-detail .plot svg").first.wait_for(timeout=120_000)
    page.locator("figure[data-name]").first.scroll_into_view_if_needed()
    page.locator("figure[data-name] .save").first.wait_for(timeout=120_000)


def _draw_everything(page: Page) -> None:
    """Every figure comes into view and is drawn."""
    page.evaluate(
        """async () => {
          const undrawn = (one) => one.querySelector(".save").hidden;
          for (const one of document.querySelectorAll("figure[data-name]")) {
            one.scrollIntoView();
            for (let tries = 0; undrawn(one) && tries < 6000; tries += 1) {
              await new Promise((done) => setTimeout(done, 20));
            }
          }
        }"""
    )
    assert page.locator("figure[data-name] .save[hidden]").count() == 0


COLOURS = ("color-contrast", "link-in-text-block")
"""Rules of axe-core about colours: they alone depend on the theme, and take longest by far."""
LOOKS = """(within) => {
  const asked = ["color", "backgroundColor", "backgroundImage", "fontSize", "fontWeight", "opacity",
    "textDecorationLine", "textShadow", "position"];
  const look = (one) => {
    const style = one && getComputedStyle(one);
    return one ? asked.map((name) => style[name]).join() + look(one.parentElement) : "";
  };
  const hasText = (one) => one.matches("input, select")
    || [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const shown = [...document.querySelectorAll(`${within} *`)]
    .filter((one) => hasText(one) && one.checkVisibility() && !one.closest("svg"));
  return [...new Map(shown.reverse().map((one) => [look(one), one])).values()];
}"""
"""The first of all elements whose text looks alike, by its own style and all that it stands on.

axe-core cannot tell what is behind the text of an SVG.
"""


def _violations(page: Page) -> list[str]:
    """What axe-core finds on the whole page by every rule but those about colours."""
    return _axe(page, "html", {"rules": {rule: {"enabled": False} for rule in COLOURS}})


def _faint(page: Page, within: str = "html") -> list[str]:
    """What the rules about colours find in each theme, on a page or in a part of it."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        page.wait_for_function(
            "(theme) => [theme, undefined].includes(document.documentElement.dataset.theme)",
            arg=theme,
        )
        looks = page.evaluate_handle(LOOKS, within)
        found += [f"{theme}: {one}" for one in _axe(page, looks, {"runOnly": list(COLOURS)})]
    return found


def _axe(page: Page, within: JSHandle | str, options: dict[str, Any]) -> list[str]:
    """What axe-core finds there, with the first element of each kind."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "([within, options]) => axe.run(within, options)",
        [within, options | {"resultTypes": ["violations"]}],
    )
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


def _resize(page: Page, width: int) -> None:
    """Give the window this width, and wait until every figure that is shown fills its place."""
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function(
        """() => [...document.querySelectorAll(".plot")].every((one) => {
          const drawn = one.querySelector("svg.main-svg");
          return !drawn || Math.abs(drawn.getBoundingClientRect().width - one.clientWidth) < 1;
        })"""
    )


def _overflow(page: Page) -> int:
    return int(page.evaluate("() => document.documentElement.scrollWidth - innerWidth"))


def test_a_page_of_all_sections_is_accessible_and_silent_with_everything_open(
    fresh: Opened, tmp_path: Path
) -> None:
    fresh.go(write_report(_written(EVERYTHING, tmp_path)), PHONE)
    page = fresh.page
    assert page.locator("main > section").count() == len(SECTIONS)
    _unfold(page)
    for width in WIDTHS:
        _resize(page, width)
        assert _faint(page) == [], width
    _draw_everything(page)
    for width in WIDTHS:
        _resize(page, width)
        assert (_overflow(page), _violations(page)) == (0, []), width
    assert fresh.messages == []
    outside = [url for url in fresh.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert outside == []


def test_nothing_is_wider_than_the_window(fresh: Opened, report: Path) -> None:
    fresh.go(report, PHONE)
    _unfold(fresh.page)
    _draw_everything(fresh.page)
    for width in WIDTHS:
        _resize(fresh.page, width)
        assert _overflow(fresh.page) <= 0, width
    assert fresh.messages == []


def test_without_javascript_every_table_and_every_name_is_there(
    browser: Browser, folder: Path, report: Path
) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    text = page.inner_text("main")
    context.close()
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


def test_on_paper_every_figure_is_drawn_at_once_and_nothing_is_wider(
    fresh: Opened, report: Path
) -> None:
    fresh.go(report, PRINT_PX)
    page = fresh.page
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
    assert fresh.messages == []


def test_the_page_of_several_studies_is_accessible_on_a_phone(
    fresh: Opened, tmp_path: Path
) -> None:
    study = FakeStudy(arms=SMALL[:2], searches=0, num_users=40)
    folders = [study.write(tmp_path / name) for name in ("one", "two")]
    fresh.go(write_reports(folders, ("html",))[0], PHONE)
    page = fresh.page
    assert _overflow(page) <= 0
    assert _violations(page) + _faint(page) == []
    page.get_by_role("link", name="full report").first.click()
    assert page.url == (folders[0] / "report.html").as_uri()
    assert fresh.messages == []


def test_a_learning_rate_grid_is_accessible_in_both_themes(fresh: Opened, tmp_path: Path) -> None:
    rates = (1e-4, 1e-3)
    grid = tuple((lr, encoder_lr) for lr in rates for encoder_lr in rates)
    statuses = {("E2E", "search", 3): "collapsed"}
    study = FakeStudy(arms=SMALL[2:], grid=grid, searches=4, statuses=statuses, num_users=40)
    fresh.go(write_report(study.write(tmp_path), ("html",)))
    assert fresh.page.locator(".heat td.broken").inner_text() == "collapsed"
    assert _violations(fresh.page) + _faint(fresh.page) == []


def test_a_running_studys_page_is_accessible_and_its_reload_can_be_switched_off(
    fresh: Opened, tmp_path: Path
) -> None:
    study = FakeStudy(searches=0, state="running", statuses={("TS", "final", 2): "missing"})
    fresh.go(write_report(study.write(tmp_path)))
    page = fresh.page
    assert _violations(page) + _faint(page) == []
    page.uncheck("#reload")
    page.reload()
    assert not page.is_checked("#reload")
