"""Items to vectors: the parts a specification switches on, and their fusion.

Shapes: N items asked for (ids 1..num_items), D item vector width.
"""

from collections.abc import Callable, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from morec.config import ID_INIT, EncoderSpec, ItemSpec
from morec.data.dataset import Dataset
from morec.encoders.artefacts import Artefact, ArtefactStore
from morec.encoders.controls import Controls
from morec.encoders.families import build_encoder, encoder_inputs, family_of
from morec.encoders.fusion import AddFusion, ConcatFusion, dense_layers, dt_layer
from morec.encoders.id_init import start_encoder, start_inputs
from morec.encoders.id_vectors import random_embedding, started_vectors
from morec.encoders.interface import Encoder
from morec.encoders.macs import count_macs
from morec.encoders.second_round import trained_folder
from morec.encoders.side import SideNetwork
from morec.placement import beside


class IdPart(nn.Module):
    """A trained vector per item id (IDRec), and DSSM's layers after it."""

    def __init__(self, embedding: nn.Module, dnn: nn.Sequential) -> None:
        """Take what gives vectors_ND of item ids, and has a ``weight``, and the layers after it."""
        super().__init__()
        self.embedding = embedding
        self.dnn = dnn

    def forward(self, items_N: Tensor) -> Tensor:
        """Look the vectors_ND up."""
        items_N = beside(items_N, cast(Tensor, self.embedding.weight))
        return cast(Tensor, self.dnn(self.embedding(items_N)))

    def encode_padded_item(self) -> Tensor:
        """One item's vector, shape (1, D): looking it up costs nothing."""
        return self.forward(torch.zeros(1, dtype=torch.long))


class ModalityPart(nn.Module):
    """An encoder, its DT layer and the DNN layers after it."""

    def __init__(self, encoder: Encoder, projection: nn.Sequential, dnn: nn.Sequential) -> None:
        super().__init__()
        self.encoder = encoder
        self.projection = projection
        self.dnn = dnn

    def forward(self, items_N: Tensor) -> Tensor:
        """Encode items into vectors_ND."""
        return cast(Tensor, self.dnn(self.projection(self.encoder(items_N - 1))))

    def encode_padded_item(self) -> Tensor:
        """Encode one item of the greatest length, shape (1, D)."""
        return cast(Tensor, self.dnn(self.projection(self.encoder.encode_padded_item())))


class ItemEncoder(nn.Module):
    """The parts of an item, fused into one vector."""

    def __init__(
        self,
        parts: Mapping[str, IdPart | ModalityPart],
        fusion: nn.Module | None,
        dnn: nn.Sequential,
    ) -> None:
        """Take the parts by name, what fuses two or more of them, and the layers after that."""
        super().__init__()
        # A module's name has no dots.
        self.parts = nn.ModuleDict({name.replace(".", ":"): part for name, part in parts.items()})
        self.fusion = fusion
        self.dnn = dnn

    def forward(self, items_N: Tensor) -> Tensor:
        """Encode items (ids 1..num_items, on the host) into items_ND, repeated ids repeatedly."""
        return self._fuse([part(items_N) for part in self.parts.values()])

    def by_length(self, items_N: Tensor) -> Tensor:
        """The order that sorts items by the length of their titles; without titles, no change."""
        encoders = [part.encoder for part in self.parts.values() if isinstance(part, ModalityPart)]
        for encoder in encoders:
            lengths_N = encoder.lengths_of(items_N - 1)
            if lengths_N is not None:
                return lengths_N.argsort(stable=True)
        return torch.arange(len(items_N))

    def encoder_parameters(self) -> list[nn.Parameter]:
        """The encoder layers that train, with a learning rate of their own."""
        return [
            parameter
            for part in self.parts.values()
            if isinstance(part, ModalityPart)
            for parameter in part.encoder.parameters()
            if parameter.requires_grad
        ]

    def other_parameters(self) -> list[nn.Parameter]:
        """Everything else that trains."""
        known = {id(parameter) for parameter in self.encoder_parameters()}
        return [p for p in self.parameters() if p.requires_grad and id(p) not in known]

    def padded_item_macs(self) -> tuple[int, set[str]]:
        """Multiply-accumulates of one item with every token slot filled, as a trial runs it.

        Frozen features cost nothing. Also the names of operations that could not be counted.
        """
        was_training = self.training
        self.eval()
        try:
            return count_macs(self.encode_padded_item)
        finally:
            self.train(was_training)

    def encode_padded_item(self) -> Tensor:
        """Encode one item of the greatest length, shape (1, D)."""
        parts = cast("list[IdPart | ModalityPart]", list(self.parts.values()))
        return self._fuse([part.encode_padded_item() for part in parts])

    def _fuse(self, parts_ND: list[Tensor]) -> Tensor:
        fused_ND = parts_ND[0] if self.fusion is None else self.fusion(parts_ND)
        return cast(Tensor, self.dnn(fused_ND))


def prepare_item_inputs(
    spec: ItemSpec, dataset: Dataset, store: ArtefactStore
) -> dict[str, Artefact]:
    """Find or make every artefact a specification needs, by part name; before the sweep.

    A second round of pre-training is ``<part> second round``; what ID vectors start from is
    ``id_init`` (features) and ``id_init start``. Every encoder is built once and
    dropped, so that an encoder that cannot run raises before any trial starts.

    Raises:
        DataError: weights, titles or images cannot be had.
        SpecError: an encoder cannot do what is asked.
    """
    rounds = _second_rounds(spec, dataset, store)
    spec = _after(rounds, spec)
    found = {f"{part} second round": artefact for part, artefact in rounds.items()}
    with torch.random.fork_rng(devices=[]):
        for name, part in spec.modalities.items():
            found[name] = encoder_inputs(part, dataset, store)
            build_encoder(part, dataset, store)
        if spec.id_init is not None:
            names = (ID_INIT, f"{ID_INIT} start")
            found.update(zip(names, start_inputs(spec.id_init, dataset, store), strict=True))
    return found


def build_item_encoder(
    spec: ItemSpec,
    dataset: Dataset,
    dim: int,
    dropout: float,
    store: ArtefactStore,
    *,
    id_layers: int = 0,
) -> ItemEncoder:
    """Build a trial's item encoder over its artefacts; missing ones are made again.

    Everything random comes from torch's random state, in the same order whether or not an
    artefact had to be made, or a part has a control.
    """
    controls = Controls(dataset.num_items)
    spec = after_second_rounds(spec, dataset, store)

    def make(place: str) -> Encoder:
        part = spec.encoders[place]
        if place == ID_INIT:
            assert spec.id_init is not None
            return controls.apply(start_encoder(spec.id_init, dataset, store), part)
        return controls.apply(build_encoder(part, dataset, store), part)

    return assemble_item_encoder(spec, dataset.num_items, dim, dropout, make, id_layers=id_layers)


def assemble_item_encoder(
    spec: ItemSpec,
    num_items: int,
    dim: int,
    dropout: float,
    make: Callable[[str], Encoder],
    *,
    id_layers: int = 0,
) -> ItemEncoder:
    """Put an item encoder together from the encoders that ``make`` gives for places in the item.

    The places are those of ``ItemSpec.encoders``; for ``id_init`` it gives components.
    ``id_layers`` dense layers come after the ID embedding, before the fusion.
    """
    parts: dict[str, IdPart | ModalityPart] = {}
    if spec.id:
        vectors = _id_vectors(spec, num_items, dim, make)
        parts["id"] = IdPart(vectors, dense_layers(dim, id_layers, dropout))
    for name, part in spec.modalities.items():
        encoder = make(name)
        # As in the paper's code, what stands behind a text encoder that trains starts differently.
        is_xavier = name != "text" or part.trainable_layers == 0
        side = _side_network(part, encoder)
        projection = nn.Sequential(*side, *dt_layer(encoder.dim, dim, xavier=is_xavier))
        parts[name] = ModalityPart(encoder, projection, dense_layers(dim, part.dnn_layers, dropout))
    fusion: nn.Module | None = None
    if spec.fusion == "add":
        fusion = AddFusion()
    elif spec.fusion == "concat":
        fusion = ConcatFusion(len(parts), dim, dropout)
    return ItemEncoder(parts, fusion, dense_layers(dim, spec.fusion_layers, dropout))


def _id_vectors(
    spec: ItemSpec, num_items: int, dim: int, make: Callable[[str], Encoder]
) -> nn.Module:
    if spec.id_init is None:
        return random_embedding(num_items, dim)
    components_NH = make(ID_INIT)(torch.arange(num_items))
    return started_vectors(num_items, components_NH, dim, spec.id_init)


def _side_network(spec: EncoderSpec, encoder: Encoder) -> tuple[SideNetwork, ...]:
    """What makes one vector of the layers' states, before the DT layer; empty without ``side``."""
    if spec.side is None:
        return ()
    num_layers = encoder.encode_padded_item().shape[1]
    return (SideNetwork(num_layers, encoder.dim, spec.side),)


def _second_rounds(spec: ItemSpec, dataset: Dataset, store: ArtefactStore) -> dict[str, Artefact]:
    """The second rounds of pre-training a specification asks for, by part name."""
    return {
        name: family_of(part).second_round(part, dataset, store)
        for name, part in spec.encoders.items()
        if part.second_round is not None
    }


def after_second_rounds(spec: ItemSpec, dataset: Dataset, store: ArtefactStore) -> ItemSpec:
    """The same encoders, but each starts from the result of its second round, if it has one."""
    return _after(_second_rounds(spec, dataset, store), spec)


def _after(rounds: Mapping[str, Artefact], spec: ItemSpec) -> ItemSpec:
    """The same encoders, but each starts from the result of its second round."""
    parts = {}
    for part, artefact in rounds.items():
        start = {"name": str(trained_folder(artefact)), "pretrained": True, "second_round": None}
        parts[part] = spec.encoders[part].model_copy(update=start)
    return spec.with_encoders(parts)
