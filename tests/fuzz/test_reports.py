"""A damaged ledger gives a report in every form and a model card, or a ``DataError``."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from morec.errors import DataError, SpecError
from reports.export.model_card import CardFacts, model_card
from reports.study.report import read_report
from reports.write import write_report
from tests.fuzz.mutations import damaged, fuzzed
from tests.fuzz.test_ledger import SCALARS, SNIPPETS, places, texts_of
from tests.reports.made_up_examples import add_examples
from tests.reports.made_up_studies import SMALL, FakeStudy
from tune_space.commands.export import choose
from tune_space.ledger.records import Ledger

HOSTILE = st.sampled_from(
    [10**18, -1, 2**63, 1e300, "<script>alert(1)</script>", "../../x", "\x00", "\ud800", "9" * 5000]
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = FakeStudy(arms=SMALL[:2], searches=1, num_users=20).write(tmp_path_factory.mktemp("s"))
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
        inner[last] = data.draw(SCALARS | HOSTILE)
        (folder / name).write_bytes(json.dumps(whole[""]).encode())
    report_everything(folder)
