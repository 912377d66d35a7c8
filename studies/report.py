"""``--report``: write the report of what is recorded. The other commands are in ``tune_space``."""

from reports.write import write_report
from tune_space.commands.request import Answer, StudyRequest


def answer(request: StudyRequest) -> Answer:
    """Write the report into the study's output folder."""
    return Answer((f"report: {write_report(request.out)}",))
