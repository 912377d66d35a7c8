"""The table of recommenders and the specifications a study may write are of the same models."""

from morec.config.models import OUR_MODELS
from morec.models.table import RECOMMENDERS


def test_every_model_has_the_specification_of_its_kind() -> None:
    assert list(RECOMMENDERS.own) == list(OUR_MODELS)
    for kind, model in RECOMMENDERS.own.items():
        assert model.spec is OUR_MODELS[kind]
        assert model.spec.model_validate({"kind": kind}).kind == kind
