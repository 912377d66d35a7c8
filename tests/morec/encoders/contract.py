"""What every encoder promises, whatever it is and however much of it trains.

A test module subclasses ``EncoderContract`` and gives two fixtures of module scope: ``builder``, a
``Builder``, and ``case``, the name of an encoder and one of ``OPTIONS``.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from morec.config import ItemSpec, TextSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import ArtefactStore
from morec.encoders.families import build_encoder, family_of
from morec.encoders.frozen import FROZEN_SEED
from morec.encoders.interface import EncoderFamily
from morec.encoders.item import ItemEncoder, build_item_encoder
from morec.encoders.saved import is_saved, save_encoder, saved_spec
from morec.encoders.text.reading import contents_of
from morec.errors import SpecError

DIM = 6
LORA = {"rank": 2, "alpha": 8.0}
ALL: dict[str, Any] = {"trainable_layers": "all"}
TOP: dict[str, Any] = {"trainable_layers": 1}
TRAINED: dict[str, dict[str, Any]] = {
    "ts": {},
    "e2e": ALL,
    "top1": TOP,
    "lora e2e": {**ALL, "lora": LORA},
    "lora top1": {**TOP, "lora": LORA},
}
"""What of an encoder trains, as options of its specification."""
OPTIONS = {**TRAINED, "side": {"side": {"width": 4}}}
"""The same, and an encoder beside which a network trains."""
STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}
"""What BatchNorm keeps besides its parameters."""


class Encoded(NamedTuple):
    """What an encoder made of all items, in evaluation mode."""

    vectors: Tensor
    before_dt: Tensor
    """What ``vectors_of`` gives."""


class Builder(ABC):
    """Builds the item encoder of a case; the same seed gives the same one."""

    def __init__(self, dataset: Dataset, store: ArtefactStore) -> None:
        self.dataset, self.store = dataset, store
        self._two_stage: dict[str, Tensor] = {}
        self._sizes: dict[tuple[str, str], dict[str, int]] = {}

    @abstractmethod
    def spec(self, name: str, trained: str) -> ItemSpec:
        """The specification of a case."""

    def build(self, name: str, trained: str, seed: int = FROZEN_SEED) -> ItemEncoder:
        torch.manual_seed(seed)
        spec = self.spec(name, trained)
        encoder = build_item_encoder(spec, self.dataset, DIM, 0.1, self.store)
        parameters = trained_parameters(encoder)
        self._sizes[name, trained] = {path: p.numel() for path, p in parameters.items()}
        return encoder

    def two_stage_vectors(self, name: str) -> Tensor:
        """The frozen vectors of all items, which all cases of an encoder are compared with."""
        if name not in self._two_stage:
            items = torch.arange(1, self.dataset.num_items + 1)
            self._two_stage[name] = vectors_of(self.build(name, "ts"), items).detach()
        return self._two_stage[name]

    def trained_sizes(self, name: str, trained: str) -> dict[str, int]:
        """The numbers in each parameter that trains, noted when the case was built."""
        if (name, trained) not in self._sizes:
            self.build(name, trained)
        return self._sizes[name, trained]


def moved(encoder: ItemEncoder) -> ItemEncoder:
    """The encoder after some training."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return encoder


def vectors_of(encoder: ItemEncoder, items: Tensor) -> Tensor:
    """What the encoder of the only part makes of the items, before the DT layer.

    With a side network, the states of its layers stand one after the other.
    """
    (part,) = encoder.parts.values()
    vectors: Tensor = part.get_submodule("encoder")(items - 1)
    return vectors.flatten(1)


def trained_parameters(encoder: ItemEncoder) -> dict[str, Tensor]:
    """The parameters that train of the encoder of the only part, without the DT layer."""
    (part,) = encoder.parts.values()
    named = part.get_submodule("encoder").named_parameters()
    return {name: tensor for name, tensor in named if tensor.requires_grad}


def check_lora_trains_its_changes_only(builder: Builder, name: str, trained: str) -> None:
    changes = builder.trained_sizes(name, trained)
    assert {path.rpartition(".")[2] for path in changes} == {"a_RI", "b_OR"}
    whole = builder.trained_sizes(name, trained.removeprefix("lora "))
    assert sum(changes.values()) < sum(whole.values()) / 3


def some_of(dataset: Dataset, spec: Any, rows: list[int]) -> Dataset:
    """A catalogue of these items alone, whose titles are what the encoder reads of them."""
    titles = contents_of(spec, dataset) if isinstance(spec, TextSpec) else dataset.titles
    assert titles is not None and dataset.image_array is not None
    return replace(
        dataset,
        num_items=len(rows),
        item_names=tuple(f"new {row}" for row in rows),
        titles=tuple(titles[row] for row in rows),
        columns={},
        image_array=dataset.image_array[rows],
    )


class EncoderContract:
    def rounding_of(self, name: str) -> float:
        """How far one item's numbers may be from those of a batch, both in fp64."""
        return 1e-10

    def rounding_in_fp32(self, name: str) -> float:
        """How far numbers of batches of other shapes are apart, as a share of the largest."""
        return 2e-5

    def test_every_item_has_a_vector_and_different_items_different_ones(
        self, encoded: Encoded, items: Tensor
    ) -> None:
        assert encoded.vectors.shape == (len(items), DIM)
        assert encoded.vectors.isfinite().all()
        assert torch.pdist(encoded.before_dt).min() > 1e-6

    def test_evaluation_repeats_itself_to_the_bit(
        self, built: ItemEncoder, items: Tensor, encoded: Encoded
    ) -> None:
        assert torch.equal(built(items), encoded.vectors)

    def test_an_item_has_the_same_vector_alone_and_in_any_batch(
        self, encoder: ItemEncoder, items: Tensor, case: tuple[str, str], dataset: Dataset
    ) -> None:
        close = partial(torch.testing.assert_close, rtol=0, atol=self.rounding_of(case[0]))
        encoder = encoder.double()
        together = encoder(items)
        lengths = [len(title.split()) for title in dataset.titles or ()]
        for row in (4, lengths.index(min(lengths)), lengths.index(max(lengths))):
            close(encoder(items[[row]])[0], together[row])
        some = torch.tensor([7, 3, 7, 20, 0, 11])
        close(encoder(items[some]), together[some])

    def test_gradients_are_exactly_where_something_trains(
        self, encoder: ItemEncoder, items: Tensor, case: tuple[str, str]
    ) -> None:
        moved(encoder.train())(items).square().sum().backward()
        named = dict(encoder.named_parameters())
        with_gradient = {name for name, tensor in named.items() if tensor.grad is not None}
        assert with_gradient == {name for name, tensor in named.items() if tensor.requires_grad}
        assert len(encoder.encoder_parameters()) == len(trained_parameters(encoder))
        assert bool(trained_parameters(encoder)) == (case[1] not in ("ts", "side"))

    def test_training_starts_from_the_two_stage_features(
        self, encoded: Encoded, case: tuple[str, str], builder: Builder
    ) -> None:
        frozen = builder.two_stage_vectors(case[0])
        vectors = encoded.before_dt[:, -frozen.shape[1] :]
        # Both in fp32, in batches of other shapes.
        torch.testing.assert_close(vectors, frozen, rtol=1e-5, atol=2e-5)

    def test_a_state_brings_a_trained_encoder_back_and_holds_nothing_frozen(
        self,
        encoder: ItemEncoder,
        items: Tensor,
        case: tuple[str, str],
        builder: Builder,
        tmp_path: Path,
    ) -> None:
        moved(encoder)
        torch.save(encoder.state_dict(), tmp_path / "state.pt")
        state = torch.load(tmp_path / "state.pt", weights_only=True)
        named = dict(encoder.named_parameters())
        # The sines and cosines of a ViT-MAE's positions never train.
        positions = {name for name in named if name.endswith("position_embeddings")}
        trained = {name for name, tensor in named.items() if tensor.requires_grad}
        assert trained <= set(state)
        others = set(state) - trained - positions
        assert {name.rpartition(".")[2] for name in others} <= STATISTICS
        again = builder.build(*case).eval()
        assert not torch.equal(again(items), encoder(items))
        again.load_state_dict(state)
        assert torch.equal(again(items), encoder(items))

    def test_saved_it_encodes_new_items_with_these_contents_as_it_did(
        self,
        encoder: ItemEncoder,
        items: Tensor,
        case: tuple[str, str],
        builder: Builder,
        tmp_path: Path,
    ) -> None:
        ((part, spec),) = builder.spec(*case).modalities.items()
        if not is_saved(spec):
            return  # Whoever has own vectors has them of new items, too.
        trained = moved(encoder).parts[part].get_submodule("encoder")
        data, folder = builder.dataset, tmp_path / "saved"
        given = {"dataset": data, "store": builder.store, "folder": folder}
        if type(family_of(spec)).save is EncoderFamily.save:
            with pytest.raises(SpecError, match="cannot be saved apart from its data set"):
                save_encoder(spec, trained, **given)
            return
        save_encoder(spec, trained, **given)
        others = some_of(data, spec, [19, 3, 11, 0, 7])
        again = build_encoder(saved_spec(spec, folder), others, ArtefactStore(tmp_path / "a"))
        found = again.eval()(torch.arange(5)).flatten(1)
        expected = vectors_of(encoder, items)[[19, 3, 11, 0, 7]].detach()
        rounding = self.rounding_in_fp32(case[0]) * max(1.0, float(expected.abs().max()))
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=rounding)

    def test_every_multiplication_of_an_item_is_counted(self, built: ItemEncoder) -> None:
        macs, uncounted = built.padded_item_macs()
        assert uncounted == set()
        dt_layer = vectors_of(built, torch.tensor([1])).shape[1] * DIM
        assert macs >= dt_layer
