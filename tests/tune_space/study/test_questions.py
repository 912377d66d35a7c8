"""A study with an open question is refused, and says which."""

import pytest

from morec.errors import SpecError
from tune_space.study.load import parse_study

STUDY = """\
question: Which?
baseline: ID
base:
  dataset:
    kind: files
    interactions: a.csv
    # QUESTION: Which column is the time?
    time_column: ???
  item: {id: true}
arms: {ID: {}}
quick: {seeds: [1]}
"""


def test_an_open_question_is_one_sentence_and_an_answer_closes_it() -> None:
    with pytest.raises(SpecError) as caught:
        parse_study(STUDY, "mine.yaml")
    assert caught.value.problems == (
        "mine.yaml:8: base.dataset.time_column: is an open question; replace ??? by one of the "
        "answers above it",
    )
    assert parse_study(STUDY.replace("???", "date"), "mine.yaml").baseline == "ID"


def test_set_answers_a_question_too() -> None:
    answered = ["base.dataset.time_column=date"]
    text = STUDY.replace("quick: {seeds: [1]}\n", "")
    assert parse_study(text, "mine.yaml", overrides=answered).baseline == "ID"


def test_every_open_question_is_named() -> None:
    more = "arms:\n  ID:\n    model.dim: ???\nseeds:\n  - 1\n  - ???"
    text = STUDY.replace("arms: {ID: {}}", more)
    with pytest.raises(SpecError) as caught:
        parse_study(text, "mine.yaml")
    assert [problem.split(": ")[1] for problem in caught.value.problems] == [
        "base.dataset.time_column",
        "arms.ID.model.dim",
        "seeds[1]",
    ]
