"""What a family of encoders does that says nothing of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from morec.config import TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.interface import Encoder, EncoderFamily
from morec.errors import SpecError

SPEC = TextSpec(name="mine")


class Plain(EncoderFamily[TextSpec]):
    part = "text"

    def weights_hash(self, spec: TextSpec) -> str:
        return "random-mine"

    def inputs(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Artefact:
        raise NotImplementedError

    def build(self, spec: TextSpec, dataset: Dataset, store: ArtefactStore) -> Encoder:
        raise NotImplementedError


def test_a_plain_family_has_nothing_to_say_and_no_shapes() -> None:
    family = Plain()
    assert (family.read_as(SPEC), family.caveat(SPEC)) == ("", "")
    assert (family.blank(SPEC), family.input_bytes(SPEC)) == (None, 0)


Asked = Callable[[Plain, Dataset, ArtefactStore], Any]


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (
            lambda family, data, store: family.second_round(SPEC, data, store),
            "item.text.second_round: 'mine' cannot be pre-trained again",
        ),
        (
            lambda family, data, store: family.save(
                SPEC, Encoder(), dataset=data, store=store, folder=Path("new")
            ),
            "item.text: 'mine' cannot be saved apart from its data set, so that new items cannot "
            "be encoded",
        ),
        (
            lambda family, data, store: family.side_layers(SPEC),
            "item.text.side: 'mine' gives no states of its layers; allowed: transformers of the "
            "transformers library",
        ),
    ],
)
def test_a_plain_family_refuses_what_only_some_can(
    ask: Asked, message: str, dataset: Dataset, store: ArtefactStore
) -> None:
    with pytest.raises(SpecError) as caught:
        ask(Plain(), dataset, store)
    assert str(caught.value) == message


def test_items_of_a_plain_encoder_are_not_grouped_by_length() -> None:
    assert Encoder().lengths_of(torch.arange(3)) is None
    with pytest.raises(NotImplementedError):
        Encoder()(torch.arange(3))
    with pytest.raises(NotImplementedError):
        Encoder().encode_padded_item()
