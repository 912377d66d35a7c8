"""The table of recommenders and the specifications a study may write are of the same models."""

from typing import get_args

from morec.config.models import OurModelSpec
from morec.models.table import RECOMMENDERS


def test_every_model_has_the_specification_of_its_kind() -> None:
    assert tuple(model.spec for model in RECOMMENDERS.own.values()) == get_args(OurModelSpec)
    for kind, model in RECOMMENDERS.own.items():
        assert model.spec.model_validate({"kind": kind}).kind == kind
