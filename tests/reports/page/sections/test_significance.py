"""The section on significance: its comparisons in groups."""

from pathlib import Path

from reports.page.sections.significance import contrast_groups
from reports.study.contrasts import compare
from reports.study.summary import summarise
from tests.reports.made_up_studies import FakeStudy


def test_contrasts_are_grouped_into_named_exploratory_and_reference(tmp_path: Path) -> None:
    named = {"contrasts": [{"better": "E2E", "than": "ID"}]}
    contrasts = compare(summarise(FakeStudy(overrides=named).write(tmp_path)))
    groups = contrast_groups([c for c in contrasts if c.metric == "HR@10"], "ID")
    assert [(heading.split()[0], len(rows)) for heading, rows in groups.items()] == [
        ("Named", 1),
        ("Exploratory:", 1),
        ("Against", 3),
    ]
