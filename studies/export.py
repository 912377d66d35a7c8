"""``--export``: a finished arm's model as a folder, with a model card made from the report."""

from pathlib import Path

from reports.export.model_card import UNKNOWN, CardFacts, model_card
from reports.study.arm_interval import interval_on_test
from reports.study.report import read_report
from tune_space.commands.export import Exporter, choose, default_target
from tune_space.commands.request import Answer, StudyRequest
from tune_space.inputs.prepare import Prepared
from tune_space.ledger.records import Ledger


def answer(request: StudyRequest) -> Answer:
    """Write the arm's model into ``--to``, or into ``exports/<arm>`` in the study's output folder.

    Raises:
        SpecError: the study has no such arm, or the folder is there already.
        DataError: the arm has no completed final trial; or data, weights, schema or ranks are other
            ones than the record's.
    """
    chosen = choose(Ledger(request.out), request.argument)
    target: Path = request.options.get("to") or default_target(request.out, chosen.arm)
    select = chosen.record.config.evaluation.select
    own = interval_on_test(select, [chosen.record])
    prepared = Prepared.beside(request.out, request.root)
    license = request.options.get("license") or UNKNOWN

    def card(agreement: str) -> str:
        facts = CardFacts(chosen.record, chosen.sentence, agreement, license)
        return model_card(read_report(request.out), chosen.arm.name, facts)

    exporter = Exporter(chosen, prepared, request.out, (own.low, own.high), request.say)
    agreement = exporter.export(target, card)
    return Answer((chosen.sentence, agreement, f"exported: {target}"))
