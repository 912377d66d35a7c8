"""What starts first: a comparison that is soon told, then what takes longest."""

import pytest

from tune_space.schedule.starting_order import starting_order
from tune_space.study.arm import Arm
from tune_space.study.expand import expand
from tune_space.study.load import parse_study
from tune_space.study.spec import ContrastSpec, StudySpec

STUDY = """
question: q
baseline: ID
base: {dataset: {kind: synthetic}, item: {}}
arms:
  ID: {item.id: true}
  TS: {item.text: &text {name: tiny-random, pretrained: false, trainable_layers: 0}}
  E2E: {item.text: {name: tiny-random, pretrained: false, trainable_layers: all}}
  ID+E2E:
    item: {id: true, text: {name: tiny-random, pretrained: false, trainable_layers: 1}, fusion: add}
  ID+TS: {item: {id: true, text: *text, fusion: add}}
  late: {ensemble: [ID, TS]}
"""
CONDITIONS = "conditions: {plain: {}, other: {optim.lr: 1.0e-3}}\n"
LONGEST = ["E2E", "ID+E2E"]


def study(text: str = STUDY) -> StudySpec:
    return parse_study(text, "study.yaml", "study")


def arms() -> tuple[Arm, ...]:
    return expand(study())


def contrasts(*pairs: tuple[str, str]) -> list[ContrastSpec]:
    return [ContrastSpec(better=better, than=than) for better, than in pairs]


def test_without_contrasts_what_takes_longest_starts_first_and_the_rest_as_given() -> None:
    assert list(starting_order(arms(), [])) == [*LONGEST, "ID", "TS", "ID+TS", "late"]


@pytest.mark.parametrize(
    ("pairs", "first"),
    [
        ([("ID+TS", "TS")], ["TS", "ID+TS"]),
        ([("E2E", "TS"), ("TS", "ID"), ("ID+TS", "TS")], ["ID", "TS"]),
        ([("late", "TS"), ("TS", "late")], []),
        ([("E2E", "ID"), ("ID", "ID+E2E")], []),
    ],
    ids=["one", "the first without a trained encoder", "late fusion waits", "none"],
)
def test_the_first_comparison_that_is_soon_told_goes_ahead(
    pairs: list[tuple[str, str]], first: list[str]
) -> None:
    rest = [name for name in ("ID", "TS", "ID+TS", "late") if name not in first]
    assert list(starting_order(arms(), contrasts(*pairs))) == [*first, *LONGEST, *rest]


def test_only_the_headlines_condition_goes_ahead() -> None:
    found = starting_order(expand(study(STUDY + CONDITIONS)), contrasts(("TS", "ID")))
    assert list(found[:4]) == ["plain/ID", "plain/TS", "plain/E2E", "plain/ID+E2E"]
    assert set(found[4:6]) == {"other/E2E", "other/ID+E2E"}


def test_no_arms_have_an_order_too() -> None:
    assert starting_order((), contrasts(("A", "B"))) == ()
