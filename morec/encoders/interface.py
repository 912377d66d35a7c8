"""What an encoder is to the items it encodes, and what a family of encoders is to the other code.

Shapes: N items asked for, row r = item r + 1; H encoder width.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic, Literal, TypeVar

from torch import Tensor, nn

from morec.config import ImageSpec, TextSpec, VectorsSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.errors import SpecError

SpecT = TypeVar("SpecT", TextSpec, ImageSpec, VectorsSpec)


class Encoder(nn.Module):
    """The part of an encoder that a trial runs, over inputs that many trials share.

    Shared inputs are no part of its ``state_dict``.
    """

    dim: int
    """H."""

    def forward(self, rows_N: Tensor) -> Tensor:
        """Encode items into (N, H), on the encoder's device; ``rows_N`` is on the host."""
        raise NotImplementedError

    def encode_padded_item(self) -> Tensor:
        """Encode one item of the greatest length, shape (1, H); its cost is measured."""
        raise NotImplementedError

    def lengths_of(self, rows_N: Tensor) -> Tensor | None:
        """Tokens of every item, on the host; None where items are not grouped by length."""
        return None


class EncoderFamily(ABC, Generic[SpecT]):
    """Encoders that are made the same way. An installed package may add one by an entry point.

    A family refuses options that it has no use for with a ``SpecError``.
    """

    part: Literal["text", "image", "vectors"]
    """What it encodes: its name stands in ``item.text.name`` or in ``item.image.name``.

    ``vectors`` are own vectors, which have no encoder here."""

    @abstractmethod
    def weights_hash(self, spec: SpecT) -> str:
        """Identify the weights an encoder starts from; part of a trial's identity.

        ``random-...`` names the architecture instead where training starts from scratch.

        Raises:
            DataError: the weights cannot be had.
            SpecError: the name is unknown.
        """

    @abstractmethod
    def inputs(self, spec: SpecT, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or make what every trial with this encoder reads; computed once, before the sweep.

        The key of the artefact holds neither the trial's seed nor its learning rate.

        Raises:
            DataError: the weights, titles or images cannot be had.
            SpecError: the encoder cannot do what is asked; lists everything.
        """

    @abstractmethod
    def build(self, spec: SpecT, dataset: Dataset, store: ArtefactStore) -> Encoder:
        """Build what a trial runs over the artefact of ``inputs``, which is made again if missing.

        Random weights that train come from torch's random state, the trial's own. Random weights
        that do not train are the same in every trial.
        """

    def second_round(self, spec: SpecT, dataset: Dataset, store: ArtefactStore) -> Artefact:
        """Find or train a second round of pre-training; see ``second_round.second_round``.

        Raises:
            DataError: the weights, titles or images cannot be had.
            SpecError: the encoder has none, or its loss does not stay finite.
        """
        raise SpecError(f"item.{self.part}.second_round: {spec.name!r} cannot be pre-trained again")

    def read_as(self, spec: SpecT) -> str:
        """Say how an encoder reads an item where options or its own files decide; may be empty.

        Raises:
            DataError: the weights cannot be had.
            SpecError: the encoder cannot do what is asked.
        """
        return ""

    def caveat(self, spec: SpecT) -> str:
        """Say how an encoder is read otherwise than its authors meant; empty if it is not.

        Raises as ``read_as`` does.
        """
        return ""

    def save(
        self, spec: SpecT, encoder: Encoder, *, dataset: Dataset, store: ArtefactStore, folder: Path
    ) -> None:
        """Write an encoder as training left it into a folder, which is made.

        ``encoder`` is what ``build`` gave. Of frozen features, their own encoder is written. The
        same family reads the folder: ``saved_spec`` of ``morec.encoders.saved`` says with what.

        Raises:
            SpecError: encoders of this family are of no use without their data set.
        """
        raise SpecError(
            f"item.{self.part}: {spec.name!r} cannot be saved apart from its data set, so that "
            "new items cannot be encoded"
        )

    def side_layers(self, spec: SpecT) -> tuple[int, ...]:
        """The numbers of the layers that the side network of ``spec.side`` reads.

        Where an encoder has them, ``inputs`` makes their pooled states, and ``build`` gives a table
        of them, (N, K, H), in place of one of frozen features.

        Raises:
            SpecError: it has not, or not so many.
        """
        raise SpecError(
            f"item.{self.part}.side: {spec.name!r} gives no states of its layers; allowed: "
            "transformers of the transformers library"
        )

    def blank(self, spec: SpecT) -> Encoder | None:
        """An encoder over one made-up item, in which something trains, without data and weights.

        Only its shapes are read. None: they are not known on this machine.
        """
        return None

    def input_bytes(self, spec: SpecT) -> int:
        """Bytes per item of the artefacts behind ``inputs``, at most, without frozen features.

        Asked for only where ``blank`` knows the shapes.
        """
        return 0
