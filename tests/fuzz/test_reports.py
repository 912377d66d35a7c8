"""A damaged ledger gives a report in every form and a model card, or a ``DataError``."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from morec.config import ByTimeSpec, ByTimeSplit
from morec.errors import DataError, SpecError
from reports.export.model_card import CardFacts, model_card
from reports.study.report import read_report
from reports.write import write_report
from tests.fuzz.mutations import damaged, fuzzed
from tests.fuzz.test_ledger import SCALARS, SNIPPETS, places, texts_of
from tests.reports.made_up_examples import add_examples
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.commands.export import choose
from tune_space.ledger.manifest import Manifest
from tune_space.ledger.records import Ledger

HOSTILE = st.sampled_from(
    [10**18, -1, 2**63, 1e300, "<script>alert(1)</script>", "../../x", "\x00", "\ud800", "9" * 5000]
)


COUNTS = {
    "train_items_fitted": 40,
    "directions": 37,
    "directions_without_spread": 3,
    "users_with_train_interactions": 18,
    **dict.fromkeys(
        (
            f"{split}_{name}"
            for split in ("valid", "test")
            for name in ("targets", "users_without_a_past", "users_without_a_history")
        ),
        20,
    ),
}
"""Of a data set split by time, and of features that lost directions."""


def with_counts(manifest: Manifest) -> Manifest:
    """The manifest as of data split by time and of processed features."""
    by_time = {
        "counts": COUNTS,
        "split": ByTimeSplit(by_time=ByTimeSpec(target="first")),
        "cuts_s": (1_577_880_000, 1_577_980_000),
    }
    datasets = tuple(one.model_copy(update=by_time) for one in manifest.datasets)
    made = tuple(one.model_copy(update={"counts": COUNTS}) for one in manifest.preparations)
    return manifest.model_copy(update={"datasets": datasets, "preparations": made})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with nearly everything that a page can show."""
    made = FakeStudy(
        arms=SMALL[:2],
        searches=2,
        num_users=20,
        slices={"popularity": (4, 16), "history": (10, 10)},
        losses={"train": (2.0, 1.5), "valid": (2.1, 1.9, 1.6)},
        has_lists=True,
        energy_j=3600.0,
    ).write(tmp_path_factory.mktemp("s"))
    ledger = Ledger(made)
    ledger.write_manifest(with_counts(ledger.manifest()))
    add_examples(made)
    return made


@pytest.fixture(scope="module")
def texts(folder: Path) -> dict[str, bytes]:
    return texts_of(folder)


def report_everything(folder: Path) -> None:
    """What ``--report``, ``python -m reports`` and a card of ``--export`` read."""
    try:
        write_report(folder)
        chosen = choose(Ledger(folder), "TS")
        facts = CardFacts(chosen.record, "why", "all")
        card = model_card(read_report(folder), chosen.arm.name, facts)
        assert isinstance(yaml.safe_load(card.split("---\n")[1]), dict)
    except (DataError, SpecError) as error:  # An arm of another name is not the one asked for.
        assert str(error).strip()


@fuzzed(6)
@given(st.data())
def test_a_damaged_ledger_is_reported_or_a_data_error(folder, texts, data) -> None:
    name = data.draw(st.sampled_from(sorted(texts)))
    for other, text in texts.items():
        (folder / other).write_bytes(text)
    if data.draw(st.booleans()):
        (folder / name).write_bytes(data.draw(damaged([texts[name]], SNIPPETS)))
    else:
        whole = {"": json.loads(texts[name])}
        *parents, last = ("", *data.draw(st.sampled_from(places(whole[""]))))
        inner = whole
        for step in parents:
            inner = inner[step]
        if last and isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = data.draw(SCALARS | HOSTILE)
        (folder / name).write_bytes(json.dumps(whole[""]).encode())
    report_everything(folder)


def test_the_whole_ledger_is_reported(folder, texts) -> None:
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    write_report(folder)
    assert "differ in 37 of 40 directions" in (folder / "report.html").read_text("utf-8")
