"""``--schema``: the JSON schema of study files, for completion and checks in editors."""

from tune_space.commands.request import Answer, Request
from tune_space.study.schema import format_schema


def answer(request: Request) -> Answer:
    """The schema's text, of which the lines are those of a file."""
    return Answer(tuple(format_schema().splitlines()))
